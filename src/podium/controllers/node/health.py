"""When a node counts as lost, and what its status says then. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from podium.models import conditions, core_v1

GRACE = timedelta(seconds=50)
"""So long a node may be silent (node-monitor-grace-period; 40 s before v1.32)."""
STARTUP_GRACE = timedelta(seconds=60)
"""... and so long one that has never said a word."""
REPORTED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""The conditions that the node's agent keeps, and nobody does when it is gone."""


def ready_status(node: core_v1.Node) -> str:
    """ "True", "False" or "Unknown"; empty when it never reported."""
    ready = conditions.get(node.status.conditions, "Ready")
    return ready.status if ready is not None else ""


def is_ready(node: core_v1.Node) -> bool:
    return ready_status(node) == "True"


def heartbeat(node: core_v1.Node) -> datetime | None:
    ready = conditions.get(node.status.conditions, "Ready")
    return ready.lastHeartbeatTime if ready is not None else None


def overdue_at(node: core_v1.Node, heard: datetime, lease_seconds: int = 0) -> datetime:
    """When the node counts as lost unless it is heard of before; `heard`: when it was the last time.

    A node whose Lease says that it may be silent for longer (`lease_seconds`) is taken at its word, which Kubernetes
    leaves to whoever sets both flags.
    """
    grace = GRACE if ready_status(node) else STARTUP_GRACE
    return heard + max(grace, timedelta(seconds=lease_seconds))


def lost_status(node: core_v1.Node, now: datetime) -> core_v1.NodeStatus:
    """The status with all that the agent reported unknown; the very same status if it says so already."""
    result = node.status.conditions
    for type_ in REPORTED:
        old = conditions.get(result, type_)
        if old is None:
            new = core_v1.NodeCondition(
                type=type_,
                status="Unknown",
                reason="NodeStatusNeverUpdated",
                message="Kubelet never posted node status.",
                lastHeartbeatTime=node.metadata.creationTimestamp,
            )
        elif old.status != "Unknown":
            new = replace(
                old, status="Unknown", reason="NodeStatusUnknown", message="Kubelet stopped posting node status."
            )
        else:
            continue
        result = conditions.put(result, new, now)
    return node.status if result is node.status.conditions else replace(node.status, conditions=result)


def not_ready(pod: core_v1.Pod, now: datetime) -> core_v1.PodStatus | None:
    """The Pod's status when its node is not ready; None if it says so already."""
    if not conditions.is_true(pod.status.conditions, "Ready"):
        return None
    ready = conditions.get(pod.status.conditions, "Ready")
    assert ready is not None
    return replace(pod.status, conditions=conditions.put(pod.status.conditions, replace(ready, status="False"), now))
