"""The decision for one Pod: which nodes would do, and which of them is best.

Filters run in Kubernetes' order and the first refusal is a node's answer; scores carry the weights of Kubernetes'
default profile, and chance decides between equals. What was found out about a node holds for all Pods of a shape
until the node changes, so a Pod like the one before it looks anew only at the nodes that changed since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from random import Random
from typing import Final, Literal
from weakref import WeakKeyDictionary

from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeFacts, NodeInfo
from podium.scheduler.outcome import FitError, Placement
from podium.scheduler.pods import PodInfo, Shape, Template
from podium.scheduler.rules import (
    host_ports,
    image_locality,
    node_affinity,
    node_unschedulable,
    pod_affinity,
    resources_fit,
    taints,
    topology_spread,
    volume_binding,
)
from podium.scheduler.rules.base import Refusal, normalized

MIN_FEASIBLE_NODES = 100
MIN_FEASIBLE_PERCENTAGE = 5

ClusterCheck = volume_binding.VolumeBinding | topology_spread.HardSpread | pod_affinity.Affinity
"""A rule that looks beyond the node; made anew for every decision."""


def feasible_nodes_to_find(total: int) -> int:
    """How many nodes that would do are enough: all of up to 100, then a share that falls from 50% to 5%."""
    if total < MIN_FEASIBLE_NODES:
        return total
    percentage = max(50 - total // 125, MIN_FEASIBLE_PERCENTAGE)
    return max(total * percentage // 100, MIN_FEASIBLE_NODES)


def refused_by_facts(pod: Shape, node: NodeFacts) -> Refusal | None:
    return node_unschedulable.refuses(pod, node) or taints.refuses(pod, node) or node_affinity.refuses(pod, node)


def refused_by_load(pod: Shape, node: NodeInfo) -> Refusal | None:
    return (pod.ports and host_ports.refuses(pod, node)) or resources_fit.refuses(pod, node)


def cluster_checks(pod: Template, cache: Cache) -> list[ClusterCheck]:
    checks = (
        volume_binding.prepare(pod, cache),
        topology_spread.prepare(pod, cache),
        pod_affinity.prepare(pod, cache),
    )
    return [check for check in checks if check is not None]


def refusal(pod: Template, node: NodeInfo, checks: Iterable[ClusterCheck]) -> Refusal | None:
    """Every filter, on one node, with nothing remembered."""
    found = refused_by_facts(pod.shape, node.facts) or refused_by_load(pod.shape, node)
    if found:
        return found
    for check in checks:
        found = check.refuses(node)
        if found:
            return found
    return None


_UNKNOWN: Final = "unknown"
Verdict = Refusal | None | Literal["unknown"]


class _Memory:
    """What is known of every node for one shape, by the node's position."""

    __slots__ = ("facts", "facts_refusals", "generation", "layout", "preferences", "resource_scores", "verdicts")

    def __init__(self, cache: Cache) -> None:
        size = len(cache.nodes)
        self.layout = cache.layout
        self.generation = cache.generation
        self.verdicts: list[Verdict] = [_UNKNOWN] * size
        self.resource_scores = [0] * size
        self.facts: list[NodeFacts | None] = [None] * size
        self.facts_refusals: list[Refusal | None] = [None] * size
        self.preferences: dict[int, tuple[int, int]] = {}
        """Untolerated soft taints and preferred node affinity, where there is either."""

    def refresh(self, cache: Cache) -> None:
        if self.generation == cache.generation:
            return
        verdicts = self.verdicts
        for info in cache.changed_since(self.generation):
            if info.present:
                verdicts[info.index] = _UNKNOWN
        self.generation = cache.generation

    def look(self, pod: Shape, node: NodeInfo) -> Refusal | None:
        index = node.index
        if self.facts[index] is not node.facts:
            self.facts[index] = node.facts
            self.facts_refusals[index] = refused_by_facts(pod, node.facts)
            preference = taints.untolerated(pod, node.facts), node_affinity.preference(pod, node.facts)
            if any(preference):
                self.preferences[index] = preference
            else:
                self.preferences.pop(index, None)
        found = self.facts_refusals[index] or refused_by_load(pod, node)
        self.verdicts[index] = found
        if found is None:
            self.resource_scores[index] = resources_fit.score(pod, node)
        return found


class Decider:
    """Decides for one Pod after the other; remembers what it can and where the last search ended."""

    REMEMBERED = 256
    """Shapes whose nodes are remembered, those used last."""

    def __init__(self, cache: Cache, rng: Random) -> None:
        self._cache = cache
        self._rng = rng
        self._start = 0
        self._memories: OrderedDict[Shape, _Memory] = OrderedDict()
        self._failures: WeakKeyDictionary[Template, tuple[int, FitError]] = WeakKeyDictionary()

    def decide(self, pod: PodInfo) -> Placement | FitError:
        cache, template = self._cache, pod.template
        if not cache.nodes:
            return FitError(0)
        failure = self._failures.get(template)
        if failure is not None and failure[0] == cache.generation:
            return failure[1]  # nothing changed since one like it was refused
        checks = cluster_checks(template, cache)
        everywhere = _everywhere(template, checks)
        if everywhere is not None:
            return FitError(len(cache.nodes), everywhere=everywhere)
        nominated = pod.pod.status.nominatedNodeName
        if nominated and self._would_do(pod, nominated, checks):
            outcome: Placement | FitError = Placement(nominated)
        elif template.shape.node_names is not None:
            outcome = self._decide_among(pod, template.shape.node_names, checks)
        else:
            outcome = self._decide_among_all(pod, checks)
        if isinstance(outcome, FitError):
            if not cache.nominated:
                self._failures[template] = cache.generation, outcome
            return outcome
        return _with_volumes(outcome, cache.infos[outcome.node], checks)

    def _decide_among_all(self, pod: PodInfo, checks: Sequence[ClusterCheck]) -> Placement | FitError:
        nodes = self._cache.nodes
        memory = self._memory(pod.template.shape)
        found, refused = self._search(pod, memory, checks)
        if not found:
            return FitError(len(nodes), refused)
        self._start = (self._start + len(found) + len(refused)) % len(nodes)
        return Placement(self._best(pod.template, found, memory).name, len(found))

    def _would_do(self, pod: PodInfo, name: str, checks: Sequence[ClusterCheck]) -> bool:
        node = self._cache.infos.get(name)
        return node is not None and node.present and self.refusal_with_nominated(pod, node, checks) is None

    def _decide_among(self, pod: PodInfo, names: Iterable[str], checks: Sequence[ClusterCheck]) -> Placement | FitError:
        """The Pod names its nodes: no other is looked at, and nothing is worth remembering."""
        cache = self._cache
        found, refused = [], {}
        for name in sorted(names):
            node = cache.infos.get(name)
            if node is None or not node.present:
                continue
            why = self.refusal_with_nominated(pod, node, checks)
            if why is None:
                found.append(node)
            else:
                refused[name] = why
        if not found:
            return FitError(len(cache.nodes), refused, elsewhere=node_affinity.ELSEWHERE)
        memory = _Memory(cache)
        for node in found if len(found) > 1 else ():
            memory.look(pod.template.shape, node)
        return Placement(self._best(pod.template, found, memory).name, len(found))

    def _memory(self, shape: Shape) -> _Memory:
        memory = self._memories.get(shape)
        if memory is None or memory.layout != self._cache.layout:
            memory = self._memories[shape] = _Memory(self._cache)
            if len(self._memories) > self.REMEMBERED:
                self._memories.popitem(last=False)
        else:
            memory.refresh(self._cache)
        self._memories.move_to_end(shape)
        return memory

    def _search(
        self, pod: PodInfo, memory: _Memory, checks: Sequence[ClusterCheck]
    ) -> tuple[list[NodeInfo], dict[str, Refusal]]:
        """Nodes that would do, until there are enough, starting where the last search ended; and who refused."""
        cache, template = self._cache, pod.template
        nodes, nominated = cache.nodes, cache.nominated
        enough = feasible_nodes_to_find(len(nodes))
        found: list[NodeInfo] = []
        refused: dict[str, Refusal] = {}
        verdicts = memory.verdicts
        for index in chain(range(self._start, len(nodes)), range(min(self._start, len(nodes)))):
            verdict = verdicts[index]
            if verdict is _UNKNOWN:
                verdict = memory.look(template.shape, nodes[index])
            if verdict is None:
                for check in checks:
                    verdict = check.refuses(nodes[index])
                    if verdict is not None:
                        break
                else:
                    if nominated:
                        verdict = self._refused_beside_nominated(pod, nodes[index])
            if verdict is None:
                found.append(nodes[index])
                if len(found) == enough:
                    break
            else:
                refused[nodes[index].name] = verdict  # type: ignore[assignment]  # not unknown any more
        return found, refused

    def refusal_with_nominated(self, pod: PodInfo, node: NodeInfo, checks: Iterable[ClusterCheck]) -> Refusal | None:
        """Every filter, with and without the Pods of at least its priority that wait for room on this node."""
        return refusal(pod.template, node, checks) or self._refused_beside_nominated(pod, node)

    def _refused_beside_nominated(self, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        waiting = self._cache.nominated.get(node.name)
        if not waiting:
            return None
        before = [
            other
            for other in waiting.values()
            if other.template.priority >= pod.template.priority and other.uid != pod.uid
        ]
        if not before:
            return None
        with self._cache.having(before, node.name):
            return refusal(pod.template, node, cluster_checks(pod.template, self._cache))

    def _best(self, pod: Template, nodes: Sequence[NodeInfo], memory: _Memory) -> NodeInfo:
        if len(nodes) == 1:
            return nodes[0]
        resource_scores = memory.resource_scores
        totals = [resource_scores[node.index] for node in nodes]
        for weight, scores in (
            (topology_spread.WEIGHT, topology_spread.scores(pod, self._cache, nodes)),
            (pod_affinity.WEIGHT, pod_affinity.scores(pod, self._cache, nodes)),
            (image_locality.WEIGHT, image_locality.scores(pod, self._cache, nodes)),
            *_facts_scores(memory, nodes),
        ):
            if scores is not None:
                totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
        highest = max(totals)
        best = [node for node, total in zip(nodes, totals, strict=True) if total == highest]
        return best[0] if len(best) == 1 else self._rng.choice(best)


def _everywhere(pod: Template, checks: Iterable[ClusterCheck]) -> Refusal | None:
    """Why the Pod can't go to any node, whatever the nodes are."""
    if pod.shape.node_names is not None and not pod.shape.node_names:
        return node_affinity.CONFLICT
    return next((one.problem for one in checks if isinstance(one, volume_binding.VolumeBinding)), None)


def _with_volumes(placement: Placement, node: NodeInfo, checks: Iterable[ClusterCheck]) -> Placement:
    plan = next((one.plan(node) for one in checks if isinstance(one, volume_binding.VolumeBinding)), None)
    return replace(placement, volumes=plan) if plan is not None and plan.claims else placement


def _facts_scores(memory: _Memory, nodes: Sequence[NodeInfo]) -> Iterable[tuple[int, list[int]]]:
    """Soft taints and preferred node affinity; nothing where neither is, since that adds the same to all."""
    if not memory.preferences:
        return ()
    pairs = [memory.preferences.get(node.index, (0, 0)) for node in nodes]
    return (
        (taints.WEIGHT, normalized([untolerated for untolerated, _ in pairs], reverse=True)),
        (node_affinity.WEIGHT, normalized([preference for _, preference in pairs])),
    )
