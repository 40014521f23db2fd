"""HorizontalPodAutoscalers: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import as_is_errors, changed, defaulted, errors, thing

AUTOSCALER = thing(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"scaleTargetRef": {"kind": "Deployment", "name": "a"}, "maxReplicas": 3, "behavior": {}},
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(AUTOSCALER) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.minReplicas", 5, ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"]),
        (
            "spec.metrics",
            [{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue"}}}],
            ["spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue"],
        ),
        (
            "spec.metrics",
            [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Most"}}}],
            [
                'spec.metrics[0].resource.target.type: Invalid value: "Most": '
                "must be either Utilization, Value, or AverageValue",
                "spec.metrics[0].resource.target.averageUtilization: Required value: "
                "must set either a target raw value or a target utilization",
            ],
        ),
        (
            "spec.metrics",
            [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "m"},
                        "target": {"type": "Value", "value": "1", "averageValue": "1"},
                    },
                }
            ],
            [
                "spec.metrics[0].external.target.value: Forbidden: "
                "may not set both a target value for metric and a per-pod target"
            ],
        ),
        (
            "spec.metrics",
            [{"type": "Object", "object": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "-1"}}}],
            [
                "spec.metrics[0].object.describedObject.kind: Required value",
                "spec.metrics[0].object.describedObject.name: Required value",
                'spec.metrics[0].object.target.value: Invalid value: "-1": must be positive',
            ],
        ),
        (
            "spec.behavior",
            {"scaleUp": {"tolerance": "-10m"}},
            ['spec.behavior.scaleUp.tolerance: Invalid value: "-10m": must be greater than or equal to 0'],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(AUTOSCALER, path, value)) == expected


def test_defaults() -> None:
    spec = defaulted(AUTOSCALER).spec
    assert spec.minReplicas == 1
    assert spec.metrics[0].resource.target.averageUtilization == 80
    assert [(one.type, one.value) for one in spec.behavior.scaleUp.policies] == [("Pods", 4), ("Percent", 100)]
