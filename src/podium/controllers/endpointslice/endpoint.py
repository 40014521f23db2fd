"""What one Pod is as an endpoint of a Service: address, conditions, ports, where it is, and who is to prefer it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from podium.controllers import pods as pod_rules
from podium.models import core_v1
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointHints, EndpointPort, ForNode, ForZone

ZONE = "topology.kubernetes.io/zone"
HEADLESS = "None"
_CLOSE = ("PreferClose", "PreferSameZone", "PreferSameNode")


def belongs(pod: core_v1.Pod, *, terminating: bool) -> bool:
    """Whether the Pod is an endpoint at all. Finished ones aren't, nor those that have no address yet."""
    if pod_rules.is_finished(pod) or not (pod.status.podIP or pod.status.podIPs):
        return False
    return terminating or pod.metadata.deletionTimestamp is None


def of_pod(pod: core_v1.Pod, service: core_v1.Service, zone: str, address_type: str) -> Endpoint:
    serving = pod_rules.is_ready(pod)
    terminating = pod.metadata.deletionTimestamp is not None
    ready = bool(service.spec.publishNotReadyAddresses) or (serving and not terminating)
    return Endpoint(
        addresses=addresses(pod, address_type),
        conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hints=hints(service.spec.trafficDistribution, zone, pod.spec.nodeName) if ready else None,
        hostname=hostname(pod, service),
        nodeName=pod.spec.nodeName,
        targetRef=target(pod),
        zone=zone,
    )


def target(pod: core_v1.Pod) -> core_v1.ObjectReference:
    metadata = pod.metadata
    return core_v1.ObjectReference(kind="Pod", namespace=metadata.namespace, name=metadata.name, uid=metadata.uid)


def hostname(pod: core_v1.Pod, service: core_v1.Service) -> str:
    """Only Pods that name the Service as their subdomain have a name of their own in it."""
    return pod.spec.hostname if pod.spec.subdomain == service.metadata.name else ""


def addresses(pod: core_v1.Pod, address_type: str) -> tuple[str, ...]:
    given = [one.ip for one in pod.status.podIPs] or [pod.status.podIP]
    parsed = [ipaddress.ip_address(one) for one in given if one]
    return tuple(str(one) for one in parsed if f"IPv{one.version}" == address_type)


def hints(distribution: str, zone: str, node: str) -> EndpointHints | None:
    """For whom the endpoint is, as the Service's trafficDistribution says; None: for everyone."""
    if distribution not in _CLOSE:
        return None
    zones = (ForZone(name=zone),) if zone else ()
    nodes = (ForNode(name=node),) if node and distribution == "PreferSameNode" else ()
    return EndpointHints(forNodes=nodes, forZones=zones) if zones or nodes else None


def ports(service: core_v1.Service, pod: core_v1.Pod) -> tuple[EndpointPort, ...]:
    """The Service's ports as they are on this Pod; a named one that the Pod doesn't have is left out."""
    found = []
    for port in service.spec.ports:
        number = port_number(pod, port)
        if number is not None:
            found.append(
                EndpointPort(appProtocol=port.appProtocol, name=port.name, port=number, protocol=port.protocol or "TCP")
            )
    return tuple(sorted(found, key=port_key))


def port_key(port: EndpointPort) -> tuple[str, str, int, str]:
    return (port.name or "", port.protocol or "TCP", port.port or 0, port.appProtocol)


def port_number(pod: core_v1.Pod, port: core_v1.ServicePort) -> int | None:
    """Where the Service's port is on the Pod; its name is looked up in the containers that go on running."""
    wanted = port.targetPort or port.port
    if isinstance(wanted, int):
        return wanted
    sidecars = [one for one in pod.spec.initContainers if one.restartPolicy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for one in container.ports:
            if one.name == wanted and (one.protocol or "TCP") == (port.protocol or "TCP"):
                return one.containerPort
    return None


def address_types(service: core_v1.Service) -> Sequence[str]:
    """The kinds of addresses that the Service has slices of."""
    if service.spec.ipFamilies:
        return service.spec.ipFamilies
    cluster_ip = service.spec.clusterIP
    if cluster_ip and cluster_ip != HEADLESS:
        return (f"IPv{ipaddress.ip_address(cluster_ip).version}",)
    return ("IPv4", "IPv6")


def is_headless(service: core_v1.Service) -> bool:
    return service.spec.clusterIP in ("", HEADLESS)
