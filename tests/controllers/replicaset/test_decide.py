"""How many Pods come and go, and what the status says."""

from __future__ import annotations

import pytest

from podium.controllers.replicaset import decide
from podium.models import apps_v1, core_v1
from tests.controllers.build import NOW, ago, pod
from tests.controllers.cluster import replica_set


@pytest.mark.parametrize(
    ("wanted", "have", "create", "delete"),
    [(3, 3, 0, 0), (3, 1, 2, 0), (1, 3, 0, 2), (0, 3, 0, 3), (900, 0, 500, 0), (0, 700, 0, 500)],
)
def test_plan(wanted: int, have: int, create: int, delete: int) -> None:
    plan = decide.plan(replica_set(wanted), [pod(f"p{number}") for number in range(have)], {}, NOW)
    assert (plan.create, len(plan.delete)) == (create, delete)


def rejected(age: float, reason: str = "NodePorts", phase: str = "Failed") -> core_v1.Pod:
    made = pod("rejected", phase=phase, ready=None, age=age)
    made.status.reason, made.status.containerStatuses = reason, ()
    return made


@pytest.mark.parametrize(
    ("pods", "seconds"),
    [
        ([], 0),
        ([rejected(0)], 2),
        ([rejected(0.5)], 1.5),
        ([rejected(2)], 0),
        ([rejected(9), rejected(5), rejected(1)], 5),
        ([rejected(60 + number) for number in range(50)], 0),
        ([rejected(10 + number) for number in range(50)], 50),
        ([rejected(0, reason="")], 0),
        ([rejected(0, phase="Pending")], 0),
        ([pod("ran", phase="Failed", ready=None, age=0)], 0),
    ],
)
def test_pods_that_nodes_reject_are_not_replaced_at_once(pods: list[core_v1.Pod], seconds: float) -> None:
    for one in pods:
        one.status.reason = one.status.reason or ("Evicted" if one.status.containerStatuses else "")
    assert decide.held_back(pods, NOW) == seconds


def test_the_ones_that_are_missed_least_go() -> None:
    some = [pod("dear", cost="10"), pod("ready"), pod("unready", ready=None), pod("cheap", cost="-1")]
    plan = decide.plan(replica_set(2), some, {}, NOW)
    assert [one.metadata.name for one in plan.delete] == ["unready", "cheap"]


def test_count() -> None:
    owner = replica_set(5, minReadySeconds=10)
    owner.spec.template.metadata.labels = {"app": "web", "tier": "front"}
    full = {"app": "web", "tier": "front"}
    some = [
        pod("a", ready=60, labels=full),
        pod("b", ready=5, labels=full),
        pod("c", ready=None),
        pod("d", deleting=True),
        pod("e", phase="Failed", ready=None),
    ]
    assert decide.count(owner, some, 2, NOW) == decide.Counts(5, 2, 2, 1, 1)


def test_zero_counts_are_left_out_of_the_status() -> None:
    status = decide.status(replica_set(0), decide.Counts(0, 0, 0, 0, 0), None, NOW)
    assert status == apps_v1.ReplicaSetStatus(replicas=0, terminatingReplicas=0)


@pytest.mark.parametrize(("replicas", "reason"), [(1, "FailedCreate"), (5, "FailedDelete")])
def test_a_failure_becomes_a_condition_and_goes_when_all_is_well(replicas: int, reason: str) -> None:
    owner = replica_set(3)
    counts = decide.Counts(replicas, 0, 0, 0, 0)
    status = decide.status(owner, counts, "quota", NOW)
    (condition,) = status.conditions
    assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", reason)
    assert (condition.message, condition.lastTransitionTime) == ("quota", NOW)
    owner.status = status
    assert decide.status(owner, counts, "another quota", ago(-5)).conditions == (condition,)
    assert decide.status(owner, counts, None, ago(-5)).conditions == ()
