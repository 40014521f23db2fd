"""NodeResourcesFit: requests must fit into what is left of the node. Scores: much left, and CPU and memory in balance.

Kubernetes' default profile: LeastAllocated and BalancedAllocation, over CPU and memory, each with weight 1.
"""

from __future__ import annotations

from functools import lru_cache

from podium.scheduler.nodes import NodeFacts, NodeInfo
from podium.scheduler.pods import Shape, Template
from podium.scheduler.requests import Requests
from podium.scheduler.rules.base import MAX_SCORE, Event, Hint, NodeChange, PodChange, Refusal

NAME = "NodeResourcesFit"


@lru_cache(maxsize=1024)
def _refusal(reasons: tuple[str, ...], final: bool) -> Refusal:
    return Refusal(NAME, reasons, final)


def refuses(pod: Shape, node: NodeInfo) -> Refusal | None:
    facts, requests = node.facts, pod.requests
    if (
        len(node.pods) < facts.pods
        and (not requests.cpu or node.cpu + requests.cpu <= facts.cpu)
        and (not requests.memory or node.memory + requests.memory <= facts.memory)
        and not requests.ephemeral
        and not requests.scalars
    ):
        return None
    return _reasons(requests, node)


def _reasons(requests: Requests, node: NodeInfo) -> Refusal | None:
    facts = node.facts
    reasons = [] if len(node.pods) < facts.pods else ["Too many pods"]
    final = False
    for name, wanted, used, allocatable in (
        ("cpu", requests.cpu, node.cpu, facts.cpu),
        ("memory", requests.memory, node.memory, facts.memory),
        ("ephemeral-storage", requests.ephemeral, node.ephemeral, facts.ephemeral),
        *((name, wanted, node.scalars.get(name, 0), facts.scalars.get(name, 0)) for name, wanted in requests.scalars),
    ):
        if wanted and used + wanted > allocatable:
            reasons.append(f"Insufficient {name}")
            final = final or wanted > allocatable
    return _refusal(tuple(reasons), final) if reasons else None


def score(pod: Shape, node: NodeInfo) -> int:
    """LeastAllocated plus BalancedAllocation, 0 to 200."""
    return least_allocated(pod.requests, node) + balanced_allocation(pod.requests, node)


def least_allocated(requests: Requests, node: NodeInfo) -> int:
    """The mean of the free shares of CPU and memory, as if Pods that ask for nothing asked for a little."""
    facts = node.facts
    total = kinds = 0
    if facts.cpu:
        kinds += 1
        free = facts.cpu - node.scored_cpu - requests.scored_cpu
        if free > 0:
            total += free * MAX_SCORE // facts.cpu
    if facts.memory:
        kinds += 1
        free = facts.memory - node.scored_memory - requests.scored_memory
        if free > 0:
            total += free * MAX_SCORE // facts.memory
    return total // kinds if kinds else 0


def balanced_allocation(requests: Requests, node: NodeInfo) -> int:
    """100 less the standard deviation of the used shares in percent; 0 for a Pod that asks for nothing."""
    if not requests.cpu and not requests.memory:
        return 0
    facts = node.facts
    if not facts.cpu or not facts.memory:
        return MAX_SCORE
    cpu = min((node.cpu + requests.cpu) / facts.cpu, 1.0)
    memory = min((node.memory + requests.memory) / facts.memory, 1.0)
    return int((1 - abs(cpu - memory) / 2) * MAX_SCORE)


def helps(event: Event, pod: Template) -> bool:
    """A Pod that left or asks for less, or a node that came or grew and is large enough."""
    if isinstance(event, NodeChange):
        if event.after is None or not _large_enough(pod.shape.requests, event.after):
            return False
        return event.before is None or _grew(event.before, event.after)
    if not isinstance(event, PodChange) or event.before is None:
        return False
    return event.after is None or _asks_less(event.before.template.shape.requests, event.after.template.shape.requests)


def _asks_less(before: Requests, after: Requests) -> bool:
    return (
        after.cpu < before.cpu
        or after.memory < before.memory
        or after.ephemeral < before.ephemeral
        or after.scalars != before.scalars
    )


def _large_enough(requests: Requests, node: NodeFacts) -> bool:
    return (
        requests.cpu <= node.cpu
        and requests.memory <= node.memory
        and requests.ephemeral <= node.ephemeral
        and all(amount <= node.scalars.get(name, 0) for name, amount in requests.scalars)
    )


def _grew(before: NodeFacts, after: NodeFacts) -> bool:
    return (
        after.cpu > before.cpu
        or after.memory > before.memory
        or after.ephemeral > before.ephemeral
        or after.pods > before.pods
        or any(amount > before.scalars.get(name, 0) for name, amount in after.scalars.items())
    )


HINT = Hint(NAME, (NodeChange, PodChange), helps)
