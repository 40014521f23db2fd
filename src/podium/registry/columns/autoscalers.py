"""HorizontalPodAutoscalers as tables: what each metric is and should be. Scales of what they and people scale."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models import autoscaling_v1
from podium.models.autoscaling_v2 import HorizontalPodAutoscaler, MetricSpec, MetricStatus
from podium.registry.columns.base import AGE, NAME, NONE, UNSET, Cells, Columns, age, number, text

_UNKNOWN = "<unknown>"


def _metric(spec: MetricSpec, status: MetricStatus | None) -> str:
    """Current and wanted value of one metric: "cpu: 12%/80%"."""
    name = {"ContainerResource": "containerResource"}.get(spec.type, spec.type.lower())
    source: Any = getattr(spec, name, None)
    if source is None:
        return "<unknown type>"
    current: Any = getattr(getattr(status, name, None), "current", None)
    target = source.target
    label = f"{source.name}: " if spec.type in ("Resource", "ContainerResource") else ""
    if spec.type == "Resource" and target.averageValue is not None:
        return f"{label}{_shown(current, 'averageValue')}/{target.averageValue}"
    if spec.type in ("Resource", "ContainerResource") and target.averageValue is None:
        now = getattr(current, "averageUtilization", None)
        wanted = "<auto>" if target.averageUtilization is None else f"{target.averageUtilization}%"
        return f"{label}{_UNKNOWN if now is None else f'{now}%'}/{wanted}"
    if target.averageValue is not None:
        average = " (avg)" if spec.type in ("External", "Object") else ""
        return f"{label}{_shown(current, 'averageValue')}/{target.averageValue}{average}"
    return f"{label}{_shown(current, 'value')}/{target.value}"


def _shown(current: Any, name: str) -> str:
    return str(getattr(current, name, None) or _UNKNOWN)


def _autoscaler(obj: HorizontalPodAutoscaler | autoscaling_v1.HorizontalPodAutoscaler, now: datetime) -> Cells:
    if isinstance(obj, autoscaling_v1.HorizontalPodAutoscaler):
        used, wanted = obj.status.currentCPUUtilizationPercentage, obj.spec.targetCPUUtilizationPercentage
        metrics = [f"cpu: {_UNKNOWN if used is None else f'{used}%'}/{wanted}%"] if wanted is not None else []
        return _autoscaler_cells(obj, metrics, now)
    spec, status = obj.spec, obj.status
    current = dict(enumerate(status.currentMetrics))
    metrics = [_metric(one, current.get(position)) for position, one in enumerate(spec.metrics)]
    return _autoscaler_cells(obj, metrics, now)


def _autoscaler_cells(obj: Any, metrics: list[str], now: datetime) -> Cells:
    spec, status = obj.spec, obj.status
    shown = ", ".join(metrics[:2]) + (f" + {len(metrics) - 2} more..." if len(metrics) > 2 else "")
    return [
        obj.metadata.name,
        f"{spec.scaleTargetRef.kind}/{spec.scaleTargetRef.name}",
        shown or NONE,
        UNSET if spec.minReplicas is None else str(spec.minReplicas),
        spec.maxReplicas,
        status.currentReplicas or 0,
        age(obj, now),
    ]


AUTOSCALERS = Columns(
    (
        NAME,
        text("Reference", "What is scaled"),
        text("Targets", "Current and wanted value of each metric"),
        text("MinPods", "The fewest replicas"),
        text("MaxPods", "The most replicas"),
        text("Replicas", "How many there are"),
        AGE,
    ),
    _autoscaler,
)


def _scale(scale: autoscaling_v1.Scale, now: datetime) -> Cells:
    return [scale.metadata.name, scale.spec.replicas or 0, scale.status.replicas or 0, age(scale, now)]


SCALES = Columns(
    (NAME, number("Desired", "How many replicas there should be"), number("Available", "How many there are"), AGE),
    _scale,
)
