"""Runs the controllers: a table of them, a queue and workers for each.

To add a controller, add a folder and a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.queue import LONGEST_DELAY, WorkQueue
from podium.clock import Clock
from podium.controllers.apiservice import controller as apiservice
from podium.controllers.apiservice.controller import APIServiceController
from podium.controllers.autoscaling.controller import HorizontalPodAutoscalerController
from podium.controllers.clusterroleaggregation.controller import ClusterRoleAggregationController
from podium.controllers.context import Context
from podium.controllers.cronjob.controller import CronJobController
from podium.controllers.daemonset.controller import DaemonSetController
from podium.controllers.deployment.controller import DeploymentController
from podium.controllers.disruption.controller import DisruptionController, StaleDisruptionController
from podium.controllers.endpoints.controller import EndpointsController
from podium.controllers.endpointslice.controller import EndpointSliceController
from podium.controllers.endpointslicemirroring.controller import EndpointSliceMirroringController
from podium.controllers.ephemeralvolume.controller import EphemeralVolumeController
from podium.controllers.garbage.controller import GarbageCollector
from podium.controllers.job.controller import JobController
from podium.controllers.job.orphans import OrphanPodController
from podium.controllers.namespace.controller import NamespaceController
from podium.controllers.node.controller import NodeLifecycleController
from podium.controllers.persistentvolume.controller import PersistentVolumeController
from podium.controllers.podgc.controller import PodGarbageCollector
from podium.controllers.replicaset.controller import ReplicaSetController
from podium.controllers.replicationcontroller.controller import ReplicationManager
from podium.controllers.resourcequota.controller import ResourceQuotaController
from podium.controllers.rootca.controller import RootCAPublisher
from podium.controllers.serviceaccount.controller import ServiceAccountController
from podium.controllers.serviceaccounttoken.controller import ServiceAccountTokenController
from podium.controllers.statefulset.controller import StatefulSetController
from podium.controllers.tainteviction.controller import TaintEvictionController
from podium.controllers.ttlafterfinished.controller import TTLAfterFinishedController
from podium.controllers.volumeprotection.controller import ClaimProtectionController, VolumeProtectionController
from podium.controllers.worker import Controller, work
from podium.models.apiregistration_v1 import APIService
from podium.models.resources import ResourceType


@dataclass(frozen=True, slots=True)
class Row:
    """One controller: its name (its metrics carry it), how to make it, and how many keys it handles at once."""

    name: str
    make: Callable[[Context, WorkQueue[Any]], Controller]
    workers: int = 5
    longest_delay: float = LONGEST_DELAY
    """Seconds between two attempts, however many have failed."""


CONTROLLERS: tuple[Row, ...] = (
    Row("apiservice", APIServiceController, longest_delay=apiservice.LONGEST_DELAY),
    Row("clusterrole-aggregation", ClusterRoleAggregationController),
    Row("daemonset", DaemonSetController),
    Row("cronjob", CronJobController),
    Row("deployment", DeploymentController),
    Row("disruption", DisruptionController),
    Row("disruption-stale-pods", StaleDisruptionController),
    Row("endpoints", EndpointsController),
    Row("endpointslice", EndpointSliceController),
    Row("endpointslicemirroring", EndpointSliceMirroringController),
    Row("ephemeral-volume", EphemeralVolumeController),
    Row("garbagecollector", GarbageCollector, workers=64),
    Row("horizontalpodautoscaler", HorizontalPodAutoscalerController),
    Row("job", JobController),
    Row("job-orphan-pods", OrphanPodController),
    Row("namespace", NamespaceController, workers=10),
    Row("nodelifecycle", NodeLifecycleController, workers=8),
    Row("persistentvolume-binder", PersistentVolumeController),
    Row("persistentvolume-protection", VolumeProtectionController),
    Row("persistentvolumeclaim-protection", ClaimProtectionController),
    Row("podgc", PodGarbageCollector),
    Row("replicaset", ReplicaSetController),
    Row("replicationcontroller", ReplicationManager),
    Row("resourcequota", ResourceQuotaController),
    Row("root-ca-certificate-publisher", RootCAPublisher),
    Row("serviceaccount", ServiceAccountController),
    Row("serviceaccount-token", ServiceAccountTokenController),
    Row("statefulset", StatefulSetController),
    Row("taint-eviction", TaintEvictionController, workers=8),
    Row("ttl-after-finished", TTLAfterFinishedController),
)


class ControllerManager:
    """`run` runs all controllers, or those that are named, until it is cancelled."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        rng: Random,
        *,
        resources: Sequence[ResourceType] = (),
        root_ca: str = "",
        volumes: Path | None = None,
        probe: Callable[[APIService], Awaitable[str]] | None = None,
        names: Iterable[str] | None = None,
    ) -> None:
        self._context = Context(client, informers, clock, rng, resources, root_ca, volumes, probe)
        wanted = None if names is None else frozenset(names)
        self._rows = [row for row in CONTROLLERS if wanted is None or row.name in wanted]

    async def run(self) -> None:
        context = self._context
        running: list[tuple[Row, Controller, WorkQueue[Any]]] = []
        for row in self._rows:
            queue = WorkQueue[Any](context.clock, row.name, longest_delay=row.longest_delay)
            running.append((row, row.make(context, queue), queue))
        try:
            await context.informers.synced()
            async with asyncio.TaskGroup() as tasks:
                for row, controller, queue in running:
                    for _ in range(row.workers):
                        tasks.create_task(work(row.name, controller, queue))
                await asyncio.Event().wait()
        finally:
            for _, _, queue in running:
                queue.shut_down()
            await context.close()
