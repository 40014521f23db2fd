"""Core kinds other than Pods as tables: Services, nodes, namespaces, configuration, Events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models import core_v1, events_v1
from podium.models.core_v1 import ConfigMap, Endpoints, Namespace, Node, Secret, Service, ServiceAccount
from podium.registry.columns.base import (
    AGE,
    NAME,
    NONE,
    SELECTOR,
    UNKNOWN,
    Cells,
    Column,
    Columns,
    age,
    condition,
    labels,
    number,
    since,
    text,
    wide,
)
from podium.registry.columns.times import parsed

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"


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


def _node(obj: Node, now: datetime) -> Cells:
    ready = condition(obj.status.conditions, "Ready")
    state = "Unknown" if ready is None else "Ready" if ready.status == "True" else "NotReady"
    if obj.spec.unschedulable:
        state += ",SchedulingDisabled"
    roles = {key.removeprefix(_ROLE_PREFIX) for key in obj.metadata.labels if key.startswith(_ROLE_PREFIX)}
    roles |= {obj.metadata.labels.get(_ROLE, "")}
    info = obj.status.nodeInfo or core_v1.NodeSystemInfo()
    return [
        obj.metadata.name,
        state,
        ",".join(sorted(filter(None, roles))) or NONE,
        age(obj, now),
        info.kubeletVersion,
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.osImage or UNKNOWN,
        info.kernelVersion or UNKNOWN,
        info.containerRuntimeVersion or UNKNOWN,
    ]


def _address(obj: Node, kind: str) -> str:
    return next((one.address for one in obj.status.addresses if one.type == kind), NONE)


NODES = Columns(
    (
        NAME,
        text("Status", "Whether the node can run Pods"),
        text("Roles", "Roles that its labels give it"),
        AGE,
        text("Version", "Version of its agent"),
        wide("Internal-IP", "Its address in the cluster"),
        wide("External-IP", "Its address outside of the cluster"),
        wide("OS-Image", "Its operating system"),
        wide("Kernel-Version", "Its kernel"),
        wide("Container-Runtime", "What runs its containers"),
    ),
    _node,
)


def _namespace(obj: Namespace, now: datetime) -> Cells:
    return [obj.metadata.name, obj.status.phase, age(obj, now)]


def _secret(obj: Secret, now: datetime) -> Cells:
    return [obj.metadata.name, obj.type, len(obj.data), age(obj, now)]


def _config_map(obj: ConfigMap, now: datetime) -> Cells:
    return [obj.metadata.name, len(obj.data) + len(obj.binaryData), age(obj, now)]


def _service_account(obj: ServiceAccount, now: datetime) -> Cells:
    return [obj.metadata.name, len(obj.secrets), age(obj, now)]


NAMESPACES = Columns((NAME, text("Status", "Active, or Terminating when it is being deleted"), AGE), _namespace)
SECRETS = Columns((NAME, text("Type", "What the Secret is for"), number("Data", "How many entries"), AGE), _secret)
CONFIG_MAPS = Columns((NAME, number("Data", "How many entries"), AGE), _config_map)
SERVICE_ACCOUNTS = Columns((NAME, number("Secrets", "How many Secrets it may use"), AGE), _service_account)


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


def _event(obj: core_v1.Event, now: datetime) -> Cells:
    happened = parsed(obj.eventTime)
    first = obj.firstTimestamp or happened
    last = obj.lastTimestamp
    count = obj.count or 0
    if obj.series is not None:
        last, count = parsed(obj.series.lastObservedTime) or last, obj.series.count or 0
    source = obj.source or core_v1.EventSource()
    component = source.component or obj.reportingComponent
    host = source.host or (obj.reportingInstance if not source.component else "")
    about = obj.involvedObject
    return _event_cells(
        obj,
        (since(first if last is None else last, now), since(first, now)),
        _kind_and_name(about.kind, about.name),
        (about.fieldPath, ", ".join(filter(None, (component, host))), obj.message.strip()),
        count or 1,
    )


def _new_event(obj: events_v1.Event, now: datetime) -> Cells:
    happened = parsed(obj.eventTime)
    first = obj.deprecatedFirstTimestamp or happened
    last = obj.deprecatedLastTimestamp
    count = obj.deprecatedCount or 0
    if obj.series is not None:
        last, count = parsed(obj.series.lastObservedTime) or last, obj.series.count
    source = obj.deprecatedSource or core_v1.EventSource()
    component = source.component or obj.reportingController
    host = source.host or (obj.reportingInstance if not source.component else "")
    about = obj.regarding or core_v1.ObjectReference()
    return _event_cells(
        obj,
        (since(first if last is None else last, now), since(first, now)),
        _kind_and_name(about.kind, about.name),
        (about.fieldPath, ", ".join(filter(None, (component, host))), obj.note.strip()),
        count or 1,
    )


def _kind_and_name(kind: str, name: str) -> str:
    return f"{kind.lower()}/{name}" if name else kind.lower()


def _event_cells(obj: Any, seen: tuple[str, str], about: str, texts: tuple[str, str, str], count: int) -> Cells:
    """`seen` is (last, first); `texts` are field path, source and message."""
    path, source, message = texts
    return [seen[0], obj.type, obj.reason, about, path, source, message, seen[1], count, obj.metadata.name]


_EVENT = (
    text("Last Seen", "When it happened last"),
    text("Type", "Normal or Warning"),
    text("Reason", "What happened, in one word"),
    text("Object", "What it happened to"),
    wide("Subobject", "Which part of the object"),
    wide("Source", "Who reported it"),
    text("Message", "What happened"),
    wide("First Seen", "When it happened first"),
    Column("Count", "integer", description="How often it happened", priority=1),
    Column("Name", format="name", description="Name of the Event", priority=1),
)
EVENTS = Columns(_EVENT, _event)
NEW_EVENTS = Columns(_EVENT, _new_event)
