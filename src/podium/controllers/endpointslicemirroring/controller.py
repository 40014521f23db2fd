"""Mirrors Endpoints of Services without a selector into EndpointSlices, which is what clients of today read."""

from __future__ import annotations

import contextlib

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.endpointslice import slices
from podium.controllers.endpointslice.controller import index_by_service, slices_of
from podium.controllers.endpointslicemirroring import decide
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import core_v1
from podium.models.discovery_v1 import EndpointSlice


class EndpointSliceMirroringController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("endpoint-slice-mirroring-controller")
        self._written = Written(context.clock)
        self._services = context.informers.of(core_v1.Service)
        self._endpoints = context.informers.of(core_v1.Endpoints)
        index_by_service(context)
        context.on_change(self._services, self._service_changed)
        context.on_change(self._endpoints, self._endpoints_changed)
        context.on_change(context.informers.of(EndpointSlice), self._slice_changed)

    def _service_changed(self, old: core_v1.Service | None, new: core_v1.Service | None) -> None:
        either = new or old
        if either is not None and (old is None or new is None or bool(old.spec.selector) != bool(new.spec.selector)):
            self._queue.add((either.metadata.namespace, either.metadata.name))

    def _endpoints_changed(self, old: core_v1.Endpoints | None, new: core_v1.Endpoints | None) -> None:
        either = new or old
        if either is not None:
            self._queue.add((either.metadata.namespace, either.metadata.name))
        if new is None and old is not None:
            self._written.forget(old.metadata.uid)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for one in (old, new):
            if one is not None and one.metadata.labels.get(slices.MANAGED_BY) == decide.CONTROLLER:
                name = one.metadata.labels.get(slices.SERVICE_NAME, "")
                self._queue.add((one.metadata.namespace, name))
        if new is None and old is not None:
            for owner in old.metadata.ownerReferences:
                self._written.gone(owner.uid, old.metadata.uid)

    async def reconcile(self, key: Key) -> Result:
        endpoints = self._endpoints.get(*key)
        existing = slices_of(self._context, key, decide.CONTROLLER)
        if endpoints is None or not decide.is_mirrored(endpoints, self._services.get(*key)):
            for one in existing:
                await self._delete(one)
            return DONE
        owner = endpoints.metadata.uid
        if not self._written.is_shown(owner, existing):
            return Result(requeue_after=LONGEST_WAIT)
        wanted = decide.desired(endpoints)
        self._tell(endpoints, wanted)
        plan = decide.plan(endpoints, wanted, existing)
        try:
            if endpoints.metadata.deletionTimestamp is None:
                for one in plan.create:
                    self._written.note(owner, await self._client.create(one))
            for one in plan.update:
                self._written.note(owner, await self._client.update(one))
        except errors.StatusError as error:
            if is_namespace_terminating(error):
                return DONE
            raise
        for one in plan.delete:
            await self._delete(one)
        return DONE

    def _tell(self, endpoints: core_v1.Endpoints, wanted: decide.Desired) -> None:
        if wanted.invalid:
            message = f"Skipped {wanted.invalid} invalid IP addresses when mirroring to EndpointSlices"
            self._recorder.event(endpoints, "Warning", "InvalidIPAddress", message)
        if wanted.skipped:
            message = (
                f"A max of {decide.LARGEST} addresses can be mirrored to EndpointSlices per Endpoints subset. "
                f"{wanted.skipped + wanted.invalid} addresses were skipped"
            )
            self._recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", message)

    async def _delete(self, one: EndpointSlice) -> None:
        with contextlib.suppress(errors.NotFound):
            await self._client.delete(EndpointSlice, one.metadata.namespace, one.metadata.name)
