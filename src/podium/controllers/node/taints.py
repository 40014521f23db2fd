"""The taints that follow from a node's conditions, and how fast nodes may lose their Pods. Pure.

NoSchedule taints keep new Pods away and follow at once. NoExecute taints drive Pods out, so they come one after the
other, more slowly the more of a zone is down, and not at all when everything is: then it is not the nodes' fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from podium.models import core_v1

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_BY_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_NO_SCHEDULE = frozenset(_BY_CONDITION.values()) | {UNSCHEDULABLE}
_NO_EXECUTE = frozenset({NOT_READY, UNREACHABLE})

EVICTION_RATE = 0.1
"""Nodes a second, per zone."""
SLOW_EVICTION_RATE = 0.01
LARGE_ZONE = 50
UNHEALTHY_SHARE = 0.55


def no_schedule(node: core_v1.Node) -> frozenset[str]:
    """The keys of the NoSchedule taints that the node has to have."""
    keys = {
        _BY_CONDITION[condition.type, condition.status]
        for condition in node.status.conditions
        if (condition.type, condition.status) in _BY_CONDITION
    }
    return frozenset(keys | {UNSCHEDULABLE} if node.spec.unschedulable else keys)


def no_execute(node: core_v1.Node) -> frozenset[str]:
    """The keys of the NoExecute taints that it has to have once it may lose its Pods."""
    return no_schedule(node) & _NO_EXECUTE


def tainted_to_evict(node: core_v1.Node) -> bool:
    """Whether it is driving Pods out already."""
    return any(taint.effect == "NoExecute" and taint.key in _NO_EXECUTE for taint in node.spec.taints)


def with_taints(node: core_v1.Node, evict: bool, now: datetime) -> tuple[core_v1.Taint, ...]:
    """All taints of the node as they have to be; the very same ones if nothing changes.

    `evict`: whether it may be given the NoExecute taint that its condition calls for. One that it has stays."""
    wanted = {(key, "NoSchedule") for key in no_schedule(node)}
    if evict:
        wanted |= {(key, "NoExecute") for key in no_execute(node)}
    have = {(taint.key, taint.effect) for taint in node.spec.taints}
    ours = {(key, "NoSchedule") for key in _NO_SCHEDULE} | {(key, "NoExecute") for key in _NO_EXECUTE}
    if have & ours == wanted:
        return node.spec.taints
    kept = [taint for taint in node.spec.taints if (taint.key, taint.effect) not in ours - wanted]
    return (
        *kept,
        *(core_v1.Taint(key=key, effect=effect, timeAdded=now) for key, effect in sorted(wanted - have)),
    )


def rate(ready: Sequence[bool]) -> float:
    """How many nodes of a zone may lose their Pods per second, given which of its nodes are ready."""
    lost = ready.count(False)
    if lost == len(ready) or lost <= 2 or lost / len(ready) < UNHEALTHY_SHARE:
        return EVICTION_RATE
    return SLOW_EVICTION_RATE if len(ready) > LARGE_ZONE else 0.0


def zone(node: core_v1.Node) -> str:
    labels = node.metadata.labels
    return f"{labels.get('topology.kubernetes.io/region', '')}:{labels.get('topology.kubernetes.io/zone', '')}"
