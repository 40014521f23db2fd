"""How many Pods of a kind each node has, kept up to date as Pods come and go.

Two questions that rules ask again and again, answered without looking at any Pod:

- `PodCounts`: how many Pods on each node match these terms (topology spread, affinity of the Pod to be placed)?
- `CarriedTerms`: which affinity terms of the Pods that are placed match this Pod, and on which nodes are those Pods?

Both find what a Pod concerns through one of the exact label pairs that a selector demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from podium.scheduler.pods import Labels, PodInfo, Template, Term

Match = tuple[Term, ...]
"""A Pod is meant if it matches all of the terms."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class _ByLabel(Generic[Key, Value]):
    """Entries found by a label pair that is needed to match them; those that need none are always found."""

    def __init__(self) -> None:
        self.entries: dict[Key, Value] = {}
        self._by_pair: dict[tuple[str, str] | None, dict[Key, Value]] = {}

    def put(self, pair: tuple[str, str] | None, key: Key, value: Value) -> None:
        self.entries[key] = value
        self._by_pair.setdefault(pair, {})[key] = value

    def drop(self, pair: tuple[str, str] | None, key: Key) -> None:
        del self.entries[key]
        found = self._by_pair[pair]
        del found[key]
        if not found:
            del self._by_pair[pair]

    def possible(self, labels: Labels) -> Iterator[tuple[Key, Value]]:
        by_pair = self._by_pair
        if not by_pair:
            return
        if None in by_pair:
            yield from by_pair[None].items()
        for pair in labels.items():
            if pair in by_pair:
                yield from by_pair[pair].items()


def _pair(match: Match) -> tuple[str, str] | None:
    return next((term.pair for term in match if term.pair), None)


class PodCounts:
    """Counts for every match that was ever asked for, per node."""

    LIMIT = 4096
    """Beyond that many, all are forgotten and counted anew when asked for."""

    def __init__(self, pods: Mapping[str, PodInfo], namespaces: Mapping[str, Labels]) -> None:
        self._pods = pods
        self._namespaces = namespaces
        self._known: _ByLabel[tuple[Match, bool], dict[str, int]] = _ByLabel()

    def of(self, match: Match, *, terminating: bool) -> Mapping[str, int]:
        """By node (those with none left out). Pods that are being deleted count only if told so."""
        key = (match, terminating)
        found = self._known.entries.get(key)
        if found is None:
            if len(self._known.entries) >= self.LIMIT:
                self.forget()
            found = {}
            self._known.put(_pair(match), key, found)
            for pod in self._pods.values():
                self._count(pod, match, terminating, found, 1)
        return found

    def add(self, pod: PodInfo) -> None:
        self._change(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        self._change(pod, -1)

    def forget(self) -> None:
        self._known = _ByLabel()

    def _change(self, pod: PodInfo, sign: int) -> None:
        for (match, terminating), counts in self._known.possible(pod.template.labels):
            self._count(pod, match, terminating, counts, sign)

    def _count(self, pod: PodInfo, match: Match, terminating: bool, counts: dict[str, int], sign: int) -> None:
        if pod.terminating and not terminating:
            return
        template = pod.template
        if all(term.matches(template.namespace, template.labels, self._namespaces) for term in match):
            count = counts.get(pod.node, 0) + sign
            if count:
                counts[pod.node] = count
            else:
                del counts[pod.node]


class CarriedTerms:
    """Terms that placed Pods carry; for each the sum of weights, by the node of the Pods that carry it."""

    def __init__(self, namespaces: Mapping[str, Labels]) -> None:
        self._namespaces = namespaces
        self._known: _ByLabel[Term, dict[str, tuple[int, int]]] = _ByLabel()

    def add(self, node: str, terms: Iterable[tuple[int, Term]]) -> None:
        for weight, term in terms:
            self._change(node, term, weight, 1)

    def remove(self, node: str, terms: Iterable[tuple[int, Term]]) -> None:
        for weight, term in terms:
            self._change(node, term, -weight, -1)

    def matching(self, pod: Template) -> list[tuple[Term, Mapping[str, tuple[int, int]]]]:
        """Terms that mean this Pod, with (weight, number of carriers) by node."""
        return [
            (term, carriers)
            for term, carriers in self._known.possible(pod.labels)
            if term.matches(pod.namespace, pod.labels, self._namespaces)
        ]

    def __bool__(self) -> bool:
        return bool(self._known.entries)

    def as_dict(self) -> dict[Term, dict[str, tuple[int, int]]]:
        return self._known.entries

    def _change(self, node: str, term: Term, weight: int, sign: int) -> None:
        carriers = self._known.entries.get(term)
        if carriers is None:
            carriers = {}
            self._known.put(term.pair, term, carriers)
        total, number = carriers.get(node, (0, 0))
        if number + sign:
            carriers[node] = (total + weight, number + sign)
            return
        del carriers[node]
        if not carriers:
            self._known.drop(term.pair, term)
