from __future__ import annotations

from random import Random
from typing import Any

import pytest

from podium.clock import EPOCH
from podium.models import codec, core_v1, policy_v1
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import FitError
from podium.scheduler.preemption import Nomination, NoPreemption, Preemption
from podium.scheduler.schedule import Decider

from .build import cluster, info, node, pod
from .rules.test_filters import WEB, term, terms
from .test_schedule import snapshot


def budget(allowed: int, labels: dict[str, str], **status: Any) -> policy_v1.PodDisruptionBudget:
    tree = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed, **status},
    }
    return codec.from_tree(tree, policy_v1.PodDisruptionBudget)


def preempt(cache: Cache, one: core_v1.Pod, *budgets: policy_v1.PodDisruptionBudget) -> tuple[str, list[str]] | str:
    """(node, names of the victims), or the message. Whatever comes of it, the cache is as it was."""
    decider = Decider(cache, Random(1))
    preemptor = info(cache, one)
    why = decider.decide(preemptor)
    assert isinstance(why, FitError)
    before = snapshot(cache)
    outcome = Preemption(cache, decider, Random(1)).find(preemptor, why, budgets, EPOCH)
    assert snapshot(cache) == before
    if isinstance(outcome, NoPreemption):
        return outcome.message
    assert isinstance(outcome, Nomination)
    return outcome.node, [victim.pod.metadata.name for victim in outcome.victims]


def test_the_least_important_pod_goes() -> None:
    pods = (
        pod("a", on="n", cpu="1", priority=1),
        pod("b", on="n", cpu="1", priority=0),
        pod("c", on="n", cpu="1", priority=2),
        pod("d", on="n", cpu="1", priority=9),
    )
    cache = cluster(node("n"), pods=pods)
    assert preempt(cache, pod(cpu="1", priority=5)) == ("n", ["b"])
    assert preempt(cache, pod(cpu="3", priority=5)) == ("n", ["c", "a", "b"])


def test_pods_that_are_large_enough_are_not_spared_in_vain() -> None:
    cache = cluster(node("n"), pods=(pod("big", on="n", cpu="3", priority=1), pod("small", on="n", cpu="1")))
    assert preempt(cache, pod(cpu="2", priority=5)) == ("n", ["big"])


@pytest.mark.parametrize(
    ("priority", "cpu", "message"),
    [
        (0, "1", "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."),
        (5, "5", "2 Preemption is not helpful for scheduling."),
    ],
)
def test_why_not(priority: int, cpu: str, message: str) -> None:
    cache = cluster(node("n"), node("t", taints=["k:NoSchedule"]), pods=(pod("a", on="n", cpu="4"),))
    assert preempt(cache, pod(cpu=cpu, priority=priority)) == f"0/2 nodes are available: {message}"


def test_pods_above_keep_the_node() -> None:
    cache = cluster(node("n"), pods=(pod("a", on="n", cpu="3", priority=9), pod("b", on="n", cpu="1")))
    assert preempt(cache, pod(cpu="2", priority=5)) == "0/1 nodes are available: 1 Insufficient cpu."


def test_a_policy_of_never() -> None:
    cache = cluster(node("n", cpu="1"), pods=(pod("a", on="n", cpu="1"),))
    one = pod(cpu="1", priority=5, spec={"preemptionPolicy": "Never"})
    assert preempt(cache, one) == "not eligible due to preemptionPolicy=Never."


def test_victims_that_are_ending_are_waited_for() -> None:
    ending = pod(
        "a",
        on="n",
        cpu="1",
        metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"},
        status={"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]},
    )
    cache = cluster(node("n", cpu="1"), node("m", cpu="1"), pods=(ending, pod("b", on="m", cpu="1")))
    one = pod(cpu="1", priority=5, status={"nominatedNodeName": "n"})
    assert preempt(cache, one) == "not eligible due to a terminating pod on the nominated node."


def test_anti_affinity_can_be_resolved() -> None:
    apart = terms("podAntiAffinity", term(WEB, key="kubernetes.io/hostname"))
    cache = cluster(node("n"), pods=(pod("a", on="n", labels=WEB), pod("b", on="n")))
    assert preempt(cache, pod(priority=5, spec=apart)) == ("n", ["a"])
    cache = cluster(node("n"), pods=(pod("a", on="n", spec=apart), pod("b", on="n")))
    assert preempt(cache, pod(priority=5, labels=WEB)) == ("n", ["a"])


def started(minute: int) -> dict[str, str]:
    return {"startTime": f"2025-01-01T00:{minute:02}:00Z"}


@pytest.mark.parametrize(
    ("on_a", "on_b"),
    [
        ([pod(priority=2, cpu="4", labels=WEB)], [pod(priority=3, cpu="4")]),  # WEB is protected by a budget
        ([pod(priority=2, cpu="4")], [pod(priority=1, cpu="4")]),
        ([pod(priority=2, cpu="2"), pod(priority=2, cpu="2")], [pod(priority=2, cpu="2"), pod(priority=1, cpu="2")]),
        ([pod(priority=0, cpu="2"), pod(priority=0, cpu="2")], [pod(priority=0, cpu="4")]),
        ([pod(cpu="4", status=started(1))], [pod(cpu="4", status=started(2))]),
    ],
)
def test_the_node_where_it_hurts_least(on_a: list[core_v1.Pod], on_b: list[core_v1.Pod]) -> None:
    def placed(pods: list[core_v1.Pod], name: str) -> list[core_v1.Pod]:
        copies = [codec.copy(one) for one in pods]
        for one in copies:
            one.spec.nodeName = name
        return copies

    for first, second in (("n", "m"), ("m", "n")):
        cache = cluster(node("n"), node("m"), pods=(*placed(on_a, first), *placed(on_b, second)))
        outcome = preempt(cache, pod(cpu="4", priority=5), budget(0, WEB))
        assert outcome[0] == second


def test_budgets_spare_whom_they_can() -> None:
    pods = (
        pod("a", on="n", cpu="1", labels=WEB),
        pod("b", on="n", cpu="1", labels=WEB),
        pod("c", on="n", cpu="1", priority=3),
        pod("d", on="n", cpu="1", priority=4),
    )
    cache = cluster(node("n"), pods=pods)
    assert preempt(cache, pod(cpu="1", priority=5)) == ("n", ["b"])
    assert preempt(cache, pod(cpu="1", priority=5), budget(1, WEB)) == ("n", ["a"])
    assert preempt(cache, pod(cpu="1", priority=5), budget(0, WEB)) == ("n", ["c"])
    counted = {"disruptedPods": {"a": "2026-01-01T00:00:00Z", "b": "2026-01-01T00:00:00Z"}}
    assert preempt(cache, pod(cpu="1", priority=5), budget(0, WEB, **counted)) == ("n", ["b"])
