"""Services and the Pods behind them, as short as can be."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from podium.models import core_v1, meta_v1
from tests.controllers import build


def service(name: str = "web", **spec: Any) -> core_v1.Service:
    """A Service of Pods that are labelled app=web."""
    fields: dict[str, Any] = {
        "selector": {"app": "web"},
        "type": "ClusterIP",
        "clusterIP": "10.96.0.10",
        "ipFamilies": ("IPv4",),
        "ports": (core_v1.ServicePort(port=80, targetPort=8080, protocol="TCP"),),
        **spec,
    }
    metadata = meta_v1.ObjectMeta(name=name, namespace="default", uid=f"uid-{name}")
    return core_v1.Service(metadata=metadata, spec=core_v1.ServiceSpec(**fields))


def pod(name: str, ip: str = "10.0.0.1", *, ports: tuple[core_v1.ContainerPort, ...] = (), **more: Any) -> core_v1.Pod:
    made = build.pod(name, **more)
    status = replace(made.status, podIP=ip, podIPs=(core_v1.PodIP(ip=ip),) if ip else ())
    spec = replace(made.spec, containers=(core_v1.Container(name="web", ports=ports),))
    return replace(made, spec=spec, status=status)
