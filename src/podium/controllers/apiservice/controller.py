"""Keeps the Available condition of APIServices. What can be told from other objects is told when those change; whether
an API server answers is asked every half minute, and sooner while it doesn't."""

from __future__ import annotations

from collections.abc import Iterable

from podium.client.queue import WorkQueue
from podium.controllers import status
from podium.controllers.apiservice import decide
from podium.controllers.context import Context, Key
from podium.controllers.endpointslice import slices
from podium.controllers.endpointslice.controller import BY_SERVICE, index_by_service
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import conditions
from podium.models.apiregistration_v1 import APIService, APIServiceCondition, APIServiceStatus
from podium.models.core_v1 import Service
from podium.models.discovery_v1 import EndpointSlice

CHECK_SECONDS = 30.0
LONGEST_DELAY = 30.0
"""Between two questions to an API server that doesn't answer."""


def _by_service(one: APIService) -> Iterable[str]:
    return () if one.spec.service is None else (decide.key_of(one.spec.service),)


class APIServiceController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._api_services = context.informers.of(APIService)
        self._services = context.informers.of(Service)
        self._slices = context.informers.of(EndpointSlice)
        self._api_services.add_index(BY_SERVICE, _by_service)
        index_by_service(context)
        context.on_change(self._api_services, self._changed)
        context.on_change(self._services, self._service_changed)
        context.on_change(self._slices, self._slice_changed)

    def _changed(self, old: APIService | None, new: APIService | None) -> None:
        """A new status alone is no reason to ask again, or an answer that varies would be asked for without end."""
        if new is not None and (old is None or new.spec.service is None or new.spec != old.spec):
            self._queue.add(("", new.metadata.name))

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        one = new or old
        if one is not None:
            self._add(one.metadata.namespace, one.metadata.name)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for one in (old, new):
            if one is not None and (name := one.metadata.labels.get(slices.SERVICE_NAME)):
                self._add(one.metadata.namespace, name)

    def _add(self, namespace: str, service: str) -> None:
        for one in self._api_services.by_index(BY_SERVICE, f"{namespace}/{service}"):
            self._queue.add(("", one.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        wanted = self._api_services.get(*key)
        if wanted is None:
            return DONE
        reference = wanted.spec.service
        if reference is None:
            await self._write(wanted, decide.LOCAL)
            return DONE
        service = self._services.get(reference.namespace, reference.name)
        pieces = self._slices.by_index(BY_SERVICE, decide.key_of(reference))
        found = decide.before_asking(wanted, service, pieces)
        if found is not None:
            await self._write(wanted, found)
            return DONE  # until one of these objects changes
        problem = "" if self._context.probe is None else await self._context.probe(wanted)
        await self._write(wanted, decide.after_asking(problem))
        if problem:
            raise errors.ServiceUnavailable(problem)
        return Result(requeue_after=CHECK_SECONDS)

    async def _write(self, wanted: APIService, found: APIServiceCondition) -> None:
        told = conditions.put(wanted.status.conditions, found, self._context.now())
        if told != wanted.status.conditions:
            await status.write(self._client, wanted, APIServiceStatus(conditions=told))
