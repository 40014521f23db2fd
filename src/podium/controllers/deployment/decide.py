"""What to do about a Deployment next: one plan from all that the other files answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from podium.controllers.deployment import limits, progress, recreate, revisions, rolling
from podium.controllers.deployment.scale import Scale, is_scaling, scale
from podium.models import apps_v1


@dataclass(frozen=True, slots=True)
class Sync:
    """The new ReplicaSet's annotations and minReadySeconds have to follow the Deployment's."""

    replica_set: apps_v1.ReplicaSet
    annotations: Mapping[str, str]
    min_ready_seconds: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order; the status comes last."""

    status: apps_v1.DeploymentStatus
    create: apps_v1.ReplicaSet | None = None
    """The ReplicaSet to create. How that went decides the status (see `created` and `not_created`)."""
    sync: Sync | None = None
    scale: Sequence[Scale] = ()
    delete: Sequence[apps_v1.ReplicaSet] = ()
    revision: str = ""
    """The revision to note on the Deployment; empty to leave it as it is."""
    requeue_at: datetime | None = None


def plan(
    deployment: apps_v1.Deployment,
    replica_sets: Sequence[apps_v1.ReplicaSet],
    old_pods_running: bool,
    now: datetime,
) -> Plan:
    """`old_pods_running` matters to the strategy Recreate only (see recreate.py)."""
    new = revisions.find_new(deployment, replica_sets)
    old = [replica_set for replica_set in replica_sets if replica_set is not new]
    if deployment.metadata.deletionTimestamp is not None:
        return Plan(progress.counts(deployment, replica_sets, new, now))
    deployment = _with_conditions(deployment, progress.with_paused(deployment, now))
    behind = None if new is None else _sync(deployment, new, old)
    if deployment.spec.paused or is_scaling(deployment, replica_sets):
        return Plan(
            progress.counts(deployment, replica_sets, new, now),
            sync=behind,
            scale=() if behind else _changes(deployment, scale(deployment, new, old)),
            delete=revisions.superfluous(deployment, old) if deployment.spec.paused else (),
        )
    if new is not None:
        deployment = _with_found(deployment, new, now)
    status = progress.rollout(deployment, replica_sets, new, now)
    if behind is not None:
        return Plan(status, sync=behind)
    create, steps = _steps(deployment, new, old, old_pods_running)
    done = progress.is_complete(deployment, deployment.status)
    noted = "" if new is None else new.metadata.annotations.get(revisions.REVISION, "")
    return Plan(
        status,
        create=create,
        scale=_changes(deployment, steps),
        delete=revisions.superfluous(deployment, old) if done and not steps else (),
        revision=noted if noted != deployment.metadata.annotations.get(revisions.REVISION, "") else "",
        requeue_at=progress.deadline(deployment, status),
    )


def _steps(
    deployment: apps_v1.Deployment,
    new: apps_v1.ReplicaSet | None,
    old: Sequence[apps_v1.ReplicaSet],
    old_pods_running: bool,
) -> tuple[apps_v1.ReplicaSet | None, Sequence[Scale]]:
    """A ReplicaSet to create, or what to scale."""
    if limits.is_rolling(deployment):
        if new is not None:
            return None, rolling.step(deployment, new, old)
        created = revisions.new_replica_set(deployment, old)
        created.spec.replicas = rolling.new_replicas(deployment, created, old)
        return created, ()
    if steps := recreate.scale_down(old):
        return None, steps
    if old_pods_running:
        return None, ()
    if new is not None:
        return None, recreate.scale_up(deployment, new)
    created = revisions.new_replica_set(deployment, old)
    created.spec.replicas = limits.wanted(deployment)
    return created, ()


def _sync(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, old: Sequence[apps_v1.ReplicaSet]) -> Sync | None:
    annotations = revisions.new_annotations(deployment, new.metadata.annotations, revisions.next_revision(old))
    seconds = deployment.spec.minReadySeconds
    if annotations == new.metadata.annotations and (seconds or 0) == (new.spec.minReadySeconds or 0):
        return None
    return Sync(new, annotations, seconds)


def _changes(deployment: apps_v1.Deployment, steps: Sequence[Scale]) -> list[Scale]:
    """Without the steps that would change neither replicas nor what is noted about the Deployment's size."""
    noted = revisions.scale_annotations(deployment).items()
    return [
        step
        for step in steps
        if step.replicas != limits.wanted(step.replica_set)
        or not noted <= step.replica_set.metadata.annotations.items()
    ]


def _with_conditions(deployment: apps_v1.Deployment, conditions: progress.Conditions) -> apps_v1.Deployment:
    if conditions is deployment.status.conditions:
        return deployment
    return replace(deployment, status=replace(deployment.status, conditions=conditions))


def _with_found(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, now: datetime) -> apps_v1.Deployment:
    """A new ReplicaSet that was there already begins the story of the rollout, if nothing else has."""
    if not limits.has_progress_deadline(deployment) or progress.progressing(deployment.status) is not None:
        return deployment
    message = f'Found new replica set "{new.metadata.name}"'
    old = deployment.status.conditions
    return _with_conditions(deployment, progress.put(old, progress.PROGRESSING, "True", progress.FOUND, message, now))


def created(
    deployment: apps_v1.Deployment, status: apps_v1.DeploymentStatus, name: str, now: datetime
) -> apps_v1.DeploymentStatus:
    """The status once the new ReplicaSet has been created."""
    if not limits.has_progress_deadline(deployment):
        return status
    message = f'Created new replica set "{name}"'
    put = progress.put(status.conditions, progress.PROGRESSING, "True", progress.CREATED, message, now)
    return replace(status, conditions=put)


def not_created(deployment: apps_v1.Deployment, message: str, now: datetime) -> apps_v1.DeploymentStatus:
    """The status when the new ReplicaSet could not be created."""
    if not limits.has_progress_deadline(deployment):
        return deployment.status
    old = deployment.status.conditions
    put = progress.put(old, progress.PROGRESSING, "False", progress.CREATE_ERROR, message, now)
    return replace(deployment.status, conditions=put)
