"""StatefulSets and their Pods for tests, as short as can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from podium.controllers.statefulset import identity
from podium.models import apps_v1, core_v1, meta_v1
from podium.models.quantity import Quantity
from tests.controllers.build import NOW, readiness
from tests.controllers.cluster import template


def claim(name: str) -> core_v1.PersistentVolumeClaim:
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name=name),
        spec=core_v1.PersistentVolumeClaimSpec(
            accessModes=("ReadWriteOnce",),
            resources=core_v1.VolumeResourceRequirements(requests={"storage": Quantity("1Gi")}),
        ),
    )


def stateful_set(
    replicas: int,
    *,
    image: str = "db:1",
    parallel: bool = False,
    strategy: str = "RollingUpdate",
    partition: int | None = 0,
    unavailable: int | str | None = None,
    start: int | None = None,
    claims: tuple[str, ...] = (),
    when_deleted: str = "Retain",
    when_scaled: str = "Retain",
    **spec: Any,
) -> apps_v1.StatefulSet:
    """`partition` None: rollingUpdate isn't said at all."""
    rolling = apps_v1.RollingUpdateStatefulSetStrategy(partition=partition, maxUnavailable=unavailable)
    said = strategy == "RollingUpdate" and partition is not None
    return apps_v1.StatefulSet(
        metadata=meta_v1.ObjectMeta(name="db", namespace="default", uid="uid-db", generation=1),
        spec=apps_v1.StatefulSetSpec(
            replicas=replicas,
            serviceName="db",
            selector=meta_v1.LabelSelector(matchLabels={"app": "db"}),
            template=template(image, {"app": "db"}),
            podManagementPolicy="Parallel" if parallel else "OrderedReady",
            updateStrategy=apps_v1.StatefulSetUpdateStrategy(type=strategy, rollingUpdate=rolling if said else None),
            ordinals=None if start is None else apps_v1.StatefulSetOrdinals(start=start),
            volumeClaimTemplates=tuple(map(claim, claims)),
            persistentVolumeClaimRetentionPolicy=apps_v1.StatefulSetPersistentVolumeClaimRetentionPolicy(
                whenDeleted=when_deleted, whenScaled=when_scaled
            ),
            **spec,
        ),
    )


def pod(
    ordinal: int,
    *,
    revision: str = "new",
    ready: float | None = 60,
    phase: str = "Running",
    deleting: bool = False,
    waiting: str = "",
    name: str = "db",
) -> core_v1.Pod:
    """`ready`: for how many seconds; None: not ready. `waiting`: why its container waits."""
    state = core_v1.ContainerState(waiting=core_v1.ContainerStateWaiting(reason=waiting) if waiting else None)
    full = f"{name}-{ordinal}"
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=full,
            namespace="default",
            uid=f"uid-{full}",
            creationTimestamp=NOW - timedelta(seconds=100),
            deletionTimestamp=NOW if deleting else None,
            labels={"app": "db", identity.REVISION_LABEL: revision, identity.POD_NAME_LABEL: full},
        ),
        status=core_v1.PodStatus(
            phase=phase,
            conditions=readiness(ready),
            containerStatuses=(core_v1.ContainerStatus(name="db", state=state),),
        ),
    )
