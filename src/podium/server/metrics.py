"""Counters of requests under Kubernetes' metric names. Counting is a look-up, the rest is done in exposition.py."""

from __future__ import annotations

from bisect import bisect_left

from podium.server.requests import RequestInfo

BUCKETS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0),
    *(4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
LABELS = ("verb", "group", "version", "resource", "subresource", "scope")
_VERBS = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
}

Key = tuple[str, ...]


class Durations:
    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0


class RequestMetrics:
    """What /metrics tells about requests. Everything happens on the event loop, so nothing is locked."""

    def __init__(self) -> None:
        self.counts: dict[tuple[Key, int], int] = {}
        self.durations: dict[Key, Durations] = {}
        self.in_flight = {"readOnly": 0, "mutating": 0}
        self.long_running: dict[Key, int] = {}

    @staticmethod
    def key(info: RequestInfo) -> Key:
        """The labels of a request. A path that is no resource counts only by its method, or paths would pile up."""
        if not info.is_resource:
            return (info.verb.upper(), "", "", "", "", "")
        scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
        return (
            _VERBS.get(info.verb, info.verb.upper()),
            info.group,
            info.version,
            info.resource,
            info.subresource,
            scope,
        )

    def observe(self, key: Key, code: int, seconds: float) -> None:
        self.counts[key, code] = self.counts.get((key, code), 0) + 1
        durations = self.durations.get(key)
        if durations is None:
            durations = self.durations[key] = Durations()
        durations.buckets[bisect_left(BUCKETS, seconds)] += 1
        durations.total += seconds

    def begin_long_running(self, key: Key) -> None:
        self.long_running[key] = self.long_running.get(key, 0) + 1

    def end_long_running(self, key: Key) -> None:
        self.long_running[key] -= 1
