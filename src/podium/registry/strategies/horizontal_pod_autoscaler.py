"""HorizontalPodAutoscalers: bounds, metrics and behaviour that make sense together."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.autoscaling_v2 import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerStatus,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_UTILIZATION = 80
_PERIOD = 15
_LONGEST_PERIOD = 1800
_LONGEST_WINDOW = 3600
_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def _default(obj: HorizontalPodAutoscaler) -> None:
    spec = obj.spec
    if spec.minReplicas is None:
        spec.minReplicas = 1
    if not spec.metrics:
        target = MetricTarget(type="Utilization", averageUtilization=_UTILIZATION)
        spec.metrics = (MetricSpec(type="Resource", resource=ResourceMetricSource(name="cpu", target=target)),)
    if spec.behavior is not None:
        percent = HPAScalingPolicy(type="Percent", value=100, periodSeconds=_PERIOD)
        pods = HPAScalingPolicy(type="Pods", value=4, periodSeconds=_PERIOD)
        up = spec.behavior.scaleUp = spec.behavior.scaleUp or HPAScalingRules()
        if up.stabilizationWindowSeconds is None:
            up.stabilizationWindowSeconds = 0
        _default_rules(up, (pods, percent))
        down = spec.behavior.scaleDown = spec.behavior.scaleDown or HPAScalingRules()
        _default_rules(down, (percent,))


def _default_rules(rules: HPAScalingRules, policies: tuple[HPAScalingPolicy, ...]) -> None:
    rules.selectPolicy = rules.selectPolicy or "Max"
    rules.policies = rules.policies or policies


def _prepare_create(obj: HorizontalPodAutoscaler) -> None:
    obj.status = HorizontalPodAutoscalerStatus()


def _validate(obj: HorizontalPodAutoscaler) -> Errors:
    spec = obj.spec
    errors: Errors = []
    low = spec.minReplicas
    if low is not None and low < 1:
        errors.append(field.invalid(SPEC.child("minReplicas"), low, "must be greater than or equal to 1"))
    if spec.maxReplicas < 1:
        errors.append(field.invalid(SPEC.child("maxReplicas"), spec.maxReplicas, "must be greater than 0"))
    if low is not None and spec.maxReplicas < low:
        why = "must be greater than or equal to `minReplicas`"
        errors.append(field.invalid(SPEC.child("maxReplicas"), spec.maxReplicas, why))
    errors += _reference(SPEC.child("scaleTargetRef"), spec.scaleTargetRef)
    for position, metric in enumerate(spec.metrics):
        errors += _metric(SPEC.child("metrics").index(position), metric)
    if spec.behavior is not None:
        for name in ("scaleUp", "scaleDown"):
            rules = getattr(spec.behavior, name)
            if rules is not None:
                errors += _rules(SPEC.child("behavior", name), rules)
    return errors


def _reference(path: Path, reference: CrossVersionObjectReference) -> Errors:
    errors: Errors = []
    for name in ("kind", "name"):
        value, where = getattr(reference, name), path.child(name)
        if not value:
            errors.append(field.required(where))
        else:
            errors += field.each(where, value, names.path_segment(value))
    return errors


def _metric(path: Path, metric: MetricSpec) -> Errors:
    if not metric.type:
        return [field.required(path.child("type"), "must specify a metric source type")]
    if metric.type not in _SOURCES:
        return [field.not_supported(path.child("type"), metric.type, sorted(_SOURCES))]
    errors: Errors = []
    wanted = _SOURCES[metric.type]
    for name in _SOURCES.values():
        if name != wanted and getattr(metric, name) is not None:
            why = "must populate the given metric source only"
            errors.append(field.forbidden(path.child(name), why))
    source: Any = getattr(metric, wanted)
    where = path.child(wanted)
    if source is None:
        why = "must populate information for the given metric source"
        return [*errors, field.required(where, why)]
    if metric.type == "Object":
        errors += _reference(where.child("describedObject"), source.describedObject)
    if metric.type in ("Resource", "ContainerResource"):
        if not source.name:
            errors.append(field.required(where.child("name"), "must specify a resource name"))
    elif not source.metric.name:
        errors.append(field.required(where.child("metric", "name"), "must specify a metric name"))
    else:
        errors += field.each(where.child("metric", "name"), source.metric.name, names.path_segment(source.metric.name))
    if metric.type == "ContainerResource" and not source.container:
        errors.append(field.required(where.child("container"), "must specify a container"))
    goal = where.child("target")
    return errors + _target(goal, source.target) + _goal(goal, metric.type, source.target)


def _goal(path: Path, kind: str, target: MetricTarget) -> Errors:
    """What a metric of that type needs, and what doesn't go together."""
    value, average, percent = target.value, target.averageValue, target.averageUtilization
    if kind == "Pods":
        why = "must specify a positive target averageValue"
        return [] if average is not None else [field.required(path.child("averageValue"), why)]
    if kind in ("Resource", "ContainerResource"):
        if average is None and percent is None:
            why = "must set either a target raw value or a target utilization"
            return [field.required(path.child("averageUtilization"), why)]
        if average is not None and percent is not None:
            why = "may not set both a target raw value and a target utilization"
            return [field.forbidden(path.child("averageValue"), why)]
        return []
    if value is None and average is None:
        what = "value for metric or a per-pod target" if kind == "External" else "value or averageValue"
        return [field.required(path.child("averageValue"), f"must set either a target {what}")]
    if kind == "External" and value is not None and average is not None:
        why = "may not set both a target value for metric and a per-pod target"
        return [field.forbidden(path.child("value"), why)]
    return []


def _target(path: Path, target: MetricTarget) -> Errors:
    errors: Errors = []
    if not target.type:
        errors.append(field.required(path.child("type"), "must specify a metric target type"))
    if target.type not in ("AverageValue", "Utilization", "Value"):
        why = "must be either Utilization, Value, or AverageValue"
        errors.append(field.invalid(path.child("type"), target.type, why))
    for name in ("value", "averageValue"):
        amount = getattr(target, name)
        if amount is not None and quantity.number(amount) <= 0:
            errors.append(field.invalid(path.child(name), amount, "must be positive"))
    if target.averageUtilization is not None and target.averageUtilization < 1:
        where = path.child("averageUtilization")
        errors.append(field.invalid(where, target.averageUtilization, "must be greater than 0"))
    return errors


def _rules(path: Path, rules: HPAScalingRules) -> Errors:
    errors: Errors = []
    window = rules.stabilizationWindowSeconds
    if window is not None and not 0 <= window <= _LONGEST_WINDOW:
        why = (
            "must be greater than or equal to zero"
            if window < 0
            else f"must be less than or equal to {_LONGEST_WINDOW}"
        )
        errors.append(field.invalid(path.child("stabilizationWindowSeconds"), window, why))
    if rules.tolerance is not None and quantity.number(rules.tolerance) < 0:
        errors.append(field.invalid(path.child("tolerance"), rules.tolerance, "must be greater than or equal to 0"))
    errors += checks.enum(path.child("selectPolicy"), rules.selectPolicy, ("Disabled", "Max", "Min"), needed=False)
    if not rules.policies:
        errors.append(field.required(path.child("policies"), "must specify at least one Policy"))
    for position, policy in enumerate(rules.policies):
        where = path.child("policies").index(position)
        errors += checks.enum(where.child("type"), policy.type, ("Percent", "Pods"))
        if policy.value <= 0:
            errors.append(field.invalid(where.child("value"), policy.value, "must be greater than zero"))
        if not 0 < policy.periodSeconds <= _LONGEST_PERIOD:
            why = "must be greater than zero" if policy.periodSeconds <= 0 else "must be less than or equal to 1800"
            errors.append(field.invalid(where.child("periodSeconds"), policy.periodSeconds, why))
    return errors


def _validate_status(new: HorizontalPodAutoscaler, _old: HorizontalPodAutoscaler) -> Errors:
    return checks.not_negative(STATUS, new.status, "currentReplicas", "desiredReplicas")


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    generation=False,
)
