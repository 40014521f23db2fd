"""What comes of several metrics, and when they aren't asked at all."""

from __future__ import annotations

import pytest

from podium.controllers.autoscaling import decide
from podium.controllers.autoscaling.evaluate import Asked, Failed
from podium.controllers.autoscaling.limits import History
from podium.controllers.autoscaling.replicas import Tolerances
from podium.models import autoscaling_v2 as v2
from podium.models.quantity import Quantity
from tests.controllers.build import NOW, ago


def hpa(
    low: int | None = 2, high: int = 10, behavior: v2.HorizontalPodAutoscalerBehavior | None = None
) -> v2.HorizontalPodAutoscaler:
    return v2.HorizontalPodAutoscaler(
        spec=v2.HorizontalPodAutoscalerSpec(minReplicas=low, maxReplicas=high, behavior=behavior),
        status=v2.HorizontalPodAutoscalerStatus(desiredReplicas=7, lastScaleTime=ago(100)),
    )


def asked(replicas: int, name: str = "cpu") -> Asked:
    return Asked(replicas, name, v2.MetricStatus(type="Resource"))


FAILED = Failed("FailedGetPodsMetric", "no adapter", "failed to get pods metric value: no adapter")


@pytest.mark.parametrize(
    ("current", "replicas", "rescale", "reason"),
    [
        (12, 10, True, "Current number of replicas above Spec.MaxReplicas"),
        (1, 2, True, "Current number of replicas below Spec.MinReplicas"),
        (0, 0, False, ""),
    ],
)
def test_bounds_are_kept_whatever_the_metrics_say(current: int, replicas: int, rescale: bool, reason: str) -> None:
    plan = decide.without_metrics(hpa(), current, (), NOW)
    assert plan is not None
    assert (plan.replicas, plan.rescale, plan.reason) == (replicas, rescale, reason)


def test_a_target_at_zero_is_left_alone() -> None:
    plan = decide.without_metrics(hpa(), 0, (), NOW)
    assert plan is not None
    (condition,) = plan.conditions
    assert (condition.type, condition.status, condition.reason) == ("ScalingActive", "False", "ScalingDisabled")
    assert condition.message == "scaling is disabled since the replica count of the target is zero"
    assert decide.without_metrics(hpa(), 2, (), NOW) is None
    assert decide.without_metrics(hpa(), 10, (), NOW) is None


@pytest.mark.parametrize(
    ("answers", "replicas", "reason"),
    [
        ((asked(3), asked(6, "memory"), asked(5)), 6, "memory above target"),
        ((asked(3), asked(2)), 3, "All metrics below target"),
        ((asked(4),), 4, ""),
        ((asked(6), FAILED), 6, "cpu above target"),
        ((FAILED, asked(4)), 4, ""),
    ],
)
def test_the_most_that_is_asked_for(answers: tuple[Asked | Failed, ...], replicas: int, reason: str) -> None:
    plan = decide.by_metrics(hpa(), 4, answers, (), History(), NOW)
    assert (plan.replicas, plan.rescale, plan.reason, plan.failed) == (replicas, replicas != 4, reason, False)
    active = plan.conditions[0]
    assert (active.type, active.status, active.reason) == ("ScalingActive", "True", "ValidMetricFound")
    assert [one.type for one in plan.conditions] == ["ScalingActive", "AbleToScale", "ScalingLimited"]
    assert len(plan.metrics) == len(answers)


@pytest.mark.parametrize("answers", [(FAILED,), (FAILED, asked(3)), (asked(3), FAILED)])
def test_nothing_is_scaled_down_while_a_metric_fails(answers: tuple[Asked | Failed, ...]) -> None:
    plan = decide.by_metrics(hpa(), 4, answers, (), History(), NOW)
    assert (plan.rescale, plan.failed) == (False, True)
    (condition,) = plan.conditions
    assert (condition.type, condition.status, condition.reason) == ("ScalingActive", "False", "FailedGetPodsMetric")
    assert condition.message == "the HPA was unable to compute the replica count: no adapter"
    assert plan.failures == [
        ("FailedGetPodsMetric", "no adapter"),
        (
            "FailedComputeMetricsReplicas",
            f"invalid metrics (1 invalid out of {len(answers)}), first error is: "
            "failed to get pods metric value: no adapter",
        ),
    ]
    status = decide.status(hpa(), plan, 4, plan.conditions, None)
    assert (status.currentReplicas, status.desiredReplicas, status.lastScaleTime) == (4, 7, ago(100))


def test_the_status_of_a_change() -> None:
    plan = decide.by_metrics(hpa(), 4, (asked(6),), (), History(), NOW)
    status = decide.status(hpa(), plan, 4, plan.conditions, NOW)
    assert (status.currentReplicas, status.desiredReplicas, status.lastScaleTime) == (4, 6, NOW)


def test_a_condition_keeps_its_time_while_its_status_is_the_same() -> None:
    old = decide.put((), decide.ABLE, True, "ReadyForNewScale", "a", ago(60))
    same = decide.put(old, decide.ABLE, True, "ScaleDownStabilized", "b", NOW)
    assert (same[0].lastTransitionTime, same[0].reason) == (ago(60), "ScaleDownStabilized")
    assert decide.put(same, decide.ABLE, False, "FailedGetScale", "c", NOW)[0].lastTransitionTime == NOW


def test_tolerances() -> None:
    assert decide.tolerances(hpa()) == Tolerances(0.1, 0.1)
    behavior = v2.HorizontalPodAutoscalerBehavior(
        scaleUp=v2.HPAScalingRules(tolerance=Quantity("50m")), scaleDown=v2.HPAScalingRules()
    )
    assert decide.tolerances(hpa(behavior=behavior)) == Tolerances(down=0.1, up=0.05)
