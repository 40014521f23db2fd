"""What the status says: counts, Available, and the story that Progressing tells."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.controllers.deployment import progress
from podium.models import apps_v1, conditions
from tests.controllers.build import NOW, ago, replica_set
from tests.controllers.cluster import deployment


def condition(status: apps_v1.DeploymentStatus, type_: str = "Progressing") -> tuple[str, str] | None:
    found = conditions.get(status.conditions, type_)
    return None if found is None else (found.status, found.reason)


def with_progress(one: apps_v1.Deployment, reason: str, status: str = "True", updated: float = 0) -> apps_v1.Deployment:
    one.status.conditions = (
        apps_v1.DeploymentCondition(
            type="Progressing", status=status, reason=reason, lastUpdateTime=ago(updated), lastTransitionTime=ago(999)
        ),
    )
    return one


def test_counts() -> None:
    old, new = replica_set("old", 3, has=4, available=2), replica_set("new", 2, has=1, available=1)
    old.status.terminatingReplicas, new.status.terminatingReplicas = 1, 0
    one = deployment(4)
    one.metadata.generation = 7
    one.status.collisionCount = 2
    status = progress.counts(one, [old, new], new, NOW)
    assert (status.replicas, status.updatedReplicas, status.readyReplicas) == (5, 1, 3)
    assert (status.availableReplicas, status.unavailableReplicas, status.terminatingReplicas) == (3, 2, 1)
    assert (status.observedGeneration, status.collisionCount) == (7, 2)
    assert condition(status, "Available") == ("True", "MinimumReplicasAvailable")


def test_zeros_are_left_out() -> None:
    status = progress.counts(deployment(0), [], None, NOW)
    status.conditions = ()
    assert status == apps_v1.DeploymentStatus(terminatingReplicas=0)


@pytest.mark.parametrize(
    ("available", "expected"),
    [(3, ("True", "MinimumReplicasAvailable")), (2, ("False", "MinimumReplicasUnavailable"))],
)
def test_available(available: int, expected: tuple[str, str]) -> None:
    one = replica_set("a", 4, available=available)
    status = progress.counts(deployment(4), [one], one, NOW)
    assert condition(status, "Available") == expected


@pytest.mark.parametrize(
    ("before", "has", "available", "expected"),
    [
        pytest.param(("NewReplicaSetCreated", "True", 5), 0, 0, ("True", "NewReplicaSetCreated"), id="nothing yet"),
        pytest.param(("NewReplicaSetCreated", "True", 5), 1, 0, ("True", "ReplicaSetUpdated"), id="a first Pod"),
        pytest.param(("ReplicaSetUpdated", "True", 5), 3, 3, ("True", "NewReplicaSetAvailable"), id="complete"),
        pytest.param(("ReplicaSetUpdated", "True", 60), 0, 0, ("False", "ProgressDeadlineExceeded"), id="timed out"),
        pytest.param(("ReplicaSetUpdated", "True", 59), 0, 0, ("True", "ReplicaSetUpdated"), id="not yet timed out"),
        pytest.param(
            ("ProgressDeadlineExceeded", "False", 90), 0, 0, ("False", "ProgressDeadlineExceeded"), id="still"
        ),
        pytest.param(("ProgressDeadlineExceeded", "False", 90), 1, 1, ("True", "ReplicaSetUpdated"), id="after all"),
        pytest.param(
            ("ProgressDeadlineExceeded", "False", 90), 3, 3, ("True", "NewReplicaSetAvailable"), id="done after all"
        ),
        pytest.param(
            ("NewReplicaSetAvailable", "True", 999), 3, 1, ("True", "NewReplicaSetAvailable"), id="over: no new story"
        ),
        pytest.param(("DeploymentResumed", "Unknown", 60), 0, 0, ("False", "ProgressDeadlineExceeded"), id="resumed"),
    ],
)
def test_progress(before: tuple[str, str, float], has: int, available: int, expected: tuple[str, str]) -> None:
    one = with_progress(deployment(3, progressDeadlineSeconds=60), *before)
    new = replica_set("new", 3, has=has, available=available)
    status = progress.rollout(one, [new], new, NOW)
    assert condition(status) == expected


def test_every_step_counts_as_news_but_not_as_a_transition() -> None:
    one = with_progress(deployment(3), "ReplicaSetUpdated", updated=50)
    new = replica_set("new", 3, has=1, available=0)
    found = progress.progressing(progress.rollout(one, [new], new, NOW))
    assert found is not None
    assert (found.lastUpdateTime, found.lastTransitionTime) == (NOW, ago(999))
    assert found.message == 'ReplicaSet "new" is progressing.'


def test_without_a_deadline_nothing_is_said_about_progress() -> None:
    one = with_progress(deployment(3, progressDeadlineSeconds=None), "ReplicaSetUpdated")
    new = replica_set("new", 3)
    assert condition(progress.rollout(one, [new], new, NOW)) is None


@pytest.mark.parametrize(
    ("paused", "before", "expected"),
    [
        (True, ("ReplicaSetUpdated", "True"), ("Unknown", "DeploymentPaused")),
        (True, ("DeploymentPaused", "Unknown"), ("Unknown", "DeploymentPaused")),
        (None, ("DeploymentPaused", "Unknown"), ("Unknown", "DeploymentResumed")),
        (None, ("ReplicaSetUpdated", "True"), ("True", "ReplicaSetUpdated")),
        (True, ("ProgressDeadlineExceeded", "False"), ("False", "ProgressDeadlineExceeded")),
    ],
)
def test_pausing_and_resuming(paused: bool | None, before: tuple[str, str], expected: tuple[str, str]) -> None:
    one = with_progress(deployment(3, paused=paused), *before)
    one.status.conditions = progress.with_paused(one, NOW)
    assert condition(one.status) == expected


def test_when_it_times_out() -> None:
    one = with_progress(deployment(3, progressDeadlineSeconds=60), "ReplicaSetUpdated", updated=20)
    assert progress.deadline(one, one.status) == NOW + timedelta(seconds=40)
    done = with_progress(deployment(3), "NewReplicaSetAvailable")
    assert progress.deadline(done, done.status) is None


def test_what_keeps_a_replica_set_from_making_pods_is_passed_on() -> None:
    failing, fine = replica_set("old", 1), replica_set("new", 1)
    failing.status.conditions = (
        apps_v1.ReplicaSetCondition(type="ReplicaFailure", status="True", reason="FailedCreate", message="quota"),
    )
    status = progress.rollout(deployment(1), [failing, fine], fine, NOW)
    assert condition(status, "ReplicaFailure") == ("True", "FailedCreate")
    one = deployment(1)
    one.status = status
    assert condition(progress.rollout(one, [fine], fine, NOW), "ReplicaFailure") is None
