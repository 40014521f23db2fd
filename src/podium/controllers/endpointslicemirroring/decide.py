"""How Endpoints that a user wrote look as EndpointSlices: of each subset and kind of address one slice."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from podium.controllers.endpointslice.endpoint import port_key
from podium.controllers.endpointslice.slices import (
    MANAGED_BY,
    SERVICE_NAME,
    EndpointKey,
    Plan,
    Ports,
    PortsKey,
    endpoint_key,
    name_prefix,
    ports_key,
)
from podium.controllers.endpointslice.trigger_times import ANNOTATION
from podium.models import core_v1, meta_v1, owners
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice

LARGEST = 1000
CONTROLLER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_MIRRORED = (ANNOTATION, "kubectl.kubernetes.io/last-applied-configuration")

_Key = tuple[str, PortsKey]


@dataclass(slots=True)
class Desired:
    """The endpoints by address type and ports, and what couldn't be taken over."""

    ports: dict[_Key, Ports] = field(default_factory=dict)
    endpoints: dict[_Key, dict[EndpointKey, Endpoint]] = field(default_factory=dict)
    invalid: int = 0
    skipped: int = 0


def is_mirrored(endpoints: core_v1.Endpoints | None, service: core_v1.Service | None) -> bool:
    """Only what a user wrote for a Service of the same name that selects no Pods."""
    return (
        endpoints is not None
        and service is not None
        and not service.spec.selector
        and endpoints.metadata.labels.get(SKIP) != "true"
        and LEADER not in endpoints.metadata.annotations
    )


def desired(endpoints: core_v1.Endpoints) -> Desired:
    result = Desired()
    for subset in endpoints.subsets:
        ports = tuple(
            sorted(
                (
                    EndpointPort(
                        appProtocol=one.appProtocol, name=one.name or "", port=one.port, protocol=one.protocol or "TCP"
                    )
                    for one in subset.ports
                ),
                key=port_key,
            )
        )
        given = [(one, True) for one in subset.addresses] + [(one, False) for one in subset.notReadyAddresses]
        added = 0
        for address, ready in given:
            if added == LARGEST:
                result.skipped += 1
            elif _add(result, ports, address, ready=ready):
                added += 1
            else:
                result.invalid += 1
    return result


def _add(result: Desired, ports: Ports, address: core_v1.EndpointAddress, *, ready: bool) -> bool:
    try:
        parsed = ipaddress.ip_address(address.ip)
    except ValueError:
        return False
    endpoint = Endpoint(
        addresses=(str(parsed),),
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        nodeName=address.nodeName,
        targetRef=address.targetRef,
    )
    key = (f"IPv{parsed.version}", ports_key(ports))
    result.ports[key] = ports
    result.endpoints.setdefault(key, {})[endpoint_key(endpoint)] = endpoint
    return True


def plan(endpoints: core_v1.Endpoints, wanted: Desired, existing: Sequence[EndpointSlice]) -> Plan:
    """One slice for each kind of address and set of ports; one that is there is written again only if it differs."""
    result = Plan()
    left: dict[_Key, list[EndpointSlice]] = {}
    for one in existing:
        left.setdefault((one.addressType, ports_key(one.ports)), []).append(one)
    for key, by_key in wanted.endpoints.items():
        new = new_slice(endpoints, key[0], wanted.ports[key], by_key.values())
        there = left.pop(key, [])
        result.delete += there[1:]
        if not there:
            result.create.append(new)
        elif not _same(there[0], new):
            result.update.append(_over(there[0], new))
    for rest in left.values():
        result.delete += rest
    _recycle(result)
    return result


def _same(one: EndpointSlice, new: EndpointSlice) -> bool:
    before, after = one.metadata, new.metadata
    return (
        {endpoint_key(each): each for each in one.endpoints} == {endpoint_key(each): each for each in new.endpoints}
        and before.labels == after.labels
        and before.annotations == after.annotations
    )


def _over(one: EndpointSlice, new: EndpointSlice) -> EndpointSlice:
    metadata = replace(one.metadata, labels=new.metadata.labels, annotations=new.metadata.annotations)
    return replace(one, metadata=metadata, endpoints=new.endpoints, ports=new.ports)


def _recycle(result: Plan) -> None:
    """What is to be made takes the place of what is to go."""
    for one in tuple(result.delete):
        new = next((each for each in result.create if each.addressType == one.addressType), None)
        if new is not None:
            result.create.remove(new)
            result.delete.remove(one)
            result.update.append(_over(one, new))


def new_slice(
    endpoints: core_v1.Endpoints, address_type: str, ports: Ports, found: Iterable[Endpoint]
) -> EndpointSlice:
    of = endpoints.metadata
    metadata = meta_v1.ObjectMeta(
        generateName=name_prefix(of.name),
        namespace=of.namespace,
        labels={**of.labels, SERVICE_NAME: of.name, MANAGED_BY: CONTROLLER},
        annotations={key: value for key, value in of.annotations.items() if key not in _NOT_MIRRORED},
        ownerReferences=(owners.new_controller_ref(endpoints),),
    )
    return EndpointSlice(metadata=metadata, addressType=address_type, ports=ports, endpoints=tuple(found))
