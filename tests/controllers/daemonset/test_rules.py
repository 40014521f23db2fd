"""Which nodes run a Pod, what one node calls for, and what may be done to all of them at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from podium.controllers.daemonset import decide
from podium.controllers.daemonset import node as nodes
from podium.controllers.daemonset import pods as daemon_pods
from podium.controllers.daemonset.backoff import Backoff
from podium.controllers.daemonset.eligibility import NEITHER, Rules, Verdict
from podium.controllers.daemonset.ledger import Ledger
from podium.controllers.daemonset.node import GONE, NodeState, Role, Terms, assess
from podium.models import core_v1
from tests.controllers.build import NOW
from tests.controllers.daemonset.build import daemon_set, node, pod

BOTH, STAY = Verdict(start=True, stay=True), Verdict(start=False, stay=True)


def affinity(*names: str) -> core_v1.Affinity:
    """To the nodes of those names."""
    terms = tuple(
        core_v1.NodeSelectorTerm(
            matchFields=(core_v1.NodeSelectorRequirement(key="metadata.name", operator="In", values=(name,)),)
        )
        for name in names
    )
    required = core_v1.NodeSelector(nodeSelectorTerms=terms)
    return core_v1.Affinity(nodeAffinity=core_v1.NodeAffinity(requiredDuringSchedulingIgnoredDuringExecution=required))


@pytest.mark.parametrize(
    ("spec", "taints", "verdict"),
    [
        ({}, "", BOTH),
        ({"nodeName": "n1"}, "", BOTH),
        ({"nodeName": "n2"}, "", NEITHER),
        ({"nodeSelector": {"disk": "ssd"}}, "", BOTH),
        ({"nodeSelector": {"disk": "hdd"}}, "", NEITHER),
        ({"affinity": affinity("n1")}, "", BOTH),
        ({"affinity": affinity("n0", "n2")}, "", NEITHER),
        ({}, "mine:NoSchedule", STAY),
        ({}, "mine:PreferNoSchedule", BOTH),
        ({}, "mine:NoExecute", NEITHER),
        ({"tolerations": (core_v1.Toleration(key="mine", operator="Exists"),)}, "mine:NoExecute", BOTH),
        ({}, "node.kubernetes.io/not-ready:NoExecute", BOTH),
        ({}, "node.kubernetes.io/not-ready:NoSchedule", STAY),
        ({}, "node.kubernetes.io/unreachable:NoExecute", BOTH),
        ({}, "node.kubernetes.io/unschedulable:NoSchedule", BOTH),
        ({}, "node.kubernetes.io/disk-pressure:NoSchedule", BOTH),
        ({}, "node.kubernetes.io/memory-pressure:NoSchedule", BOTH),
        ({}, "node.kubernetes.io/pid-pressure:NoSchedule", BOTH),
        ({}, "node.kubernetes.io/network-unavailable:NoSchedule", STAY),
        ({"hostNetwork": True}, "node.kubernetes.io/network-unavailable:NoSchedule", BOTH),
    ],
)
def test_where_pods_start_and_stay(spec: dict[str, Any], taints: str, verdict: Verdict) -> None:
    rules = Rules(core_v1.PodSpec(**spec))
    assert rules.verdict(node(labels={"disk": "ssd"}, taints=taints)) == verdict


def test_a_new_pod_fits_its_node_only_and_shares_nothing_with_the_template() -> None:
    owner = daemon_set()
    owner.metadata.annotations = {daemon_pods.GENERATION_ANNOTATION: "3"}
    owner.spec.template.spec.affinity = affinity("n0", "n1")
    made = daemon_pods.new_pod(owner, "n1", "abc")
    assert daemon_pods.target_node(made) == "n1"
    assert made.metadata.labels == {"app": "logs", "controller-revision-hash": "abc", "pod-template-generation": "3"}
    assert len(made.spec.tolerations) == 6
    assert owner.spec.template.spec.tolerations == ()
    kept = owner.spec.template.spec.affinity.nodeAffinity
    assert kept is not None
    assert kept.requiredDuringSchedulingIgnoredDuringExecution is not None
    assert len(kept.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms) == 2


def look(verdict: Verdict | None, *pods: core_v1.Pod, surges: bool = False, min_ready: int = 0) -> NodeState:
    return assess(Terms("new", "", min_ready, surges), verdict, pods, None, NOW)


@pytest.mark.parametrize(
    ("verdict", "pods", "surges", "create", "delete", "role"),
    [
        (BOTH, [], False, True, [], Role.BROKEN),
        (BOTH, [], True, True, [], Role.NONE),
        (BOTH, [pod("a")], False, False, [], Role.NONE),
        (BOTH, [pod("a", ready=None)], False, False, [], Role.BROKEN),
        (BOTH, [pod("a", name_hash="old")], False, False, [], Role.OLD),
        (BOTH, [pod("a", name_hash="old", ready=None)], False, False, [], Role.REPLACE),
        (BOTH, [pod("a", deleting=True)], False, False, [], Role.BROKEN),
        (BOTH, [pod("a", deleting=True)], True, True, [], Role.NONE),
        (BOTH, [pod("a", phase="Failed")], False, False, ["a"], Role.BROKEN),
        (BOTH, [pod("a", phase="Succeeded")], False, False, ["a"], Role.BROKEN),
        (BOTH, [pod("a", age=9), pod("b", age=10)], False, False, ["a"], Role.BROKEN),
        (BOTH, [pod("a", age=9), pod("b", age=10, bound=False)], False, False, ["b"], Role.BROKEN),
        (NEITHER, [pod("a")], False, False, ["a"], Role.NONE),
        (NEITHER, [pod("a", deleting=True)], False, False, [], Role.NONE),
        (STAY, [pod("a")], False, False, [], Role.NONE),
        (STAY, [pod("a", name_hash="old")], True, False, [], Role.LEAVING),
        (STAY, [pod("a", name_hash="old", ready=None)], True, False, [], Role.SUPERSEDED),
        (BOTH, [pod("a", name_hash="old")], True, False, [], Role.OLD),
        (BOTH, [pod("a", name_hash="old", ready=None)], True, False, [], Role.REPLACE),
        (BOTH, [pod("a", name_hash="old"), pod("b", ready=None)], True, False, [], Role.BROKEN),
        (BOTH, [pod("a", name_hash="old"), pod("b")], True, False, ["a"], Role.BROKEN),
        (BOTH, [pod("a", name_hash="old", ready=None), pod("b", ready=None)], True, False, ["a"], Role.BROKEN),
        (None, [pod("a", bound=False), pod("b")], False, False, ["a"], Role.NONE),
    ],
)
def test_what_a_node_calls_for(
    verdict: Verdict | None, pods: list[core_v1.Pod], surges: bool, create: bool, delete: list[str], role: Role
) -> None:
    state = look(verdict, *pods, surges=surges)
    assert (state.create, [one.metadata.name for one in state.delete], state.role) == (create, delete, role)


def test_a_node_without_anything_is_forgotten() -> None:
    assert look(STAY) == GONE
    assert look(None) == GONE


def test_a_pod_is_looked_at_again_when_it_becomes_available() -> None:
    state = look(BOTH, pod("a", ready=4), min_ready=10)
    assert (state.counts.ready, state.counts.available, state.look_again) == (1, 0, NOW + timedelta(seconds=6))


def test_a_failed_pod_stays_as_long_as_the_back_off_lasts() -> None:
    until = NOW + timedelta(seconds=3)
    state = assess(Terms("new", "", 0, False), BOTH, [pod("a", phase="Failed")], until, NOW)
    assert (state.delete, state.look_again) == ((), until)


def test_back_off_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten() -> None:
    backoff, now, waits = Backoff(), NOW, []
    for _ in range(13):
        assert backoff.until("n1", now) is None
        backoff.failed("n1", now)
        until = backoff.until("n1", now)
        assert until is not None
        waits.append((until - now).total_seconds())
        now = until
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert backoff.until("n2", now) is None
    later = now + timedelta(hours=1)
    backoff.failed("n1", later)
    assert backoff.until("n1", later) == later + timedelta(seconds=1)


def ledger(*states: NodeState) -> Ledger:
    result = Ledger()
    for number, state in enumerate(states):
        result.put(f"n{number}", state)
    return result


def of_role(role: Role, number: int) -> NodeState:
    return NodeState(nodes.Counts(desired=1, standing=1), role=role, old=pod(f"p{number}", name_hash="old"))


@pytest.mark.parametrize(
    ("unavailable", "roles", "deleted"),
    [
        (1, [Role.OLD, Role.OLD], ["p0"]),
        (2, [Role.OLD, Role.OLD, Role.OLD], ["p0", "p1"]),
        (1, [Role.BROKEN, Role.OLD], []),
        (2, [Role.BROKEN, Role.OLD], ["p1"]),
        (1, [Role.REPLACE, Role.REPLACE, Role.OLD], ["p0", "p1"]),
        ("50%", [Role.OLD, Role.OLD, Role.OLD], ["p0", "p1"]),
        (None, [Role.OLD, Role.OLD], ["p0"]),
        (0, [Role.OLD, Role.OLD], ["p0"]),
    ],
)
def test_how_many_old_pods_go_at_once(unavailable: int | str | None, roles: list[Role], deleted: list[str]) -> None:
    owner = daemon_set(unavailable=unavailable)
    plan = decide.plan(owner, ledger(*(of_role(role, number) for number, role in enumerate(roles))))
    assert (plan.create, [one.metadata.name for one in plan.delete]) == ((), deleted)


@pytest.mark.parametrize(
    ("surge", "roles", "created", "deleted"),
    [
        (1, [Role.OLD, Role.OLD], ["n0"], []),
        (1, [Role.BROKEN, Role.OLD], [], []),
        (2, [Role.BROKEN, Role.OLD, Role.OLD], ["n1"], []),
        (1, [Role.REPLACE, Role.REPLACE, Role.OLD], ["n0", "n1", "n2"], []),
        (1, [Role.SUPERSEDED, Role.NONE], [], ["p0"]),
        ("10%", [Role.OLD, Role.OLD], ["n0"], []),
    ],
)
def test_how_many_new_pods_come_at_once(
    surge: int | str, roles: list[Role], created: list[str], deleted: list[str]
) -> None:
    owner = daemon_set(surge=surge, unavailable=0)
    plan = decide.plan(owner, ledger(*(of_role(role, number) for number, role in enumerate(roles))))
    assert (list(plan.create), [one.metadata.name for one in plan.delete]) == (created, deleted)


def test_on_delete_replaces_nothing() -> None:
    assert decide.plan(daemon_set(strategy="OnDelete"), ledger(of_role(Role.OLD, 0))) == decide.Plan()


def test_the_ledger_adds_up_what_is_there_now() -> None:
    book = ledger(look(BOTH, pod("a")), look(BOTH, pod("b", name_hash="old", ready=None)), look(NEITHER, pod("c")))
    counts = book.counts
    assert (counts.desired, counts.current, counts.misscheduled) == (2, 2, 1)
    assert (counts.ready, counts.available, counts.updated) == (1, 1, 1)
    assert book.live_hashes() == {"new", "old"}
    book.put("n1", look(BOTH, pod("d")))
    book.put("n2", GONE)
    counts = book.counts
    assert (counts.desired, counts.misscheduled, counts.ready, counts.updated) == (2, 0, 2, 2)
    assert (book.live_hashes(), len(book), dict(book.active)) == ({"new"}, 2, {})
