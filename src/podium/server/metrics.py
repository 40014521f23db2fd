"""Counters of requests under Kubernetes' metric names. Counting is a look-up; the rest is done when scraped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from podium.server.requests import RequestInfo

_BUCKETS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0),
    *(4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
_LABELS = ("verb", "group", "version", "resource", "subresource", "scope")
_VERBS = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
}

_Key = tuple[str, ...]


class _Durations:
    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0


class RequestMetrics(Collector):
    """What /metrics tells about requests. Everything happens on the event loop, so nothing is locked."""

    def __init__(self) -> None:
        self._counts: dict[tuple[_Key, int], int] = {}
        self._durations: dict[_Key, _Durations] = {}
        self.in_flight = {"readOnly": 0, "mutating": 0}
        self.long_running: dict[_Key, int] = {}
        self.registry = CollectorRegistry()
        self.registry.register(self)

    @staticmethod
    def key(info: RequestInfo) -> _Key:
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

    def observe(self, key: _Key, code: int, seconds: float) -> None:
        self._counts[key, code] = self._counts.get((key, code), 0) + 1
        durations = self._durations.get(key)
        if durations is None:
            durations = self._durations[key] = _Durations()
        durations.buckets[bisect_left(_BUCKETS, seconds)] += 1
        durations.total += seconds

    def begin_long_running(self, key: _Key) -> None:
        self.long_running[key] = self.long_running.get(key, 0) + 1

    def end_long_running(self, key: _Key) -> None:
        self.long_running[key] -= 1

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "apiserver_request_total", "Counter of apiserver requests.", labels=(*_LABELS, "code")
        )
        for (key, code), count in self._counts.items():
            requests.add_metric((*key, str(code)), count)
        yield requests
        durations = HistogramMetricFamily(
            "apiserver_request_duration_seconds", "Response latency distribution in seconds.", labels=_LABELS
        )
        for key, found in self._durations.items():
            durations.add_metric(key, list(_cumulative(found.buckets)), found.total)
        yield durations
        in_flight = GaugeMetricFamily(
            "apiserver_current_inflight_requests", "Requests being served now.", labels=("request_kind",)
        )
        for kind, count in self.in_flight.items():
            in_flight.add_metric((kind,), count)
        yield in_flight
        watches = GaugeMetricFamily(
            "apiserver_longrunning_requests", "Watches and streams being served now.", labels=_LABELS
        )
        for key, count in self.long_running.items():
            watches.add_metric(key, count)
        yield watches

    def exposition(self) -> bytes:
        """The text format of Prometheus, 0.0.4."""
        return generate_latest(self.registry)


def _cumulative(buckets: list[int]) -> Iterator[tuple[str, float]]:
    running = 0
    for bound, count in zip((*map(str, _BUCKETS), "+Inf"), buckets, strict=True):
        running += count
        yield bound, running
