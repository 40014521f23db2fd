"""What every cluster begins with: its namespaces, the API's own Service, priority classes and roles.

Runs at every start and creates what is missing; default roles and bindings get back what they lack. The API's endpoints
are brought up to date when it is served.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from podium.machinery import errors
from podium.models import resources
from podium.models.apiregistration_v1 import APIService
from podium.models.core_v1 import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Namespace,
    Service,
    ServicePort,
    ServiceSpec,
)
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from podium.models.discovery_v1 import EndpointPort as SlicePort
from podium.models.meta_v1 import ObjectMeta
from podium.models.scheduling_v1 import PriorityClass
from podium.models.storage_classes import DIRECTORY_CLASS, DIRECTORY_PROVISIONER, IS_DEFAULT
from podium.models.storage_v1 import StorageClass
from podium.registry import aggregation, bootstrap_rbac
from podium.registry import bootstrap_rbac_reconcile as reconcile
from podium.registry.core import Core
from podium.registry.create import create
from podium.registry.delete import delete
from podium.registry.parts import part
from podium.registry.resources import Resource
from podium.registry.services import API_ADDRESS
from podium.registry.types import Request
from podium.registry.unreadable import CorruptObject
from podium.registry.update import update

_log = logging.getLogger(__name__)

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
SERVICE_PORT = 443
_LABELS = {"component": "apiserver", "provider": "kubernetes"}


async def bootstrap(core: Core) -> None:
    """Namespaces first, since nothing goes into one that isn't there; the rest at once, so that it is few commits."""
    await asyncio.gather(*(_ensure(core, Namespace(metadata=ObjectMeta(name=name))) for name in NAMESPACES))
    rest = (*priority_classes(), service(), storage_class())
    local = aggregation.local_services(row.type for row in core.resources())
    await asyncio.gather(
        *(_reconcile(core, obj) for obj in bootstrap_rbac.objects()),
        *(_ensure(core, obj) for obj in rest),
        *(_register(core, obj) for obj in local),
    )


async def _reconcile(core: Core, wanted: Any) -> None:
    """A role or binding. One that can't be changed is no reason not to start."""
    res = _row(core, wanted)
    meta = wanted.metadata
    collection = core.live(res)
    entry = collection.entries.get(collection.key(meta.namespace, meta.name))
    if entry is None:
        await _create(core, res, wanted)
        return
    there = entry.object
    new = reconcile.reconciled(there, wanted)
    recreate = reconcile.is_of_another_role(there, wanted)
    if new == there and not recreate:
        return
    if reconcile.is_left_alone(there):
        _log.info("%s %s lacks what it has by default, as its annotation wants it", res.kind, meta.name)
        return
    try:
        if recreate:
            await delete(core, Request(), res, meta.namespace, meta.name, None)
            await _create(core, res, wanted)
        else:
            await update(core, Request(), res, (meta.namespace, meta.name), new, part(res, ""))
    except errors.StatusError as error:
        _log.warning("%s %s can't be brought up to date: %s", res.kind, meta.name, error)


async def _register(core: Core, wanted: APIService) -> None:
    """Whoever has taken a group version away from this server has it until the next start, as in Kubernetes."""
    services = core.live(aggregation.API_SERVICES)
    found = services.entries.get(services.key("", wanted.metadata.name))
    changed = found is not None and aggregation.is_automanaged(found.object) and found.object.spec != wanted.spec
    if changed and found is not None:
        wanted = replace(found.object, metadata=replace(found.object.metadata), spec=wanted.spec)
    await _ensure(core, wanted, current=changed)


async def advertise(core: Core, address: str, port: int) -> None:
    """Let the API's Service lead to that address."""
    await _ensure(core, endpoints(address, port), current=True)
    await _ensure(core, endpoint_slice(address, port), current=True)


API_OBJECTS = ("services", "endpoints", "endpointslices.discovery.k8s.io")
"""What leads to the API: one object of each, default/kubernetes. The API server makes them again when they go."""


def leads_to_api(meta: ObjectMeta) -> bool:
    return (meta.namespace, meta.name) == ("default", "kubernetes")


async def restore(core: Core, gone: Service | Endpoints | EndpointSlice) -> None:
    """Make again, as a new object, what someone deleted."""
    meta = gone.metadata
    fresh = ObjectMeta(name=meta.name, namespace=meta.namespace, labels=dict(meta.labels))
    await _ensure(core, service() if isinstance(gone, Service) else replace(gone, metadata=fresh))


def priority_classes() -> Iterator[PriorityClass]:
    node = "Used for system critical pods that must not be moved from their current node."
    cluster = (
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
    )
    yield PriorityClass(metadata=ObjectMeta(name="system-node-critical"), value=2000001000, description=node)
    yield PriorityClass(metadata=ObjectMeta(name="system-cluster-critical"), value=2000000000, description=cluster)


def service() -> Service:
    """The API as Pods see it."""
    return Service(
        metadata=ObjectMeta(name="kubernetes", namespace="default", labels=dict(_LABELS)),
        spec=ServiceSpec(
            type="ClusterIP",
            clusterIP=API_ADDRESS,
            clusterIPs=(API_ADDRESS,),
            sessionAffinity="None",
            ports=(ServicePort(name="https", protocol="TCP", port=SERVICE_PORT, targetPort=6443),),
        ),
    )


def storage_class() -> StorageClass:
    """Claims that name no class get directories on the node that their first Pod runs on."""
    return StorageClass(
        metadata=ObjectMeta(name=DIRECTORY_CLASS, annotations={IS_DEFAULT: "true"}),
        provisioner=DIRECTORY_PROVISIONER,
        reclaimPolicy="Delete",
        volumeBindingMode="WaitForFirstConsumer",
        allowVolumeExpansion=True,
    )


def endpoints(address: str, port: int) -> Endpoints:
    return Endpoints(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels={"endpointslice.kubernetes.io/skip-mirror": "true"},
        ),
        subsets=(
            EndpointSubset(
                addresses=(EndpointAddress(ip=address),),
                ports=(EndpointPort(name="https", port=port, protocol="TCP"),),
            ),
        ),
    )


def endpoint_slice(address: str, port: int) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(
            name="kubernetes",
            namespace="default",
            labels={"kubernetes.io/service-name": "kubernetes"},
        ),
        addressType="IPv4",
        endpoints=(Endpoint(addresses=(address,), conditions=EndpointConditions(ready=True)),),
        ports=(SlicePort(name="https", port=port, protocol="TCP"),),
    )


async def _ensure(core: Core, obj: Any, *, current: bool = False) -> None:
    """Create the object; if it is there, leave it, or with `current` make it what it should be."""
    res = _row(core, obj)
    meta = obj.metadata
    collection = core.live(res)
    found = collection.entries.get(collection.key(meta.namespace, meta.name))
    if found is None:
        await _create(core, res, obj)
    elif current:
        await update(core, Request(), res, (meta.namespace, meta.name), obj, part(res, ""))


def _row(core: Core, obj: Any) -> Resource:
    kind = resources.of(type(obj))
    res = core.resource(kind.group, kind.version, kind.plural)
    if res is None:
        raise LookupError(f"{kind.kind} is not served")
    return res


async def _create(core: Core, res: Resource, obj: Any) -> None:
    try:
        await create(core, Request(), res, obj.metadata.namespace, obj)
    except (errors.AlreadyExists, CorruptObject):
        return  # it, or its namespace, is there and can't be read: the log says so
