"""TaintToleration: a node refuses Pods that don't tolerate its taints; taints with PreferNoSchedule only cost score."""

from __future__ import annotations

from collections.abc import Iterable

from podium.models import core_v1
from podium.scheduler.nodes import NodeFacts
from podium.scheduler.pods import Shape, Template
from podium.scheduler.rules.base import Event, Hint, NodeChange, Refusal

NAME = "TaintToleration"
WEIGHT = 3
REFUSED = Refusal(NAME, ("node(s) had untolerated taint(s)",), final=True)


def tolerates(toleration: core_v1.Toleration, taint: core_v1.Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def tolerated(taint: core_v1.Taint, tolerations: Iterable[core_v1.Toleration]) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def refuses(pod: Shape, node: NodeFacts) -> Refusal | None:
    for taint in node.taints:
        if not tolerated(taint, pod.tolerations):
            return REFUSED
    return None


def untolerated(pod: Shape, node: NodeFacts) -> int:
    """How many PreferNoSchedule taints the Pod doesn't tolerate: the fewer, the better."""
    return sum(not tolerated(taint, pod.tolerations) for taint in node.soft_taints)


def helps(event: Event, pod: Template) -> bool:
    """A node that came, or lost the taint that kept the Pod away."""
    if not isinstance(event, NodeChange) or event.after is None or refuses(pod.shape, event.after):
        return False
    return event.before is None or refuses(pod.shape, event.before) is not None


HINT = Hint(NAME, (NodeChange,), helps)
