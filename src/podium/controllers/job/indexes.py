"""Completion indexes of Indexed Jobs: sets of them as the status writes them, and which index a Pod has.

A set is a tuple of (first, last) pairs, in order and apart from each other: "1,3-5,7" is ((1, 1), (3, 5), (7, 7)).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from podium.controllers import pods as pod_rules
from podium.models import core_v1
from podium.models.numbers import natural

Intervals = tuple[tuple[int, int], ...]

INDEX = "batch.kubernetes.io/job-completion-index"
"""The annotation and the label of a Pod that say which index it works on."""


def of_pod(pod: core_v1.Pod) -> int | None:
    """The index in a Pod's annotation; None if there is none that makes sense."""
    return natural(pod.metadata.annotations.get(INDEX, ""))


def parse(text: str, completions: int) -> Intervals:
    """What a status or a success policy says, without indexes that are not below `completions`."""
    parsed: list[tuple[int, int]] = []
    for part in filter(None, text.split(",")):
        first, dash, last = part.partition("-")
        bounds = natural(first), natural(last if dash else first)
        if bounds[0] is None or bounds[1] is None:
            continue  # somebody else wrote it
        if bounds[0] >= completions:
            break
        parsed.append((bounds[0], min(bounds[1], completions - 1)))
    return merge(parsed, ())


def text(intervals: Intervals) -> str:
    """Two neighbours are listed, three and more make a range: "1,2,5-7"."""
    parts = []
    for first, last in intervals:
        if first == last:
            parts.append(str(first))
        else:
            parts.append(f"{first},{last}" if last == first + 1 else f"{first}-{last}")
    return ",".join(parts)


def merge(one: Iterable[tuple[int, int]], other: Iterable[tuple[int, int]]) -> Intervals:
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*one, *other)):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def with_indexes(intervals: Intervals, more: Iterable[int]) -> Intervals:
    added = [(index, index) for index in more]
    return merge(intervals, added) if added else intervals


def total(intervals: Intervals) -> int:
    """How many indexes there are."""
    return sum(last - first + 1 for first, last in intervals)


def has(intervals: Intervals, index: int) -> bool:
    """Asked for every Pod of a Job that may have a hundred thousand intervals, so they aren't walked."""
    position = bisect_right(intervals, index, key=itemgetter(0)) - 1
    return position >= 0 and index <= intervals[position][1]


def overlap(one: Intervals, other: Intervals) -> int:
    """How many indexes are in both. The cost is that of walking both once."""
    count = i = j = 0
    while i < len(one) and j < len(other):
        count += max(0, min(one[i][1], other[j][1]) - max(one[i][0], other[j][0]) + 1)
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return count


def of_pods(pods: Iterable[core_v1.Pod]) -> set[int]:
    return {index for pod in pods if (index := of_pod(pod)) is not None}


def missing(taken: Intervals, count: int, completions: int) -> Sequence[int]:
    """The `count` lowest indexes below `completions` that are not taken."""
    found: list[int] = []
    for index in _gaps(taken, completions):
        if len(found) == count:
            break
        found.append(index)
    return found


def _gaps(taken: Intervals, completions: int) -> Iterator[int]:
    candidate = 0
    for first, last in taken:
        yield from range(candidate, min(first, completions))
        candidate = max(candidate, last + 1)
    yield from range(candidate, completions)


def redundant(
    pods: Sequence[core_v1.Pod], completions: int, order: Mapping[str, int]
) -> tuple[list[core_v1.Pod], list[core_v1.Pod]]:
    """The Pods that must go whatever happens, and the others: one Pod an index, none without a valid index.

    `order` says by uid which Pods go first.
    """
    by_index: dict[int, list[core_v1.Pod]] = {}
    remove: list[core_v1.Pod] = []
    for pod in pods:
        index = of_pod(pod)
        if index is None or index >= completions:
            remove.append(pod)
        else:
            by_index.setdefault(index, []).append(pod)
    left: list[core_v1.Pod] = []
    for same in by_index.values():
        *surplus, keep = sorted(same, key=lambda pod: order[pod.metadata.uid])
        remove += surplus
        left.append(keep)
    return remove, left


def still_running(pods: Iterable[core_v1.Pod]) -> set[int]:
    """The indexes of Pods that are being deleted and have not ended yet."""
    return of_pods(pod for pod in pods if pod_rules.is_terminating(pod))
