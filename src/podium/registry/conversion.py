"""Second versions of a stored kind, as views: what is written is converted to the stored version, what is read from it.

autoscaling/v1 HorizontalPodAutoscalers are stored as autoscaling/v2, events.k8s.io/v1 Events as core/v1. What v1 of the
autoscaler has no field for travels in annotations, so that a read, change and write through v1 loses nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from podium.machinery.errors import BadRequest
from podium.models import autoscaling_v1, autoscaling_v2, codec, core_v1, events_v1

_ANNOTATION = "autoscaling.alpha.kubernetes.io/"
_METRICS, _BEHAVIOR = _ANNOTATION + "metrics", _ANNOTATION + "behavior"
_CURRENT_METRICS, _CONDITIONS = _ANNOTATION + "current-metrics", _ANNOTATION + "conditions"


@dataclass(frozen=True, slots=True)
class View:
    collection: str
    """The group resource of the stored kind."""
    stored: tuple[str, str, str]
    """(group, version, plural) of the stored kind's row."""
    to_stored: Callable[[Any], Any]
    from_stored: Callable[[Any], Any]


def autoscaler_to_v2(old: autoscaling_v1.HorizontalPodAutoscaler) -> autoscaling_v2.HorizontalPodAutoscaler:
    v2 = autoscaling_v2
    meta = copy.copy(old.metadata)
    told = meta.annotations
    meta.annotations = {key: value for key, value in told.items() if not key.startswith(_ANNOTATION)}
    metrics: tuple[v2.MetricSpec, ...] = ()
    if old.spec.targetCPUUtilizationPercentage is not None:
        target = v2.MetricTarget(type="Utilization", averageUtilization=old.spec.targetCPUUtilizationPercentage)
        metrics = (v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name="cpu", target=target)),)
    current: tuple[v2.MetricStatus, ...] = ()
    if old.status.currentCPUUtilizationPercentage is not None:
        value = v2.MetricValueStatus(averageUtilization=old.status.currentCPUUtilizationPercentage)
        current = (v2.MetricStatus(type="Resource", resource=v2.ResourceMetricStatus(name="cpu", current=value)),)
    return v2.HorizontalPodAutoscaler(
        metadata=meta,
        spec=v2.HorizontalPodAutoscalerSpec(
            behavior=_from_annotation(told, _BEHAVIOR, v2.HorizontalPodAutoscalerBehavior | None, None),
            maxReplicas=old.spec.maxReplicas,
            minReplicas=old.spec.minReplicas,
            metrics=metrics + _from_annotation(told, _METRICS, tuple[v2.MetricSpec, ...], ()),
            scaleTargetRef=_reference(old.spec.scaleTargetRef, v2.CrossVersionObjectReference),
        ),
        status=v2.HorizontalPodAutoscalerStatus(
            conditions=_from_annotation(told, _CONDITIONS, tuple[v2.HorizontalPodAutoscalerCondition, ...], ()),
            currentMetrics=_from_annotation(told, _CURRENT_METRICS, tuple[v2.MetricStatus, ...], current),
            currentReplicas=old.status.currentReplicas,
            desiredReplicas=old.status.desiredReplicas,
            lastScaleTime=old.status.lastScaleTime,
            observedGeneration=old.status.observedGeneration,
        ),
    )


def autoscaler_to_v1(new: autoscaling_v2.HorizontalPodAutoscaler) -> autoscaling_v1.HorizontalPodAutoscaler:
    v1 = autoscaling_v1
    cpu = next((metric for metric in new.spec.metrics if _utilization(metric) is not None), None)
    others = tuple(metric for metric in new.spec.metrics if metric is not cpu)
    meta = copy.copy(new.metadata)
    meta.annotations = dict(meta.annotations)
    for key, value in (
        (_METRICS, others),
        (_BEHAVIOR, new.spec.behavior),
        (_CURRENT_METRICS, new.status.currentMetrics),
        (_CONDITIONS, new.status.conditions),
    ):
        if value:
            meta.annotations[key] = codec.encode(value).decode()
    return v1.HorizontalPodAutoscaler(
        metadata=meta,
        spec=v1.HorizontalPodAutoscalerSpec(
            maxReplicas=new.spec.maxReplicas,
            minReplicas=new.spec.minReplicas,
            scaleTargetRef=_reference(new.spec.scaleTargetRef, v1.CrossVersionObjectReference),
            targetCPUUtilizationPercentage=_utilization(cpu) if cpu else None,
        ),
        status=v1.HorizontalPodAutoscalerStatus(
            currentCPUUtilizationPercentage=_current_utilization(new.status),
            currentReplicas=new.status.currentReplicas or 0,
            desiredReplicas=new.status.desiredReplicas,
            lastScaleTime=new.status.lastScaleTime,
            observedGeneration=new.status.observedGeneration,
        ),
    )


def _utilization(metric: autoscaling_v2.MetricSpec) -> int | None:
    if metric.type != "Resource" or metric.resource is None or metric.resource.name != "cpu":
        return None
    return metric.resource.target.averageUtilization


def _current_utilization(status: autoscaling_v2.HorizontalPodAutoscalerStatus) -> int | None:
    for metric in status.currentMetrics:
        if metric.type == "Resource" and metric.resource is not None and metric.resource.name == "cpu":
            return metric.resource.current.averageUtilization
    return None


def _reference(reference: Any, model: Any) -> Any:
    return model(kind=reference.kind, name=reference.name, apiVersion=reference.apiVersion)


def _from_annotation(annotations: dict[str, str], key: str, kind: Any, default: Any) -> Any:
    text = annotations.get(key)
    if text is None:
        return default
    try:
        return codec.from_tree(msgspec.json.decode(text), kind)
    except (msgspec.DecodeError, codec.DecodeError) as error:
        raise BadRequest(f"annotation {key} cannot be read: {error}") from None


def event_to_core(new: events_v1.Event) -> core_v1.Event:
    series = None
    if new.series is not None:
        series = core_v1.EventSeries(count=new.series.count, lastObservedTime=new.series.lastObservedTime)
    return core_v1.Event(
        metadata=new.metadata,
        action=new.action,
        count=new.deprecatedCount,
        eventTime=new.eventTime,
        firstTimestamp=new.deprecatedFirstTimestamp,
        involvedObject=new.regarding or core_v1.ObjectReference(),
        lastTimestamp=new.deprecatedLastTimestamp,
        message=new.note,
        reason=new.reason,
        related=new.related,
        reportingComponent=new.reportingController,
        reportingInstance=new.reportingInstance,
        series=series,
        source=new.deprecatedSource,
        type=new.type,
    )


def event_from_core(old: core_v1.Event) -> events_v1.Event:
    series = None
    if old.series is not None:
        series = events_v1.EventSeries(count=old.series.count or 0, lastObservedTime=old.series.lastObservedTime)
    return events_v1.Event(
        metadata=old.metadata,
        action=old.action,
        deprecatedCount=old.count,
        deprecatedFirstTimestamp=old.firstTimestamp,
        deprecatedLastTimestamp=old.lastTimestamp,
        deprecatedSource=old.source,
        eventTime=old.eventTime,
        note=old.message,
        reason=old.reason,
        regarding=old.involvedObject,
        related=old.related,
        reportingController=old.reportingComponent,
        reportingInstance=old.reportingInstance,
        series=series,
        type=old.type,
    )


VIEWS: dict[tuple[str, str, str], View] = {
    ("autoscaling", "v1", "HorizontalPodAutoscaler"): View(
        "horizontalpodautoscalers.autoscaling",
        ("autoscaling", "v2", "horizontalpodautoscalers"),
        autoscaler_to_v2,
        autoscaler_to_v1,
    ),
    ("events.k8s.io", "v1", "Event"): View("events", ("", "v1", "events"), event_to_core, event_from_core),
}
"""By (group, version, kind)."""
