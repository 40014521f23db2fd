"""Where an autoscaler's figures come from: a port, and the metrics APIs behind it.

What Pods use (metrics.k8s.io) the API serves by itself. Metrics of applications and of things outside the cluster are
for others to serve: app_metrics.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from podium.client.client import Client
from podium.controllers.autoscaling.replicas import PodMetric
from podium.machinery import errors
from podium.models import quantity
from podium.models.autoscaling_v2 import CrossVersionObjectReference
from podium.models.duration import seconds
from podium.models.metrics_v1beta1 import PodMetrics
from podium.models.selectors import Selector


class MetricsError(Exception):
    """The figures can't be had; the text says why."""


class AppMetrics(Protocol):
    """Metrics that are not about CPU and memory. All amounts are thousandths."""

    async def of_pods(self, namespace: str, metric: str, pods: Selector, selector: Selector) -> Mapping[str, PodMetric]:
        """By the Pods' names; MetricsError."""

    async def of_object(
        self, namespace: str, metric: str, target: CrossVersionObjectReference, selector: Selector
    ) -> int:
        """The metric of one object; MetricsError."""

    async def external(self, namespace: str, metric: str, selector: Selector) -> Sequence[int]:
        """The values of all series that are selected; MetricsError."""


class ResourceMetrics:
    """What Pods use, from metrics.k8s.io."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def of_pods(self, namespace: str, pods: Selector, resource: str, container: str) -> dict[str, PodMetric]:
        """By the Pods' names: what a Pod uses, or one container of it; MetricsError."""
        try:
            found = await self._client.list(PodMetrics, namespace, label_selector=str(pods))
        except errors.StatusError as error:
            what = " (get pods.metrics.k8s.io)" if isinstance(error, errors.PathNotFound) else ""
            raise MetricsError(f"unable to fetch metrics from resource metrics API: {error}{what}") from error
        if not found:
            raise MetricsError("no metrics returned from resource metrics API")
        return container_metrics(found, resource, container) if container else pod_metrics(found, resource)


def pod_metrics(found: Iterable[PodMetrics], resource: str) -> dict[str, PodMetric]:
    """A Pod counts only if all its containers tell."""
    result = {}
    for one in found:
        amounts = [container.usage.get(resource) for container in one.containers]
        if amounts and None not in amounts:
            total = sum(quantity.thousandths(amount) for amount in amounts if amount is not None)
            result[one.metadata.name] = PodMetric(total, one.timestamp, seconds(one.window))
    return result


def container_metrics(found: Iterable[PodMetrics], resource: str, container: str) -> dict[str, PodMetric]:
    result = {}
    for one in found:
        usage = next((part.usage for part in one.containers if part.name == container), None)
        if usage is None:
            where = f"{one.metadata.namespace}/{one.metadata.name}"
            text = f"container {container} not present in metrics for pod {where}"
            raise MetricsError(f"failed to get container metrics: {text}")
        if resource in usage:
            amount = quantity.thousandths(usage[resource])
            result[one.metadata.name] = PodMetric(amount, one.timestamp, seconds(one.window))
    return result
