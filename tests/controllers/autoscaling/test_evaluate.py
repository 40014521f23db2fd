"""What each type of metric asks for, and what it says when its figures can't be had."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest

from podium.client.inprocess import InProcessTransport
from podium.clock import VirtualClock
from podium.controllers.autoscaling.app_metrics import AdapterMetrics
from podium.controllers.autoscaling.evaluate import Asked, Evaluator, Failed, Target
from podium.controllers.autoscaling.metrics import (
    MetricsError,
    ResourceMetrics,
    container_metrics,
    pod_metrics,
)
from podium.controllers.autoscaling.replicas import PodMetric, Tolerances
from podium.models import autoscaling_v2 as v2
from podium.models import meta_v1, selectors
from podium.models.metrics_v1beta1 import ContainerMetrics, PodMetrics
from podium.models.quantity import Quantity
from podium.models.selectors import Selector
from podium.registry.registry import Registry
from podium.store.memory import MemoryStore
from tests.controllers.autoscaling.test_replicas import measured, pods
from tests.controllers.build import NOW


class Adapter:
    """Application metrics as the test says; remembers what it was asked for."""

    def __init__(self, *, of_pods: Mapping[str, PodMetric] | None = None, amounts: Sequence[int] = ()) -> None:
        self.asked: list[str] = []
        self._of_pods = of_pods or {}
        self._amounts = amounts

    async def of_pods(self, namespace: str, metric: str, pods: Selector, selector: Selector) -> Mapping[str, PodMetric]:
        self.asked.append(f"{namespace}/{metric} of {pods} {selector}")
        return self._of_pods

    async def of_object(
        self, namespace: str, metric: str, target: v2.CrossVersionObjectReference, selector: Selector
    ) -> int:
        self.asked.append(f"{namespace}/{metric} of {target.kind}/{target.name}")
        return self._amounts[0]

    async def external(self, namespace: str, metric: str, selector: Selector) -> Sequence[int]:
        self.asked.append(f"{namespace}/{metric} {selector}")
        return self._amounts


class Usage(ResourceMetrics):
    def __init__(self, found: Mapping[str, PodMetric] | None) -> None:
        self._found = found

    async def of_pods(self, namespace: str, pods: Selector, resource: str, container: str) -> dict[str, PodMetric]:
        if self._found is None:
            raise MetricsError("no metrics returned from resource metrics API")
        return dict(self._found)


def nobody() -> AdapterMetrics:
    """Application metrics where nobody serves them."""
    return AdapterMetrics(InProcessTransport(Registry(MemoryStore(), VirtualClock(), Random(1))))


def evaluate(
    spec: v2.MetricSpec, *, usage: Mapping[str, PodMetric] | None = None, adapter: Adapter | None = None, count: int = 4
) -> Asked | Failed:
    target = Target("default", selectors.of_labels({"app": "web"}), pods(count), count, count, Tolerances())
    evaluator = Evaluator(Usage(usage), adapter or nobody())
    return asyncio.run(evaluator.evaluate(spec, target, NOW))


def resource(**target: Any) -> v2.MetricSpec:
    goal = v2.MetricTarget(**target)
    return v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name="cpu", target=goal))


def container(name: str = "web") -> v2.MetricSpec:
    goal = v2.MetricTarget(type="Utilization", averageUtilization=50)
    source = v2.ContainerResourceMetricSource(name="cpu", container=name, target=goal)
    return v2.MetricSpec(type="ContainerResource", containerResource=source)


QUEUE = v2.MetricIdentifier(name="queue", selector=meta_v1.LabelSelector(matchLabels={"topic": "a"}))
AVERAGE = v2.MetricTarget(type="AverageValue", averageValue=Quantity("10"))
VALUE = v2.MetricTarget(type="Value", value=Quantity("10"))
INGRESS = v2.CrossVersionObjectReference(kind="Ingress", name="front", apiVersion="networking.k8s.io/v1")


def of_pods() -> v2.MetricSpec:
    return v2.MetricSpec(type="Pods", pods=v2.PodsMetricSource(metric=QUEUE, target=AVERAGE))


def of_object(target: v2.MetricTarget) -> v2.MetricSpec:
    source = v2.ObjectMetricSource(metric=QUEUE, target=target, describedObject=INGRESS)
    return v2.MetricSpec(type="Object", object=source)


def external(target: v2.MetricTarget) -> v2.MetricSpec:
    return v2.MetricSpec(type="External", external=v2.ExternalMetricSource(metric=QUEUE, target=target))


def test_utilization() -> None:
    found = evaluate(resource(type="Utilization", averageUtilization=50), usage=measured(1000, 1000, 1000, 1000))
    assert isinstance(found, Asked)
    assert (found.replicas, found.name) == (8, "cpu resource utilization (percentage of request)")
    assert found.status.resource is not None
    current = found.status.resource.current
    assert (current.averageUtilization, current.averageValue) == (100, "1")


def test_average_of_a_resource() -> None:
    found = evaluate(resource(type="AverageValue", averageValue=Quantity("250m")), usage=measured(500, 500, 500, 500))
    assert isinstance(found, Asked)
    assert (found.replicas, found.name) == (8, "cpu resource")
    assert found.status.resource is not None
    assert found.status.resource.current == v2.MetricValueStatus(averageValue=Quantity("500m"))


def test_one_container() -> None:
    found = evaluate(container(), usage=measured(1000, 1000, 1000, 1000))
    assert isinstance(found, Asked)
    assert found.name == "cpu container resource utilization (percentage of request)"
    assert found.status.containerResource is not None
    assert found.status.containerResource.container == "web"


def test_pods() -> None:
    adapter = Adapter(of_pods=measured(20_000, 20_000, 20_000, 20_000))
    found = evaluate(of_pods(), adapter=adapter)
    assert isinstance(found, Asked)
    assert (found.replicas, found.name) == (8, "pods metric queue")
    assert adapter.asked == ["default/queue of app=web topic=a"]


@pytest.mark.parametrize(
    ("spec", "amounts", "replicas", "name"),
    [
        (of_object(VALUE), [20_000], 8, "Ingress metric queue"),
        (of_object(AVERAGE), [60_000], 6, "external metric queue("),
        (external(VALUE), [15_000, 5_000], 8, "external metric queue(&LabelSelector{"),
        (external(AVERAGE), [55_000, 5_000], 6, "external metric queue(&LabelSelector{"),
    ],
)
def test_amounts(spec: v2.MetricSpec, amounts: list[int], replicas: int, name: str) -> None:
    found = evaluate(spec, adapter=Adapter(amounts=amounts))
    assert isinstance(found, Asked)
    assert found.replicas == replicas
    assert found.name.startswith(name)


UNREGISTERED = "metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
UNSERVED = "metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)"


@pytest.mark.parametrize(
    ("spec", "reason", "message", "error"),
    [
        (
            resource(type="Utilization", averageUtilization=50),
            "FailedGetResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: "
            "no metrics returned from resource metrics API",
            "failed to get cpu resource metric value: failed to get cpu utilization: ",
        ),
        (
            resource(type="AverageValue", averageValue=Quantity("1")),
            "FailedGetResourceMetric",
            "failed to get cpu usage: unable to get metrics for resource cpu: ",
            "failed to get cpu resource metric value: failed to get cpu usage: ",
        ),
        (
            resource(type="Utilization"),
            "FailedGetResourceMetric",
            "invalid resource metric source: neither an average utilization target nor an average value (usage) target",
            "failed to get cpu resource metric value: invalid resource metric source",
        ),
        (
            container(),
            "FailedGetContainerResourceMetric",
            "failed to get cpu utilization: unable to get metrics for resource cpu: ",
            "failed to get web container metric value: failed to get cpu utilization: ",
        ),
        (
            of_pods(),
            "FailedGetPodsMetric",
            "unable to get metric queue: unable to fetch metrics from custom " + UNREGISTERED,
            "failed to get pods metric value: unable to get metric queue: ",
        ),
        (
            of_object(VALUE),
            "FailedGetObjectMetric",
            "unable to get metric queue: Ingress on default front/unable to fetch metrics from custom metrics API",
            "failed to get object metric value: unable to get metric queue: ",
        ),
        (
            external(VALUE),
            "FailedGetExternalMetric",
            "unable to get external metric default/queue/&LabelSelector{MatchLabels:map[string]string{topic: a,},",
            "failed to get queue external metric value: failed to get external metric queue: unable to get external ",
        ),
        (
            v2.MetricSpec(type="Other"),
            "InvalidMetricSourceType",
            'unknown metric source type "Other"',
            'unknown metric source type "Other"',
        ),
    ],
)
def test_failures(spec: v2.MetricSpec, reason: str, message: str, error: str) -> None:
    found = evaluate(spec)
    assert isinstance(found, Failed)
    assert found.reason == reason
    assert found.message.startswith(message)
    assert found.error.startswith(error)


def metrics(name: str, **containers: dict[str, str]) -> PodMetrics:
    parts = tuple(
        ContainerMetrics(name=part, usage={key: Quantity(amount) for key, amount in usage.items()})
        for part, usage in containers.items()
    )
    metadata = meta_v1.ObjectMeta(name=name, namespace="default")
    return PodMetrics(metadata=metadata, timestamp=NOW, window="1m30s", containers=parts)


def test_figures_of_pods_and_containers() -> None:
    found = [
        metrics("a", web={"cpu": "100m"}, side={"cpu": "50m"}),
        metrics("b", web={"cpu": "100m"}, side={"memory": "1Mi"}),
        metrics("c"),
    ]
    assert pod_metrics(found, "cpu") == {"a": PodMetric(150, NOW, 90.0)}
    assert container_metrics(found[:2], "cpu", "web") == {
        "a": PodMetric(100, NOW, 90.0),
        "b": PodMetric(100, NOW, 90.0),
    }
    with pytest.raises(MetricsError, match="container web not present in metrics for pod default/c"):
        container_metrics(found, "cpu", "web")
