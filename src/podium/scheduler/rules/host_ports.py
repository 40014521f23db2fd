"""NodePorts: no two Pods of a node share a host port (same protocol, same address or one of them all addresses)."""

from __future__ import annotations

from podium.scheduler.nodes import NodeInfo
from podium.scheduler.pods import ANY_ADDRESS, HostPort, Shape, Template
from podium.scheduler.rules.base import Event, Hint, NodeChange, PodChange, Refusal

NAME = "NodePorts"
REFUSED = Refusal(NAME, ("node(s) didn't have free ports for the requested pod ports",))


def refuses(pod: Shape, node: NodeInfo) -> Refusal | None:
    for port in pod.ports:
        if node.port_taken(port):
            return REFUSED
    return None


def clash(left: HostPort, right: HostPort) -> bool:
    return left[1:] == right[1:] and (left[0] == right[0] or ANY_ADDRESS in (left[0], right[0]))


def helps(event: Event, pod: Template) -> bool:
    """A node that came, or a Pod that left a port that is wanted."""
    if isinstance(event, NodeChange):
        return event.before is None
    if not isinstance(event, PodChange) or event.before is None or event.after is not None:
        return False
    return any(clash(ours, theirs) for ours in pod.shape.ports for theirs in event.before.template.shape.ports)


HINT = Hint(NAME, (NodeChange, PodChange), helps)
