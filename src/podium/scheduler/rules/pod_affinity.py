"""InterPodAffinity: Pods that want to be near others or apart from them, within a domain that a node label names.

It works both ways: a Pod that is placed keeps away the ones that its required anti-affinity means. Preferred terms, of
this Pod and of those that are placed, add to or take from the score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeInfo
from podium.scheduler.pods import Template, Term
from podium.scheduler.rules.base import MAX_SCORE, Event, Hint, NodeChange, PodChange, Refusal

NAME = "InterPodAffinity"
WEIGHT = 2
AFFINITY = Refusal(NAME, ("node(s) didn't match pod affinity rules",), final=True)
ANTI_AFFINITY = Refusal(NAME, ("node(s) didn't match pod anti-affinity rules",))
EXISTING = Refusal(NAME, ("node(s) didn't satisfy existing pods anti-affinity rules",))

Domains = dict[str, set[str]]
"""Values, by node label."""


class Affinity:
    """What required terms, the Pod's own and those of placed Pods, say of each domain now."""

    def __init__(self, pod: Template, cache: Cache) -> None:
        self._near = [
            (term.topology_key, _domains(cache, term.topology_key, self._together(pod, cache))) for term in pod.affinity
        ]
        self._first = not any(domains for _, domains in self._near) and all(
            term.matches(pod.namespace, pod.labels, cache.namespaces) for term in pod.affinity
        )
        self._apart: Domains = {}
        for term in pod.anti_affinity:
            by_node = cache.counts.of((term,), terminating=True)
            self._apart.setdefault(term.topology_key, set()).update(_domains(cache, term.topology_key, by_node))
        self._kept_away: Domains = {}
        for term, carriers in cache.anti_terms.matching(pod):
            self._kept_away.setdefault(term.topology_key, set()).update(_domains(cache, term.topology_key, carriers))

    @staticmethod
    def _together(pod: Template, cache: Cache) -> Mapping[str, int]:
        """Only Pods that match all terms at once count for any of them."""
        return cache.counts.of(pod.affinity, terminating=True)

    @property
    def indifferent(self) -> bool:
        return not (self._near or self._apart or self._kept_away)

    def refuses(self, node: NodeInfo) -> Refusal | None:
        labels = node.facts.labels
        for key, domains in self._near:
            domain = labels.get(key)
            # The first Pod of a group whose members want each other may go wherever the label is.
            if domain is None or not (self._first or domain in domains):
                return AFFINITY
        for key, domains in self._apart.items():
            if labels.get(key) in domains:
                return ANTI_AFFINITY
        for key, domains in self._kept_away.items():
            if labels.get(key) in domains:
                return EXISTING
        return None


def _domains(cache: Cache, key: str, by_node: Mapping[str, object]) -> set[str]:
    found = set()
    for name in by_node:
        info = cache.infos[name]
        if info.present and key in info.facts.labels:
            found.add(info.facts.labels[key])
    return found


def prepare(pod: Template, cache: Cache) -> Affinity | None:
    """None if neither this Pod nor any that is placed has a required term that matters here."""
    if not pod.affinity and not pod.anti_affinity and not cache.anti_terms:
        return None
    affinity = Affinity(pod, cache)
    return None if affinity.indifferent else affinity


def scores(pod: Template, cache: Cache, nodes: Sequence[NodeInfo]) -> list[int] | None:
    """0 to 100; None if no preference, of this Pod or of those that are placed, makes a difference."""
    if not pod.preferred_pods and not cache.preferred_terms:
        return None
    by_domain: dict[str, dict[str, int]] = {}
    for weight, term in pod.preferred_pods:
        counts = cache.counts.of((term,), terminating=True)
        _weigh(cache, term, {name: weight * number for name, number in counts.items()}, by_domain)
    for term, carriers in cache.preferred_terms.matching(pod):
        _weigh(cache, term, {name: weight for name, (weight, _) in carriers.items()}, by_domain)
    if not by_domain:
        return None
    raw = [sum(values.get(node.facts.labels.get(key, ""), 0) for key, values in by_domain.items()) for node in nodes]
    lowest, highest = min(raw), max(raw)
    if lowest == highest:
        return None
    return [MAX_SCORE * (score - lowest) // (highest - lowest) for score in raw]


def _weigh(cache: Cache, term: Term, by_node: Mapping[str, int], by_domain: dict[str, dict[str, int]]) -> None:
    for name, weight in by_node.items():
        info = cache.infos[name]
        domain = info.facts.labels.get(term.topology_key)
        if info.present and domain is not None:
            values = by_domain.setdefault(term.topology_key, {})
            values[domain] = values.get(domain, 0) + weight


def helps(event: Event, pod: Template) -> bool:
    """A Pod it wants near that came, one it or that keeps it away that left, or a node that makes other domains."""
    if isinstance(event, NodeChange):
        return event.after is not None
    if not isinstance(event, PodChange):
        return False
    if event.after is not None and _means(pod.affinity, event.after.template):
        return True
    if event.before is None:
        return False
    left = event.before.template
    return _means(pod.anti_affinity, left) or _means(left.anti_affinity, pod)


def _means(terms: Sequence[Term], pod: Template) -> bool:
    """Whether a term is about such a Pod. A namespace selector is taken to match: a try too many does no harm."""
    return any(
        term.selector.matches(pod.labels) and (pod.namespace in term.namespaces or term.namespace_selector.selectable)
        for term in terms
    )


HINT = Hint(NAME, (NodeChange, PodChange), helps)
