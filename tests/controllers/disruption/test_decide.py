"""How many Pods a budget wants healthy, how many are, and what its status says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from podium.controllers.disruption import decide
from podium.models import core_v1, policy_v1
from tests.controllers.build import NOW, ago, pod
from tests.controllers.disruption.build import budget


@pytest.mark.parametrize(
    ("spec", "found", "scale", "pods", "healthy"),
    [
        ({"minAvailable": 2}, 5, 0, 5, 2),
        ({"minAvailable": 2}, 1, 0, 1, 2),
        ({"minAvailable": "50%"}, 4, 5, 5, 3),
        ({"minAvailable": "100%"}, 4, 5, 5, 5),
        ({"maxUnavailable": 1}, 4, 5, 5, 4),
        ({"maxUnavailable": 7}, 4, 5, 5, 0),
        ({"maxUnavailable": "30%"}, 4, 10, 10, 7),
        ({"maxUnavailable": "1%"}, 4, 10, 10, 9),
        ({"maxUnavailable": 0}, 4, 10, 10, 10),
        ({}, 4, 10, 0, 0),
    ],
)
def test_expected(spec: dict[str, Any], found: int, scale: int, pods: int, healthy: int) -> None:
    wanted = policy_v1.PodDisruptionBudgetSpec(**spec)
    assert decide.expected(wanted, found, scale) == decide.Expected(pods, healthy)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [({"minAvailable": 2}, False), ({"minAvailable": "2%"}, True), ({"maxUnavailable": 1}, True), ({}, False)],
)
def test_a_scale_is_needed_for_shares_and_for_max_unavailable(spec: dict[str, Any], needed: bool) -> None:
    assert decide.needs_scale(policy_v1.PodDisruptionBudgetSpec(**spec)) is needed


def test_evictions_are_remembered_until_they_are_seen_or_overdue() -> None:
    pods = [pod("fresh"), pod("old"), pod("going", deleting=True), pod("free")]
    noted = {"fresh": ago(30), "old": ago(121), "going": ago(1), "gone": ago(1)}
    found = decide.disrupted(pods, noted, NOW)
    assert found.pods == {"fresh": ago(30)}
    assert [one.metadata.name for one in found.overdue] == ["old"]
    assert found.recheck_after == pytest.approx(90, abs=0.01)
    later = decide.disrupted(pods, noted, NOW + timedelta(seconds=found.recheck_after or 0))
    assert not later.pods


def test_healthy_are_the_ready_ones_that_stay() -> None:
    pods = [pod("a"), pod("unready", ready=None), pod("going", deleting=True), pod("evicted")]
    assert decide.healthy(pods, {"evicted": NOW}) == 1


@pytest.mark.parametrize(
    ("wanted", "healthy", "allowed", "reason"),
    [
        (decide.Expected(3, 2), 3, 1, "SufficientPods"),
        (decide.Expected(3, 2), 2, 0, "InsufficientPods"),
        (decide.Expected(3, 2), 0, 0, "InsufficientPods"),
        (decide.Expected(0, 0), 3, 0, "InsufficientPods"),
    ],
)
def test_status(wanted: decide.Expected, healthy: int, allowed: int, reason: str) -> None:
    status = decide.status(budget(), wanted, healthy, {}, NOW)
    assert (status.disruptionsAllowed, status.currentHealthy) == (allowed, healthy)
    assert (status.expectedPods, status.desiredHealthy, status.observedGeneration) == (wanted.pods, wanted.healthy, 1)
    (condition,) = status.conditions
    assert (condition.type, condition.status) == ("DisruptionAllowed", "True" if allowed else "False")
    assert (condition.reason, condition.observedGeneration) == (reason, 1)


def test_what_cannot_be_worked_out_allows_nothing() -> None:
    broken = budget()
    broken.status = decide.status(broken, decide.Expected(3, 1), 3, {}, ago(60))
    status = decide.failed(broken, "found no controllers", NOW)
    assert (status.disruptionsAllowed, status.currentHealthy) == (0, 3)
    (condition,) = status.conditions
    assert (condition.status, condition.reason, condition.message) == ("False", "SyncFailed", "found no controllers")
    assert condition.lastTransitionTime == NOW


@pytest.mark.parametrize(
    ("status", "reason", "since", "phase", "deleting", "after"),
    [
        ("True", "EvictionByEvictionAPI", 30, "Running", False, 90),
        ("True", "EvictionByEvictionAPI", 500, "Running", False, 0),
        ("True", "EvictionByEvictionAPI", 30, "Running", True, None),
        ("True", "EvictionByEvictionAPI", 30, "Failed", False, None),
        ("True", "TerminationByKubelet", 30, "Running", False, None),
        ("False", "", 30, "Running", False, None),
    ],
)
def test_a_target_of_a_disruption_that_does_not_come(
    status: str, reason: str, since: float, phase: str, deleting: bool, after: float | None
) -> None:
    target = pod("a", phase=phase, deleting=deleting)
    target.status.conditions = (
        core_v1.PodCondition(type="DisruptionTarget", status=status, reason=reason, lastTransitionTime=ago(since)),
    )
    assert decide.stale_after(target, NOW) == after
