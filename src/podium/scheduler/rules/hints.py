"""Which rules have a say when something changes: every rule's hint, by the kind of event."""

from __future__ import annotations

from collections.abc import Mapping

from podium.scheduler.rules import (
    host_ports,
    node_affinity,
    node_unschedulable,
    pod_affinity,
    resources_fit,
    taints,
    topology_spread,
    volume_binding,
)
from podium.scheduler.rules.base import Event, Hint, NodeChange, PodChange, VolumeChange

HINTS: tuple[Hint, ...] = (
    node_unschedulable.HINT,
    taints.HINT,
    node_affinity.HINT,
    host_ports.HINT,
    resources_fit.HINT,
    topology_spread.HINT,
    pod_affinity.HINT,
    volume_binding.HINT,
    volume_binding.RESTRICTION_HINT,
)

BY_EVENT: Mapping[type[Event], Mapping[str, Hint]] = {
    kind: {hint.rule: hint for hint in HINTS if kind in hint.events} for kind in (NodeChange, PodChange, VolumeChange)
}
