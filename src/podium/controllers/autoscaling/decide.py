"""What an autoscaler does, given its target's scale and what its metrics ask for: a number, conditions, Events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from podium.controllers.autoscaling import limits
from podium.controllers.autoscaling.evaluate import Asked, Failed
from podium.controllers.autoscaling.limits import Bounds, History
from podium.controllers.autoscaling.replicas import DEFAULT_TOLERANCE, Tolerances
from podium.models import autoscaling_v2 as v2
from podium.models import conditions, quantity

ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"
Conditions = tuple[v2.HorizontalPodAutoscalerCondition, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    replicas: int
    rescale: bool
    reason: str
    """Why the scale is changed."""
    conditions: Conditions
    metrics: tuple[v2.MetricStatus, ...] = ()
    history: History = field(default_factory=History)
    failures: Sequence[tuple[str, str]] = ()
    """Reasons and messages of warnings."""
    failed: bool = False
    """The metrics don't say how many replicas there should be."""


@dataclass(frozen=True, slots=True)
class Combined:
    """What all metrics together ask for."""

    replicas: int | None
    """None: they don't say."""
    name: str
    condition: v2.HorizontalPodAutoscalerCondition
    error: str = ""


def tolerances(hpa: v2.HorizontalPodAutoscaler) -> Tolerances:
    behavior = hpa.spec.behavior
    return Tolerances(
        down=_tolerance(behavior.scaleDown if behavior else None),
        up=_tolerance(behavior.scaleUp if behavior else None),
    )


def _tolerance(rules: v2.HPAScalingRules | None) -> float:
    if rules is None or rules.tolerance is None:
        return DEFAULT_TOLERANCE
    return float(quantity.number(rules.tolerance))


def without_metrics(hpa: v2.HorizontalPodAutoscaler, current: int, old: Conditions, now: datetime) -> Plan | None:
    """The plan if it doesn't depend on metrics: at zero nothing is scaled, and bounds are kept at once."""
    low, high = minimum(hpa), hpa.spec.maxReplicas
    if current == 0 and low != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        return Plan(0, False, "", put(old, ACTIVE, False, "ScalingDisabled", text, now))
    if current > high:
        return Plan(high, True, "Current number of replicas above Spec.MaxReplicas", old)
    if current < low:
        return Plan(low, True, "Current number of replicas below Spec.MinReplicas", old)
    return None


def by_metrics(
    hpa: v2.HorizontalPodAutoscaler,
    current: int,
    answers: Sequence[Asked | Failed],
    old: Conditions,
    history: History,
    now: datetime,
) -> Plan:
    combined = combine(answers, current)
    statuses = tuple(answer.status if isinstance(answer, Asked) else v2.MetricStatus() for answer in answers)
    failures = [(answer.reason, answer.message) for answer in answers if isinstance(answer, Failed)]
    condition = combined.condition
    told = put(old, ACTIVE, condition.status == "True", condition.reason, condition.message, now)
    if combined.replicas is None:
        failures.append(("FailedComputeMetricsReplicas", combined.error))
        return Plan(current, False, "", told, statuses, history, failures, failed=True)
    wanted = combined.replicas
    reason = f"{combined.name} above target" if wanted > current else ""
    if wanted < current:
        reason = "All metrics below target"
    bounds = Bounds(current, minimum(hpa), hpa.spec.maxReplicas)
    limited = limits.limit(bounds, wanted, hpa.spec.behavior, history, now)
    told = put(told, ABLE, True, *limited.able, now)
    told = put(told, LIMITED, limited.limited, *limited.limit, now)
    changes = limited.replicas != current
    return Plan(limited.replicas, changes, reason, told, statuses, limited.history, failures)


def combine(answers: Sequence[Asked | Failed], current: int) -> Combined:
    """The most that any metric asks for. If some can't be evaluated, only going up is safe."""
    asked = [answer for answer in answers if isinstance(answer, Asked)]
    failed = [answer for answer in answers if isinstance(answer, Failed)]
    most = max(asked, key=lambda answer: answer.replicas, default=None)
    error = ""
    if failed:
        error = f"invalid metrics ({len(failed)} invalid out of {len(answers)}), first error is: {failed[0].error}"
    if most is None or (failed and most.replicas < current):
        why = failed[0] if failed else Failed("FailedGetMetrics", "no metrics", "no metrics")
        text = f"the HPA was unable to compute the replica count: {why.message}"
        return Combined(None, "", _condition(ACTIVE, False, why.reason, text), error)
    text = f"the HPA was able to successfully calculate a replica count from {most.name}"
    return Combined(most.replicas, most.name, _condition(ACTIVE, True, "ValidMetricFound", text), error)


def minimum(hpa: v2.HorizontalPodAutoscaler) -> int:
    return 1 if hpa.spec.minReplicas is None else hpa.spec.minReplicas


def status(
    hpa: v2.HorizontalPodAutoscaler, plan: Plan, current: int, told: Conditions, scaled: datetime | None
) -> v2.HorizontalPodAutoscalerStatus:
    """`scaled`: when the scale was changed, if it was now. A plan that failed leaves what was wanted before."""
    return v2.HorizontalPodAutoscalerStatus(
        currentReplicas=current,
        desiredReplicas=hpa.status.desiredReplicas if plan.failed else plan.replicas,
        currentMetrics=plan.metrics,
        conditions=told,
        lastScaleTime=hpa.status.lastScaleTime if scaled is None else scaled,
        observedGeneration=hpa.status.observedGeneration,
    )


def put(old: Conditions, type_: str, true: bool, reason: str, message: str, now: datetime) -> Conditions:
    return conditions.put(old, _condition(type_, true, reason, message), now.replace(microsecond=0))


def _condition(type_: str, true: bool, reason: str, message: str) -> v2.HorizontalPodAutoscalerCondition:
    status = "True" if true else "False"
    return v2.HorizontalPodAutoscalerCondition(type=type_, status=status, reason=reason, message=message)
