"""Services and their Endpoints as tables: where they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models.core_v1 import Endpoints, Service
from podium.registry.columns.base import AGE, NAME, NONE, SELECTOR, Cells, Columns, age, labels, text


def addresses(ingress: Any) -> str:
    """Where a load balancer answers."""
    return ",".join(sorted({one.ip or one.hostname for one in ingress if one.ip or one.hostname}))


def _external(obj: Service) -> str:
    spec = obj.spec
    if spec.type == "ExternalName":
        return spec.externalName
    given = ",".join(spec.externalIPs)
    if spec.type != "LoadBalancer":
        return given or NONE
    balanced = addresses(obj.status.loadBalancer.ingress)
    return ",".join(filter(None, (balanced, given))) or "<pending>"


def _service(obj: Service, now: datetime) -> Cells:
    spec = obj.spec
    ports = ",".join(
        f"{port.port}:{port.nodePort}/{port.protocol}" if port.nodePort else f"{port.port}/{port.protocol}"
        for port in spec.ports
    )
    address = spec.clusterIPs[0] if spec.clusterIPs else spec.clusterIP or NONE
    return [obj.metadata.name, spec.type, address, _external(obj), ports or NONE, age(obj, now), labels(spec.selector)]


SERVICES = Columns(
    (
        NAME,
        text("Type", "How the Service is reached"),
        text("Cluster-IP", "Its address in the cluster"),
        text("External-IP", "Its addresses outside of the cluster"),
        text("Port(s)", "Its ports, with node ports and protocols"),
        AGE,
        SELECTOR,
    ),
    _service,
)


def _endpoints(obj: Endpoints, now: datetime) -> Cells:
    """The first few addresses with ports, and how many more."""
    found = []
    for subset in obj.subsets:
        if not subset.ports:
            found += [one.ip for one in subset.addresses]
        for port in subset.ports:
            found += [_joined(one.ip, port.port) for one in subset.addresses]
    shown = ",".join(found[:3])
    if len(found) > 3:
        shown += f" + {len(found) - 3} more..."
    return [obj.metadata.name, shown or NONE, age(obj, now)]


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


ENDPOINTS = Columns((NAME, text("Endpoints", "Addresses and ports that are ready"), AGE), _endpoints)
