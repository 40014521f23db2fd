"""The subsets of an Endpoints object: addresses that have the same ports, in an order that doesn't depend on chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from podium.controllers import pods as pod_rules
from podium.controllers.endpointslice import endpoint as endpoint_rules
from podium.models.core_v1 import EndpointAddress, EndpointPort, EndpointSubset, Pod, Service, ServicePort

LARGEST = 1000
"""How many addresses an Endpoints object may have: it is one object, sent whole with every change."""

_Port = tuple[str, int, str, str]
_Ready = Mapping[tuple[str, str], bool]


def subsets(service: Service, pods: Iterable[Pod]) -> tuple[EndpointSubset, ...]:
    """Everything the Service leads to."""
    addresses: dict[tuple[str, str], EndpointAddress] = {}
    by_port: dict[_Port | None, dict[tuple[str, str], bool]] = {}
    publish = bool(service.spec.publishNotReadyAddresses)
    for pod in pods:
        if not endpoint_rules.belongs(pod, terminating=publish):
            continue
        address = _address(service, pod)
        if address is None:
            continue
        key = (address.ip, pod.metadata.uid)
        addresses[key] = address
        for port in _ports(service, pod):
            by_port.setdefault(port, {})[key] = publish or pod_rules.is_ready(pod)
    return _packed(by_port, addresses)


def _address(service: Service, pod: Pod) -> EndpointAddress | None:
    found = endpoint_rules.addresses(pod, endpoint_rules.address_types(service)[0])
    if not found:
        return None
    return EndpointAddress(
        ip=found[0],
        hostname=endpoint_rules.hostname(pod, service),
        nodeName=pod.spec.nodeName,
        targetRef=endpoint_rules.target(pod),
    )


def _ports(service: Service, pod: Pod) -> Sequence[_Port | None]:
    """None for a headless Service without ports: the addresses alone."""
    if not service.spec.ports and endpoint_rules.is_headless(service):
        return (None,)
    found = [(port, endpoint_rules.port_number(pod, port)) for port in service.spec.ports]
    return [_port(port, number) for port, number in found if number is not None]


def _port(port: ServicePort, number: int) -> _Port:
    return (port.name, number, port.protocol or "TCP", port.appProtocol)


def _packed(
    by_port: Mapping[_Port | None, _Ready], addresses: Mapping[tuple[str, str], EndpointAddress]
) -> tuple[EndpointSubset, ...]:
    """Ports that have the same addresses in the same state share a subset."""
    groups: dict[frozenset[tuple[tuple[str, str], bool]], list[_Port]] = {}
    for port, ready in by_port.items():
        ports = groups.setdefault(frozenset(ready.items()), [])
        if port is not None:
            ports.append(port)
    found = []
    for states, ports in groups.items():
        found.append(
            EndpointSubset(
                addresses=tuple(addresses[key] for key, ready in sorted(states) if ready),
                notReadyAddresses=tuple(addresses[key] for key, ready in sorted(states) if not ready),
                ports=tuple(
                    EndpointPort(name=name or None, port=number, protocol=protocol, appProtocol=application)
                    for name, number, protocol, application in sorted(ports)
                ),
            )
        )
    return tuple(sorted(found, key=_order))


def _order(subset: EndpointSubset) -> tuple[object, ...]:
    ports = [(port.port, port.name or "", port.protocol or "") for port in subset.ports]
    return (ports, [one.ip for one in subset.addresses], [one.ip for one in subset.notReadyAddresses])


def count(found: Iterable[EndpointSubset]) -> int:
    return sum(len(one.addresses) + len(one.notReadyAddresses) for one in found)


def truncated(found: Sequence[EndpointSubset]) -> tuple[EndpointSubset, ...]:
    """At most as many addresses as an object may have, ready ones first, each subset its share."""
    ready = sum(len(one.addresses) for one in found)
    total = count(found)
    if total <= LARGEST:
        return tuple(found)
    only_ready = ready > LARGEST
    room = LARGEST if only_ready else LARGEST - ready
    of = ready if only_ready else total - ready
    left = room
    result = []
    for one in found:
        candidates = one.addresses if only_ready else one.notReadyAddresses
        share = candidates[: min(left, math.ceil(len(candidates) * room / of))]
        left -= len(share)
        if only_ready:
            result.append(replace(one, addresses=share, notReadyAddresses=()))
        else:
            result.append(replace(one, notReadyAddresses=share))
    return tuple(result)
