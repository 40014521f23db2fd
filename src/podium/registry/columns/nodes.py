"""Nodes as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models import core_v1
from podium.models.core_v1 import Node
from podium.registry.columns.base import AGE, NAME, NONE, UNKNOWN, Cells, Columns, age, condition, text, wide

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"


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
