"""NodeAffinity: the Pod's nodeSelector and required node affinity; preferred terms add their weight to the score."""

from __future__ import annotations

from podium.scheduler.nodes import NodeFacts
from podium.scheduler.pods import Shape, Template
from podium.scheduler.rules.base import Event, Hint, NodeChange, Refusal

NAME = "NodeAffinity"
WEIGHT = 2
REFUSED = Refusal(NAME, ("node(s) didn't match Pod's node affinity/selector",), final=True)
CONFLICT = Refusal(NAME, ("pod affinity terms conflict",), final=True)
"""Every alternative names its nodes, and none names one twice over: no node can match."""
ELSEWHERE = Refusal(NAME, (f"node(s) didn't satisfy plugin(s) [{NAME}]",), final=True)
"""The Pod names the nodes it can go to, and this is none of them."""


def matches(pod: Shape, node: NodeFacts) -> bool:
    if pod.any_node:
        return True
    if not pod.node_selector.matches(node.labels):
        return False
    return pod.node_terms is None or any(term.matches(node.name, node.labels) for term in pod.node_terms)


def refuses(pod: Shape, node: NodeFacts) -> Refusal | None:
    return None if matches(pod, node) else REFUSED


def preference(pod: Shape, node: NodeFacts) -> int:
    return sum(weight for weight, term in pod.preferred_nodes if term.matches(node.name, node.labels))


def helps(event: Event, pod: Template) -> bool:
    """A node that came, or was relabelled so that it matches."""
    if not isinstance(event, NodeChange) or event.after is None or not matches(pod.shape, event.after):
        return False
    return event.before is None or not matches(pod.shape, event.before)


HINT = Hint(NAME, (NodeChange,), helps)
