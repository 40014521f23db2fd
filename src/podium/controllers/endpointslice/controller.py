"""Keeps the EndpointSlices of every Service that has a selector. What goes into which slice is decided in slices.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.endpointslice import endpoint as endpoint_rules
from podium.controllers.endpointslice import slices
from podium.controllers.endpointslice.membership import Membership, has_selector
from podium.controllers.endpointslice.trigger_times import TriggerTimes, annotated
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import core_v1
from podium.models.discovery_v1 import EndpointSlice

BY_SERVICE = "service"
REST_PER_POD = 0.0005
"""Seconds that a Service of many Pods rests for each of them, so that a rollout is a few writes, not thousands."""
LONGEST_REST = 1.0


def _by_service(one: EndpointSlice) -> Iterable[str]:
    name = one.metadata.labels.get(slices.SERVICE_NAME)
    return (f"{one.metadata.namespace}/{name}",) if name else ()


def index_by_service(context: Context) -> None:
    context.informers.of(EndpointSlice).add_index(BY_SERVICE, _by_service)


def slices_of(context: Context, key: Key, manager: str) -> Sequence[EndpointSlice]:
    """The slices of a Service that one controller looks after."""
    found = context.informers.of(EndpointSlice).by_index(BY_SERVICE, f"{key[0]}/{key[1]}")
    return [one for one in found if one.metadata.labels.get(slices.MANAGED_BY) == manager]


class EndpointSliceController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("endpoint-slice-controller")
        self._written = Written(context.clock)
        self._triggers = TriggerTimes()
        self._services = context.informers.of(core_v1.Service)
        self._nodes = context.informers.of(core_v1.Node)
        self._waiting: dict[str, set[Key]] = {}
        """Services with Pods on nodes that aren't known, by the node."""
        index_by_service(context)
        context.on_change(context.informers.of(EndpointSlice), self._slice_changed)
        context.on_change(self._nodes, self._node_changed)
        context.on_change(self._services, self._service_changed)
        self._membership = Membership(context, queue.add)

    def _service_changed(self, old: core_v1.Service | None, new: core_v1.Service | None) -> None:
        if new is None and old is not None:
            self._written.forget(old.metadata.uid)
            self._triggers.forget(old.metadata.uid)

    def _slice_changed(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        for one in (old, new):
            if one is None or one.metadata.labels.get(slices.MANAGED_BY) != slices.CONTROLLER:
                continue
            name = one.metadata.labels.get(slices.SERVICE_NAME)
            if name:
                self._queue.add((one.metadata.namespace, name))
        if new is None and old is not None:
            for owner in old.metadata.ownerReferences:
                self._written.gone(owner.uid, old.metadata.uid)

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if old is None and new is not None:
            for key in self._waiting.pop(new.metadata.name, ()):
                self._queue.add(key)

    async def reconcile(self, key: Key) -> Result:
        service = self._services.get(*key)
        if service is None or not has_selector(service):
            return DONE  # the slices of a Service that is gone go with it, by their owner reference
        existing = slices_of(self._context, key, slices.CONTROLLER)
        if not self._written.is_shown(service.metadata.uid, existing):
            return Result(requeue_after=LONGEST_WAIT)
        pods = self._membership.pods(key)
        trigger = self._triggers.of(service, pods)
        for plan in self._plans(service, pods, existing):
            for one in (*plan.create, *plan.update):
                one.metadata = replace(one.metadata, annotations=annotated(one.metadata.annotations, trigger))
            try:
                await self._carry_out(service, plan)
            except errors.StatusError as error:
                if is_namespace_terminating(error):
                    return DONE
                message = f"Error updating Endpoint Slices for Service {key[0]}/{key[1]}: {error}"
                self._recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)
                raise
        return Result(rest=min(len(pods) * REST_PER_POD, LONGEST_REST))

    def _plans(
        self, service: core_v1.Service, pods: Sequence[core_v1.Pod], existing: Sequence[EndpointSlice]
    ) -> Iterable[slices.Plan]:
        types = endpoint_rules.address_types(service)
        for address_type in types:
            mine = [one for one in existing if one.addressType == address_type]
            yield slices.plan(service, address_type, self._groups(service, address_type, pods), mine)
        foreign = [one for one in existing if one.addressType not in types]
        if foreign:
            yield slices.Plan(delete=foreign)

    def _groups(
        self, service: core_v1.Service, address_type: str, pods: Sequence[core_v1.Pod]
    ) -> dict[slices.PortsKey, slices.Group]:
        groups: dict[slices.PortsKey, slices.Group] = {}
        for pod in pods:
            if not endpoint_rules.belongs(pod, terminating=True):
                continue
            ports = endpoint_rules.ports(service, pod)
            group = groups.setdefault(slices.ports_key(ports), slices.Group(ports))
            node = self._nodes.get("", pod.spec.nodeName)
            if node is None and not service.spec.publishNotReadyAddresses:
                key = (service.metadata.namespace, service.metadata.name)
                self._waiting.setdefault(pod.spec.nodeName, set()).add(key)
                continue
            zone = node.metadata.labels.get(endpoint_rules.ZONE, "") if node is not None else ""
            endpoint = endpoint_rules.of_pod(pod, service, zone, address_type)
            if endpoint.addresses:
                group.add(endpoint)
        return groups

    async def _carry_out(self, service: core_v1.Service, plan: slices.Plan) -> None:
        owner = service.metadata.uid
        if service.metadata.deletionTimestamp is None:
            for one in plan.create:
                self._written.note(owner, await self._client.create(one))
        for one in plan.update:
            self._written.note(owner, await self._client.update(one))
        for one in plan.delete:
            with contextlib.suppress(errors.NotFound):
                await self._client.delete(EndpointSlice, one.metadata.namespace, one.metadata.name)
