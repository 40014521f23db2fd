"""The two versions of autoscalers and Events: nothing is lost on the way there and back."""

from __future__ import annotations

from datetime import UTC, datetime

from podium.models import autoscaling_v2 as v2
from podium.models import core_v1, events_v1, meta_v1
from podium.models.quantity import Quantity
from podium.registry.conversion import autoscaler_to_v1, autoscaler_to_v2, event_from_core, event_to_core

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cpu(utilization: int) -> v2.MetricSpec:
    target = v2.MetricTarget(type="Utilization", averageUtilization=utilization)
    return v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name="cpu", target=target))


def full_autoscaler() -> v2.HorizontalPodAutoscaler:
    memory_target = v2.MetricTarget(type="AverageValue", averageValue=Quantity("1Gi"))
    memory = v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name="memory", target=memory_target))
    current = v2.MetricValueStatus(averageUtilization=40, averageValue=Quantity("100m"))
    return v2.HorizontalPodAutoscaler(
        metadata=meta_v1.ObjectMeta(name="a", annotations={"own": "1"}),
        spec=v2.HorizontalPodAutoscalerSpec(
            scaleTargetRef=v2.CrossVersionObjectReference(kind="Deployment", name="web", apiVersion="apps/v1"),
            minReplicas=2,
            maxReplicas=5,
            metrics=(cpu(50), memory),
            behavior=v2.HorizontalPodAutoscalerBehavior(scaleUp=v2.HPAScalingRules(stabilizationWindowSeconds=7)),
        ),
        status=v2.HorizontalPodAutoscalerStatus(
            currentReplicas=3,
            desiredReplicas=4,
            lastScaleTime=NOW,
            observedGeneration=6,
            currentMetrics=(
                v2.MetricStatus(type="Resource", resource=v2.ResourceMetricStatus(name="memory", current=current)),
                v2.MetricStatus(type="Resource", resource=v2.ResourceMetricStatus(name="cpu", current=current)),
            ),
            conditions=(v2.HorizontalPodAutoscalerCondition(type="AbleToScale", status="True"),),
        ),
    )


def test_an_autoscaler_there_and_back() -> None:
    stored = full_autoscaler()
    assert autoscaler_to_v2(autoscaler_to_v1(stored)) == stored


def test_what_the_first_version_shows() -> None:
    shown = autoscaler_to_v1(full_autoscaler())
    assert shown.spec.targetCPUUtilizationPercentage == 50
    assert shown.status.currentCPUUtilizationPercentage == 40
    assert (shown.status.currentReplicas, shown.status.desiredReplicas) == (3, 4)
    assert shown.metadata.annotations["own"] == "1"


def test_without_more_there_are_no_annotations() -> None:
    stored = v2.HorizontalPodAutoscaler(spec=v2.HorizontalPodAutoscalerSpec(maxReplicas=5, metrics=(cpu(50),)))
    shown = autoscaler_to_v1(stored)
    assert shown.metadata.annotations == {}
    shown.status.currentCPUUtilizationPercentage = 33
    (metric,) = autoscaler_to_v2(shown).status.currentMetrics
    assert metric.resource is not None
    assert metric.resource.current.averageUtilization == 33


def test_another_resource_is_not_the_cpu() -> None:
    stored = full_autoscaler()
    stored.spec.metrics = stored.spec.metrics[1:]
    assert autoscaler_to_v1(stored).spec.targetCPUUtilizationPercentage is None


def test_an_event_there_and_back() -> None:
    stored = core_v1.Event(
        metadata=meta_v1.ObjectMeta(name="e"),
        action="Pulling",
        count=3,
        eventTime="2026-01-01T00:00:00.000001Z",
        firstTimestamp=NOW,
        involvedObject=core_v1.ObjectReference(kind="Pod", name="web"),
        lastTimestamp=NOW,
        message="m",
        reason="R",
        related=core_v1.ObjectReference(kind="Node", name="n"),
        reportingComponent="kubelet",
        reportingInstance="n",
        series=core_v1.EventSeries(count=5, lastObservedTime="2026-01-01T00:00:01.000001Z"),
        source=core_v1.EventSource(component="kubelet", host="n"),
        type="Normal",
    )
    shown = event_from_core(stored)
    assert event_to_core(shown) == stored
    assert shown.series is not None
    assert shown.series.count == 5


def test_a_bare_event() -> None:
    stored = event_to_core(events_v1.Event(note="m"))
    assert (stored.message, stored.series, stored.involvedObject) == ("m", None, core_v1.ObjectReference())
    assert event_from_core(core_v1.Event()).series is None
