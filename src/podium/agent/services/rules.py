"""What Services, host ports and names come down to: addresses to listen on, where each leads, lines of /etc/hosts.

The relays do what kube-proxy does for TCP; the names stand in for the cluster's DNS (Kubernetes docs, "DNS for Services
and Pods"): a headless Service's name has the addresses of its endpoints, any other's has its cluster IP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from podium.agent.runtime import Line
from podium.models.core_v1 import Pod, Service, ServicePort
from podium.models.discovery_v1 import Endpoint, EndpointSlice

SERVICE_LABEL = "kubernetes.io/service-name"
DOMAIN = "svc.cluster.local"
LOOPBACK = "127.0.0.1"
Backend = tuple[str, int]


@dataclass(frozen=True, slots=True, order=True)
class Frontend:
    """An address that is listened on: a Service's, which only Pods reach, or one of the machine's loopback."""

    address: str
    port: int
    on_machine: bool


def service_of(piece: EndpointSlice) -> tuple[str, str]:
    return piece.metadata.namespace, piece.metadata.labels.get(SERVICE_LABEL, "")


def service_frontends(service: Service, slices: Sequence[EndpointSlice]) -> dict[Frontend, tuple[Backend, ...]]:
    """Where connections to a Service lead: its cluster IP and node ports. UDP and SCTP are not relayed."""
    found: dict[Frontend, tuple[Backend, ...]] = {}
    spec = service.spec
    if spec.type == "ExternalName" or spec.clusterIP in ("", "None"):
        return found
    for port in spec.ports:
        if port.protocol not in ("", "TCP"):
            continue
        backends = _backends(port, slices)
        found[Frontend(spec.clusterIP, port.port, on_machine=False)] = backends
        if port.nodePort:
            found[Frontend(LOOPBACK, port.nodePort, on_machine=True)] = backends
    return found


def _backends(port: ServicePort, slices: Iterable[EndpointSlice]) -> tuple[Backend, ...]:
    """Endpoints that are ready; if there are none, those that still serve while they end."""
    ready: list[Backend] = []
    ending: list[Backend] = []
    for piece in slices:
        number = next((p.port for p in piece.ports if (p.name or "") == port.name), None)
        if number is None:
            continue
        for endpoint in piece.endpoints:
            targets = [(address, number) for address in endpoint.addresses]
            if _is_ready(endpoint):
                ready += targets
            elif endpoint.conditions is not None and endpoint.conditions.serving and endpoint.conditions.terminating:
                ending += targets
    return tuple(sorted(set(ready or ending)))


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions is None or endpoint.conditions.ready is not False


def host_port_frontends(pod: Pod) -> dict[Frontend, tuple[Backend, ...]]:
    """Where connections to the Pod's host ports lead. They are on the machine's loopback, whatever hostIP says."""
    if pod.spec.hostNetwork or not pod.status.podIP or pod.status.phase in ("Succeeded", "Failed"):
        return {}
    sidecars = (one for one in pod.spec.initContainers if one.restartPolicy == "Always")
    return {
        Frontend(port.hostIP if port.hostIP.startswith("127.") else LOOPBACK, port.hostPort, on_machine=True): (
            (pod.status.podIP, port.containerPort),
        )
        for container in (*sidecars, *pod.spec.containers)
        for port in container.ports
        if port.hostPort and port.protocol in ("", "TCP")
    }


def names(
    namespace: str, services: Iterable[Service], slices: Mapping[tuple[str, str], Sequence[EndpointSlice]]
) -> tuple[Line, ...]:
    """The names of Services and of Pods behind headless ones, as a Pod of that namespace may say them."""
    found: dict[str, set[str]] = {}
    for service in services:
        metadata = service.metadata
        if service.spec.type == "ExternalName":
            continue
        own = _forms(metadata.name, metadata.namespace, namespace)
        if service.spec.clusterIP not in ("", "None"):
            found.setdefault(service.spec.clusterIP, set()).update(own)
            continue
        for endpoint in _all_ready(slices.get((metadata.namespace, metadata.name), ())):
            for address in endpoint.addresses:
                lines = found.setdefault(address, set())
                lines.update(own)
                if endpoint.hostname:
                    lines.update(f"{endpoint.hostname}.{form}" for form in own)
    return tuple((address, tuple(sorted(found[address], key=lambda n: (-len(n), n)))) for address in sorted(found))


def _all_ready(slices: Iterable[EndpointSlice]) -> list[Endpoint]:
    return [endpoint for piece in slices for endpoint in piece.endpoints if _is_ready(endpoint)]


def _forms(name: str, of: str, seen_from: str) -> list[str]:
    forms = [f"{name}.{of}.{DOMAIN}", f"{name}.{of}.svc", f"{name}.{of}"]
    return [*forms, name] if of == seen_from else forms
