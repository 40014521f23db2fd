"""NodeUnschedulable: a cordoned node takes no new Pods, except those that tolerate just that."""

from __future__ import annotations

from podium.models import core_v1
from podium.scheduler.nodes import NodeFacts
from podium.scheduler.pods import Shape, Template
from podium.scheduler.rules.base import Event, Hint, NodeChange, Refusal
from podium.scheduler.rules.taints import tolerated

NAME = "NodeUnschedulable"
REFUSED = Refusal(NAME, ("node(s) were unschedulable",), final=True)

_TAINT = core_v1.Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def refuses(pod: Shape, node: NodeFacts) -> Refusal | None:
    if node.unschedulable and not tolerated(_TAINT, pod.tolerations):
        return REFUSED
    return None


def helps(event: Event, pod: Template) -> bool:
    """A node that came or was uncordoned."""
    if not isinstance(event, NodeChange) or event.after is None or refuses(pod.shape, event.after):
        return False
    return event.before is None or refuses(pod.shape, event.before) is not None


HINT = Hint(NAME, (NodeChange,), helps)
