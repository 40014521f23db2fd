"""Keeps the Endpoints object of every Service that has a selector; what is in it is decided in subsets.py."""

from __future__ import annotations

import contextlib

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.endpoints import subsets
from podium.controllers.endpointslice.endpoint import is_headless
from podium.controllers.endpointslice.membership import Membership, has_selector
from podium.controllers.endpointslice.slices import HEADLESS_LABEL
from podium.controllers.endpointslice.trigger_times import TriggerTimes, annotated
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import core_v1, meta_v1

MANAGED_BY = "endpoints.kubernetes.io/managed-by"
CONTROLLER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
LEADER = "control-plane.alpha.kubernetes.io/leader"
REST_PER_POD = 0.0005
LONGEST_REST = 1.0


class EndpointsController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("endpoint-controller")
        self._written = Written(context.clock)
        self._triggers = TriggerTimes()
        self._services = context.informers.of(core_v1.Service)
        self._endpoints = context.informers.of(core_v1.Endpoints)
        self._orphaned: set[Key] = set()
        """Of Services that were seen to go."""
        context.on_change(self._endpoints, self._endpoints_changed)
        context.on_change(self._services, self._service_changed)
        self._membership = Membership(context, queue.add)

    def _endpoints_changed(self, old: core_v1.Endpoints | None, new: core_v1.Endpoints | None) -> None:
        either = new or old
        if either is not None:
            self._queue.add((either.metadata.namespace, either.metadata.name))
        if new is None and old is not None:
            service = self._services.get(old.metadata.namespace, old.metadata.name)
            if service is not None:
                self._written.gone(service.metadata.uid, old.metadata.uid)

    def _service_changed(self, old: core_v1.Service | None, new: core_v1.Service | None) -> None:
        if new is None and old is not None:
            self._written.forget(old.metadata.uid)
            self._triggers.forget(old.metadata.uid)
            self._orphaned.add((old.metadata.namespace, old.metadata.name))
        elif new is not None:
            self._orphaned.discard((new.metadata.namespace, new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        service = self._services.get(*key)
        current = self._endpoints.get(*key)
        if service is None:
            await self._delete(key, current)
            return DONE
        if not has_selector(service):
            return DONE
        if not self._written.is_shown(service.metadata.uid, () if current is None else (current,)):
            return Result(requeue_after=LONGEST_WAIT)
        pods = self._membership.pods(key)
        trigger = self._triggers.of(service, pods)
        found = subsets.subsets(service, pods)
        wanted = subsets.truncated(found)
        over = len(wanted) != len(found) or subsets.count(wanted) != subsets.count(found)
        if current is not None and _is_right(current, wanted, labels(service), over=over):
            return DONE
        base = current.metadata if current is not None else _metadata(service)
        annotations = annotated(base.annotations, trigger)
        annotations.pop(OVER_CAPACITY, None)
        if over:
            annotations[OVER_CAPACITY] = "truncated"
        metadata = replace(base, labels=labels(service), annotations=annotations)
        await self._write(service, core_v1.Endpoints(metadata=metadata, subsets=wanted), exists=current is not None)
        return Result(rest=min(len(pods) * REST_PER_POD, LONGEST_REST))

    async def _write(self, service: core_v1.Service, endpoints: core_v1.Endpoints, *, exists: bool) -> None:
        try:
            written = await (self._client.update(endpoints) if exists else self._client.create(endpoints))
        except errors.StatusError as error:
            if is_namespace_terminating(error):
                return
            namespace, name = service.metadata.namespace, service.metadata.name
            if exists:
                reason, message = "FailedToUpdateEndpoint", f"Failed to update endpoint {namespace}/{name}: {error}"
            else:
                reason = "FailedToCreateEndpoint"
                message = f"Failed to create endpoint for service {namespace}/{name}: {error}"
            self._recorder.event(service, "Warning", reason, message)
            raise
        self._written.note(service.metadata.uid, written)

    async def _delete(self, key: Key, endpoints: core_v1.Endpoints | None) -> None:
        """The Service is gone, and its Endpoints go with it, whoever wrote them. Those that never had one are left."""
        if endpoints is not None and LEADER not in endpoints.metadata.annotations:
            managed = endpoints.metadata.labels.get(MANAGED_BY) == CONTROLLER
            if managed or key in self._orphaned:
                with contextlib.suppress(errors.NotFound):
                    await self._client.delete(core_v1.Endpoints, *key)
        self._orphaned.discard(key)


def _metadata(service: core_v1.Service) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace)


def _is_right(
    current: core_v1.Endpoints, wanted: tuple[core_v1.EndpointSubset, ...], labels: dict[str, str], *, over: bool
) -> bool:
    annotated_over = OVER_CAPACITY in current.metadata.annotations
    return current.subsets == wanted and current.metadata.labels == labels and annotated_over == over


def labels(service: core_v1.Service) -> dict[str, str]:
    wanted = {key: value for key, value in service.metadata.labels.items() if key != HEADLESS_LABEL}
    if is_headless(service):
        wanted[HEADLESS_LABEL] = ""
    wanted[MANAGED_BY] = CONTROLLER
    return wanted
