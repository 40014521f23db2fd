"""Where the API server behind an APIService listens: an endpoint of its Service that is ready.

The API server is not in the Pods' network, so a Service's own address is of no use to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from podium.models.apiregistration_v1 import APIService, ServiceReference
from podium.models.core_v1 import Service
from podium.models.discovery_v1 import Endpoint, EndpointSlice
from podium.registry.registry import Registry

_SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


class Unresolved(Exception):
    """There is nowhere to go; the text says why."""


def reference_of(service: APIService) -> ServiceReference:
    """Of an APIService that isn't local."""
    assert service.spec.service is not None, "a local APIService leads nowhere"
    return service.spec.service


def server_name(service: APIService) -> str:
    """What the API server's certificate has to be for."""
    reference = reference_of(service)
    return f"{reference.name}.{reference.namespace}.svc"


def targets(registry: Registry, service: APIService) -> list[Target]:
    """Everywhere that the API server listens at this moment; Unresolved."""
    reference = reference_of(service)
    entry = registry.live("services").get(reference.namespace, reference.name)
    if entry is None:
        raise Unresolved(f'service "{reference.name}" not found')
    pieces = (
        cast(EndpointSlice, each.object)
        for each in registry.live("endpointslices.discovery.k8s.io").namespace(reference.namespace).values()
    )
    return found(entry.object, reference.port or 443, pieces)


def found(service: Service, port: int, slices: Iterable[EndpointSlice]) -> list[Target]:
    """The endpoints that a port of a Service leads to; Unresolved if there are none. `slices`: any of its namespace.

    Names of hosts are no endpoints, as for a Service's own address: only an ExternalName leads to one."""
    name = service.metadata.name
    if service.spec.type == "ExternalName":
        return [Target(service.spec.externalName, port)]
    wanted = next((one for one in service.spec.ports if one.port == port), None)
    if wanted is None:
        raise Unresolved(f'no service port {port} found for service "{name}"')
    result = [
        Target(address, number)
        for piece in slices
        if piece.metadata.labels.get(_SERVICE_NAME) == name and piece.addressType != "FQDN"
        for number in _numbers(piece, wanted.name)
        for endpoint in piece.endpoints
        if _is_ready(endpoint)
        for address in endpoint.addresses
    ]
    if not result:
        raise Unresolved(f'no endpoints available for service "{name}"')
    return result


def _numbers(piece: EndpointSlice, port: str) -> Sequence[int]:
    return [one.port for one in piece.ports if (one.name or "") == port and one.port is not None]


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions is None or endpoint.conditions.ready is not False
