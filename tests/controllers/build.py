"""Objects for tables of cases, as short as can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from podium.controllers.deployment import revisions
from podium.models import apps_v1, core_v1, meta_v1
from tests.controllers.cluster import template

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def readiness(seconds: float | None) -> tuple[core_v1.PodCondition, ...]:
    """Ready for so many seconds; None: not ready."""
    if seconds is None:
        return (core_v1.PodCondition(type="Ready", status="False"),)
    return (core_v1.PodCondition(type="Ready", status="True", lastTransitionTime=ago(seconds)),)


def pod(
    name: str,
    *,
    phase: str = "Running",
    ready: float | None = 60,
    node: str = "n1",
    restarts: int = 0,
    age: float = 100,
    deleting: bool = False,
    cost: str = "",
    labels: dict[str, str] | None = None,
) -> core_v1.Pod:
    """`ready` as in `readiness`."""
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            creationTimestamp=ago(age),
            deletionTimestamp=NOW if deleting else None,
            labels=labels if labels is not None else {"app": "web"},
            annotations={"controller.kubernetes.io/pod-deletion-cost": cost} if cost else {},
        ),
        spec=core_v1.PodSpec(nodeName=node),
        status=core_v1.PodStatus(
            phase=phase,
            conditions=readiness(ready),
            containerStatuses=(core_v1.ContainerStatus(name="web", restartCount=restarts),),
        ),
    )


def replica_set(
    name: str,
    replicas: int,
    *,
    has: int | None = None,
    available: int | None = None,
    age: float = 100,
    image: str = "web:1",
    revision: str = "",
    desired: int | None = None,
    maximum: int | None = None,
    observed: bool = True,
) -> apps_v1.ReplicaSet:
    """`has`: how many Pods its status tells of (all, unless said), `available`: how many of those are."""
    annotations = {
        revisions.REVISION: revision,
        revisions.DESIRED: "" if desired is None else str(desired),
        revisions.MAXIMUM: "" if maximum is None else str(maximum),
    }
    has = replicas if has is None else has
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            generation=2,
            creationTimestamp=ago(age),
            annotations={key: value for key, value in annotations.items() if value},
        ),
        spec=apps_v1.ReplicaSetSpec(replicas=replicas, template=template(image)),
        status=apps_v1.ReplicaSetStatus(
            replicas=has,
            readyReplicas=has if available is None else available,
            availableReplicas=has if available is None else available,
            observedGeneration=2 if observed else 1,
        ),
    )
