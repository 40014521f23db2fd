"""PodTopologySpread: keep the Pods that a constraint selects even over its domains (zones, nodes).

DoNotSchedule constraints refuse a node when placing the Pod there would put its domain more than maxSkew over the
emptiest one. ScheduleAnyway constraints score; a Pod without any gets Kubernetes' default ones: zones with maxSkew 3,
nodes with maxSkew 5, over the Pods of its ReplicaSet, ReplicationController or StatefulSet, or else of its Services.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from podium.models.selectors import NOTHING, Requirement, Selector
from podium.scheduler.cache import Cache
from podium.scheduler.nodes import HOSTNAME, ZONE, NodeFacts, NodeInfo
from podium.scheduler.pods import Spread, Template, Term
from podium.scheduler.rules import node_affinity, taints
from podium.scheduler.rules.base import MAX_SCORE, Event, Hint, NodeChange, PodChange, Refusal

NAME = "PodTopologySpread"
WEIGHT = 2
TOO_SKEWED = Refusal(NAME, ("node(s) didn't match pod topology spread constraints",))
NO_LABEL = Refusal(NAME, ("node(s) didn't match pod topology spread constraints (missing required label)",), final=True)

DEFAULTS = (Spread(ZONE, 3, 1, None), Spread(HOSTNAME, 5, 1, None))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where Pods can be counted for a constraint: eligible nodes with their domains, as Node objects say."""

    spread: Spread
    by_node: Mapping[str, str]
    empty: Mapping[str, int]
    """Every domain, with 0."""


def _places(pod: Template, nodes: Iterable[NodeInfo]) -> list[_Places]:
    keys = [spread.topology_key for spread in pod.hard_spread]
    eligible = [node.facts for node in nodes if all(key in node.facts.labels for key in keys)]
    places = []
    for spread in pod.hard_spread:
        by_node = {facts.name: facts.labels[spread.topology_key] for facts in eligible if _included(spread, pod, facts)}
        places.append(_Places(spread, by_node, dict.fromkeys(by_node.values(), 0)))
    return places


class HardSpread:
    """The DoNotSchedule constraints of a Pod, as the cluster is now."""

    def __init__(self, pod: Template, cache: Cache) -> None:
        places = cache.of_facts(pod, lambda: _places(pod, cache.nodes))
        self._full = [(one.spread.topology_key, self._full_domains(one, pod, cache)) for one in places]

    @staticmethod
    def _full_domains(places: _Places, pod: Template, cache: Cache) -> set[str]:
        """Where another Pod would be too many. Below minDomains the emptiest domain counts as having none."""
        domains = dict(places.empty)
        for name, number in _matching(places.spread, pod, cache).items():
            domain = places.by_node.get(name)
            if domain is not None:
                domains[domain] += number
        spread = places.spread
        emptiest = min(domains.values(), default=0) if len(domains) >= spread.min_domains else 0
        most = spread.max_skew + emptiest - spread.counts_itself
        return {domain for domain, number in domains.items() if number > most}

    def refuses(self, node: NodeInfo) -> Refusal | None:
        labels = node.facts.labels
        for key, full in self._full:
            domain = labels.get(key)
            if domain is None:
                return NO_LABEL
            if domain in full:
                return TOO_SKEWED
        return None


def prepare(pod: Template, cache: Cache) -> HardSpread | None:
    """None if the Pod has no hard constraint."""
    return HardSpread(pod, cache) if pod.hard_spread else None


def scores(pod: Template, cache: Cache, nodes: Sequence[NodeInfo]) -> list[int] | None:
    """0 to 100 for each of the nodes that passed every filter; None if the Pod has no soft constraint."""
    if pod.soft_spread is None:
        spreads: Sequence[Spread] = DEFAULTS if pod.owner or service_selector(pod, cache) else ()
        labels_required = False
    else:
        spreads = pod.soft_spread
        labels_required = True
    if not cache.zoned:
        spreads = [spread for spread in spreads if labels_required or spread.topology_key != ZONE]
    if not spreads:
        return None
    considered = nodes
    if labels_required:
        considered = [node for node in nodes if all(spread.topology_key in node.facts.labels for spread in spreads)]
    if not considered:
        return [0] * len(nodes)
    raw = _raw_scores(spreads[0], pod, cache, considered)
    for spread in spreads[1:]:
        raw = [left + right for left, right in zip(raw, _raw_scores(spread, pod, cache, considered), strict=True)]
    even = _evenness(raw)
    if len(considered) == len(nodes):
        return [even[score] for score in raw]
    by_name = {node.name: even[score] for node, score in zip(considered, raw, strict=True)}
    return [by_name.get(node.name, 0) for node in nodes]


def _evenness(raw: Sequence[float]) -> dict[float, int]:
    """0 to 100 for each raw score that occurs (there are few different ones): the lower, the better."""
    counted = {score: math.floor(score + 0.5) for score in set(raw)}
    lowest, highest = min(counted.values()), max(counted.values())
    if not highest:
        return dict.fromkeys(counted, MAX_SCORE)
    return {score: MAX_SCORE * (highest + lowest - rounded) // highest for score, rounded in counted.items()}


def _raw_scores(spread: Spread, pod: Template, cache: Cache, nodes: Sequence[NodeInfo]) -> list[float]:
    """Matching Pods in each node's domain, weighted so that constraints with few domains are heard too; 0 for nodes
    that are in none."""
    key = spread.topology_key
    by_node = _matching(spread, pod, cache)
    numbers: list[int | None]
    if key == HOSTNAME:
        size = len(nodes)
        numbers = [by_node.get(node.name, 0) if key in node.facts.labels else None for node in nodes]
    else:
        domains = [node.facts.labels.get(key) for node in nodes]
        per_domain = dict.fromkeys(domains, 0)
        size = len(per_domain)
        for name, number in by_node.items():
            info = cache.infos[name]
            domain = info.facts.labels.get(key)
            if domain in per_domain and info.present and _included(spread, pod, info.facts):
                per_domain[domain] += number
        numbers = [None if domain is None else per_domain[domain] for domain in domains]
    weight = math.log(size + 2)
    scores = {number: 0.0 if number is None else number * weight + spread.max_skew - 1 for number in set(numbers)}
    return [scores[number] for number in numbers]


def _included(spread: Spread, pod: Template, node: NodeFacts) -> bool:
    """nodeAffinityPolicy and nodeTaintsPolicy: whether the node counts as a place for such Pods at all."""
    if spread.honor_affinity and not node_affinity.matches(pod.shape, node):
        return False
    return not (spread.honor_taints and taints.refuses(pod.shape, node))


def _matching(spread: Spread, pod: Template, cache: Cache) -> Mapping[str, int]:
    if spread.pods is not None:
        return cache.counts.of((spread.pods,), terminating=False)
    if pod.owner:
        return cache.by_owner.get(pod.owner, {})
    selector = service_selector(pod, cache)
    return cache.counts.of((Term(frozenset((pod.namespace,)), NOTHING, selector or NOTHING),), terminating=False)


def service_selector(pod: Template, cache: Cache) -> Selector | None:
    """What all Services that select the Pod demand together; None without such a Service."""
    selecting = [
        selector for selector in cache.services.get(pod.namespace, {}).values() if selector.matches(pod.labels)
    ]
    if not selecting:
        return None
    requirements: dict[Requirement, None] = {}
    for selector in selecting:
        requirements |= dict.fromkeys(selector.requirements)
    return Selector(requirements)


def helps(event: Event, pod: Template) -> bool:
    """Matching Pods that came or went, or nodes that make other domains."""
    if isinstance(event, NodeChange):
        return True
    if not isinstance(event, PodChange):
        return False
    return any(
        spread.pods is not None and spread.pods.matches(other.template.namespace, other.template.labels, {})
        for other in event.concerns()
        for spread in pod.hard_spread
    )


HINT = Hint(NAME, (NodeChange, PodChange), helps)
