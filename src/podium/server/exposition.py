"""Metrics as Prometheus reads them. Imported when they are first asked for: most servers never are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from podium.server.metrics import BUCKETS, LABELS, RequestMetrics


def exposition(metrics: RequestMetrics) -> bytes:
    """The text format, 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_RequestCollector(metrics))
    return generate_latest(registry)


class _RequestCollector(Collector):
    def __init__(self, metrics: RequestMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        metrics = self._metrics
        requests = CounterMetricFamily(
            "apiserver_request_total", "Counter of apiserver requests.", labels=(*LABELS, "code")
        )
        for (key, code), count in metrics.counts.items():
            requests.add_metric((*key, str(code)), count)
        yield requests
        durations = HistogramMetricFamily(
            "apiserver_request_duration_seconds", "Response latency distribution in seconds.", labels=LABELS
        )
        for key, found in metrics.durations.items():
            durations.add_metric(key, list(_cumulative(found.buckets)), found.total)
        yield durations
        in_flight = GaugeMetricFamily(
            "apiserver_current_inflight_requests", "Requests being served now.", labels=("request_kind",)
        )
        for kind, count in metrics.in_flight.items():
            in_flight.add_metric((kind,), count)
        yield in_flight
        watches = GaugeMetricFamily(
            "apiserver_longrunning_requests", "Watches and streams being served now.", labels=LABELS
        )
        for key, count in metrics.long_running.items():
            watches.add_metric(key, count)
        yield watches


def _cumulative(buckets: list[int]) -> Iterator[tuple[str, float]]:
    running = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
        running += count
        yield bound, running
