"""How endpoints are divided among slices: of each set of ports, at most 100 a slice, with as few writes as can be.

An endpoint stays in the slice it is in. Slices that change anyway are filled first; what is left goes into one slice
that has room for all of it, or into new ones. Slices are not merged: each change of one is sent to every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from podium.controllers.endpointslice.endpoint import is_headless, port_key
from podium.machinery import names
from podium.models import core_v1, meta_v1, owners
from podium.models.discovery_v1 import Endpoint, EndpointPort, EndpointSlice

LARGEST = 100
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
HEADLESS_LABEL = "service.kubernetes.io/headless"
CONTROLLER = "endpointslice-controller.k8s.io"

Ports = tuple[EndpointPort, ...]
PortsKey = tuple[tuple[str, str, int, str], ...]
EndpointKey = tuple[tuple[str, ...], str, str, str]


@dataclass(slots=True)
class Plan:
    """Objects to write, and to take away. What is to be updated is complete, with the revision it was made from."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """The endpoints that share a set of ports."""

    ports: Ports
    endpoints: dict[EndpointKey, Endpoint] = field(default_factory=dict)

    def add(self, endpoint: Endpoint) -> None:
        self.endpoints[endpoint_key(endpoint)] = endpoint


def ports_key(ports: Iterable[EndpointPort]) -> PortsKey:
    return tuple(sorted(map(port_key, ports)))


def endpoint_key(endpoint: Endpoint) -> EndpointKey:
    """What an endpoint is recognized by, whatever its conditions are."""
    target = endpoint.targetRef
    return (
        endpoint.addresses,
        endpoint.hostname,
        target.namespace if target else "",
        target.name if target else "",
    )


def plan(
    service: core_v1.Service,
    address_type: str,
    groups: Mapping[PortsKey, Group],
    existing: Sequence[EndpointSlice],
) -> Plan:
    """What brings the slices of one address type in line. A Service always has a slice, if need be an empty one."""
    result = Plan()
    mine: dict[PortsKey, list[EndpointSlice]] = {}
    for one in existing:
        if is_owned(one, service):
            mine.setdefault(ports_key(one.ports), []).append(one)
        else:
            result.delete.append(one)
    for key, group in groups.items():
        _place(result, service, address_type, group, mine.get(key, ()))
    for key, slices in mine.items():
        if key not in groups:
            result.delete += slices
    if len(existing) == len(result.delete) and not result.create:
        empty = new_slice(service, address_type, ())
        if len(result.delete) == 1 and _same_placeholder(result.delete[0], empty):
            result.delete.clear()
        else:
            result.create.append(empty)
    _recycle(result, service)
    return result


def _place(
    result: Plan, service: core_v1.Service, address_type: str, group: Group, existing: Sequence[EndpointSlice]
) -> None:
    """Divide the endpoints of one set of ports."""
    left = dict(group.endpoints)
    changed: list[EndpointSlice] = []
    unchanged: list[EndpointSlice] = []
    for one in existing:
        keys = [endpoint_key(endpoint) for endpoint in one.endpoints]
        kept = tuple(left.pop(key) for key in keys if key in left)
        wanted = labels(service)
        if len(kept) == 0 and one.endpoints:
            result.delete.append(one)
        elif kept != one.endpoints or wanted != one.metadata.labels:
            changed.append(_with(one, kept, wanted))
        else:
            unchanged.append(one)
    waiting = list(left.values())
    for position, one in sorted(enumerate(changed), key=lambda pair: -len(pair[1].endpoints)):
        taken, waiting = _take(waiting, LARGEST - len(one.endpoints))
        changed[position] = replace(one, endpoints=one.endpoints + taken)
    while waiting:
        room = _with_room(unchanged, len(waiting)) if len(waiting) < LARGEST else None
        if room is None:
            taken, waiting = _take(waiting, LARGEST)
            result.create.append(replace(new_slice(service, address_type, group.ports), endpoints=taken))
        else:
            unchanged.remove(room)
            changed.append(_with(room, room.endpoints + tuple(waiting), room.metadata.labels))
            waiting = []
    result.update += changed


def _take(waiting: list[Endpoint], count: int) -> tuple[tuple[Endpoint, ...], list[Endpoint]]:
    return tuple(waiting[:count]), waiting[count:]


def _with_room(slices: Iterable[EndpointSlice], count: int) -> EndpointSlice | None:
    """The slice that will be fullest with that many more."""
    fitting = [one for one in slices if len(one.endpoints) + count <= LARGEST]
    return max(fitting, key=lambda one: len(one.endpoints), default=None)


def _with(one: EndpointSlice, endpoints: tuple[Endpoint, ...], wanted: dict[str, str]) -> EndpointSlice:
    return replace(one, endpoints=endpoints, metadata=replace(one.metadata, labels=wanted))


def _same_placeholder(one: EndpointSlice, empty: EndpointSlice) -> bool:
    return (one.endpoints, one.ports, one.addressType, one.metadata.labels) == (
        (),
        (),
        empty.addressType,
        empty.metadata.labels,
    )


def _recycle(result: Plan, service: core_v1.Service) -> None:
    """A slice that is to be made takes the place of one that is to go: one write instead of two."""
    kept = []
    for one in result.delete:
        fits = result.create and result.create[-1].addressType == one.addressType and is_owned(one, service)
        if not fits:
            kept.append(one)
            continue
        new = result.create.pop()
        metadata = replace(one.metadata, labels=new.metadata.labels)
        result.update.append(replace(one, metadata=metadata, endpoints=new.endpoints, ports=new.ports))
    result.delete = kept


def new_slice(service: core_v1.Service, address_type: str, ports: Ports) -> EndpointSlice:
    metadata = meta_v1.ObjectMeta(
        generateName=name_prefix(service.metadata.name),
        namespace=service.metadata.namespace,
        labels=labels(service),
        ownerReferences=(owners.new_controller_ref(service),),
    )
    return EndpointSlice(metadata=metadata, addressType=address_type, ports=ports)


def name_prefix(name: str) -> str:
    """With a dash, unless the name would be too long for that."""
    return f"{name}-" if len(name) < names.SUBDOMAIN_LENGTH else name


def labels(service: core_v1.Service) -> dict[str, str]:
    """The Service's labels and those that say whose slice it is and who looks after it."""
    wanted = {
        key: value
        for key, value in service.metadata.labels.items()
        if key not in (SERVICE_NAME, MANAGED_BY, HEADLESS_LABEL)
    }
    if is_headless(service):
        wanted[HEADLESS_LABEL] = ""
    wanted[SERVICE_NAME] = service.metadata.name
    wanted[MANAGED_BY] = CONTROLLER
    return wanted


def is_owned(one: EndpointSlice, service: core_v1.Service) -> bool:
    """By identity: a slice of an earlier Service of the same name is none of its own."""
    return any(owner.uid == service.metadata.uid for owner in one.metadata.ownerReferences)
