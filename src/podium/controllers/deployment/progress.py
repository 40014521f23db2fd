"""What a Deployment's status says: counts, availability, and whether the rollout gets on. Pure.

The condition Progressing tells the story of a rollout: NewReplicaSetCreated or FoundNewReplicaSet, ReplicaSetUpdated
with every step, NewReplicaSetAvailable at the end, or ProgressDeadlineExceeded when there was no step for too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from podium.controllers.deployment import limits
from podium.models import apps_v1, conditions

Conditions = tuple[apps_v1.DeploymentCondition, ...]
ConditionStatus = Literal["True", "False", "Unknown"]
PROGRESSING = "Progressing"
CREATED = "NewReplicaSetCreated"
CREATE_ERROR = "ReplicaSetCreateError"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"


def put(old: Conditions, type_: str, status: ConditionStatus, reason: str, message: str, now: datetime) -> Conditions:
    """Set a condition. One that has that status and reason already is left alone, message and times included."""
    current = conditions.get(old, type_)
    if current is not None and (current.status, current.reason) == (status, reason):
        return old
    new = apps_v1.DeploymentCondition(type=type_, status=status, reason=reason, message=message, lastUpdateTime=now)
    return conditions.put(old, new, now)


def progressing(status: apps_v1.DeploymentStatus) -> apps_v1.DeploymentCondition | None:
    return conditions.get(status.conditions, PROGRESSING)


def with_paused(deployment: apps_v1.Deployment, now: datetime) -> Conditions:
    """The conditions, with Progressing unknown since it was paused or resumed: the time that passed while it was paused
    counts for nothing. A rollout that had timed out before stays so."""
    old = deployment.status.conditions
    current = progressing(deployment.status)
    if not limits.has_progress_deadline(deployment) or (current is not None and current.reason == TIMED_OUT):
        return old
    was_paused = current is not None and current.reason == PAUSED
    if deployment.spec.paused and not was_paused:
        return put(old, PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    if not deployment.spec.paused and was_paused:
        return put(old, PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
    return old


def counts(
    deployment: apps_v1.Deployment,
    replica_sets: Sequence[apps_v1.ReplicaSet],
    new: apps_v1.ReplicaSet | None,
    now: datetime,
) -> apps_v1.DeploymentStatus:
    """The status without a word about progress: numbers and the condition Available. Zeros are left out."""
    available = sum(one.status.availableReplicas or 0 for one in replica_sets)
    terminating = [one.status.terminatingReplicas for one in replica_sets]
    if available >= limits.min_available(deployment):
        new_conditions = put(
            deployment.status.conditions,
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
            now,
        )
    else:
        new_conditions = put(
            deployment.status.conditions,
            "Available",
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
            now,
        )
    known = [count for count in terminating if count is not None]
    return apps_v1.DeploymentStatus(
        observedGeneration=deployment.metadata.generation,
        replicas=limits.actual(replica_sets) or None,
        updatedReplicas=(new.status.replicas if new is not None else 0) or None,
        readyReplicas=sum(one.status.readyReplicas or 0 for one in replica_sets) or None,
        availableReplicas=available or None,
        unavailableReplicas=max(limits.total(replica_sets) - available, 0) or None,
        terminatingReplicas=sum(known) if len(known) == len(terminating) else None,
        collisionCount=deployment.status.collisionCount,
        conditions=new_conditions,
    )


def rollout(
    deployment: apps_v1.Deployment,
    replica_sets: Sequence[apps_v1.ReplicaSet],
    new: apps_v1.ReplicaSet | None,
    now: datetime,
) -> apps_v1.DeploymentStatus:
    """The status in a rollout: the counts, how it gets on, and what keeps ReplicaSets from making Pods."""
    status = counts(deployment, replica_sets, new, now)
    if not limits.has_progress_deadline(deployment):
        status.conditions = conditions.without(status.conditions, PROGRESSING)
    else:
        status.conditions = _with_progress(deployment, status, new, now)
    status.conditions = _with_failure(status.conditions, replica_sets, new, now)
    return status


def _with_progress(
    deployment: apps_v1.Deployment, status: apps_v1.DeploymentStatus, new: apps_v1.ReplicaSet | None, now: datetime
) -> Conditions:
    current = progressing(deployment.status)
    is_over = current is not None and current.reason == AVAILABLE
    if is_over and (status.replicas or 0) == (status.updatedReplicas or 0):
        return status.conditions  # nothing is being rolled out: Pods that come and go are no progress
    what = f'ReplicaSet "{new.metadata.name}"' if new is not None else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, status):
        return put(status.conditions, PROGRESSING, "True", AVAILABLE, f"{what} has successfully progressed.", now)
    if has_progressed(deployment.status, status):
        message = f"{what} is progressing."
        updated = put(status.conditions, PROGRESSING, "True", UPDATED, message, now)
        return tuple(
            replace(one, lastUpdateTime=now, message=message) if one.type == PROGRESSING else one for one in updated
        )
    if is_timed_out(deployment, status, now):
        return put(status.conditions, PROGRESSING, "False", TIMED_OUT, f"{what} has timed out progressing.", now)
    return status.conditions


def is_complete(deployment: apps_v1.Deployment, status: apps_v1.DeploymentStatus) -> bool:
    """Everything that is wanted is of the new revision and available, and nothing else is left."""
    wanted = limits.wanted(deployment)
    return (
        (status.updatedReplicas or 0) == wanted
        and (status.replicas or 0) == wanted
        and (status.availableReplicas or 0) == wanted
        and (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    )


def has_progressed(old: apps_v1.DeploymentStatus, new: apps_v1.DeploymentStatus) -> bool:
    """More new Pods, fewer old ones, or more that are ready or available."""
    return (
        (new.updatedReplicas or 0) > (old.updatedReplicas or 0)
        or _old_pods(new) < _old_pods(old)
        or (new.readyReplicas or 0) > (old.readyReplicas or 0)
        or (new.availableReplicas or 0) > (old.availableReplicas or 0)
    )


def _old_pods(status: apps_v1.DeploymentStatus) -> int:
    return (status.replicas or 0) - (status.updatedReplicas or 0)


def deadline(deployment: apps_v1.Deployment, status: apps_v1.DeploymentStatus) -> datetime | None:
    """When the rollout times out unless it gets on; None when there is nothing to time."""
    current = progressing(status)
    if not limits.has_progress_deadline(deployment) or current is None or current.lastUpdateTime is None:
        return None
    if current.reason in (AVAILABLE, TIMED_OUT) or is_complete(deployment, status):
        return None
    return current.lastUpdateTime + timedelta(seconds=deployment.spec.progressDeadlineSeconds or 0)


def is_timed_out(deployment: apps_v1.Deployment, status: apps_v1.DeploymentStatus, now: datetime) -> bool:
    current = progressing(status)
    if current is not None and current.reason == TIMED_OUT:
        return True
    due = deadline(deployment, status)
    return due is not None and due <= now


def _with_failure(
    old: Conditions, replica_sets: Sequence[apps_v1.ReplicaSet], new: apps_v1.ReplicaSet | None, now: datetime
) -> Conditions:
    """With the ReplicaFailure of a ReplicaSet, of the new one before others; without, if none has any."""
    ordered = [*([new] if new is not None else []), *replica_sets]
    failures = (conditions.get(one.status.conditions, "ReplicaFailure") for one in ordered)
    failure = next((failure for failure in failures if failure is not None), None)
    if failure is None:
        return conditions.without(old, "ReplicaFailure")
    status: ConditionStatus = "True" if failure.status == "True" else "False"
    return put(old, "ReplicaFailure", status, failure.reason, failure.message, failure.lastTransitionTime or now)
