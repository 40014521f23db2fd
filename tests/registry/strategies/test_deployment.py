"""Deployments: defaults, what is rejected, what never changes."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, as_is_errors, changed, defaulted, errors, warnings
from .workloads import MISMATCH, OTHER_SELECTOR, other_selector_errors, spec_of, workload

DEPLOYMENT = workload("Deployment")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(DEPLOYMENT) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        ("spec.selector", {}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ("spec.selector.matchLabels.app", "api", [MISMATCH]),
        (
            "spec.selector",
            {"matchExpressions": [{"key": "a", "operator": "Near"}]},
            [
                'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
                'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near"}]}: invalid '
                "label selector",
            ],
        ),
        ("spec.replicas", -1, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
        ),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxUnavailable": "101%"}},
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
        ),
        (
            "spec.strategy",
            {"rollingUpdate": {"maxSurge": "many"}},
            [
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "many": a valid percent string must be a numeric '
                "string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            ],
        ),
        (
            "spec.strategy",
            {"type": "Recreate", "rollingUpdate": {}},
            [
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ],
        ),
        (
            "spec.strategy",
            {"type": "BlueGreen"},
            ['spec.strategy: Unsupported value: {"type":"BlueGreen"}: supported values: "Recreate", "RollingUpdate"'],
        ),
        (
            "spec.progressDeadlineSeconds",
            0,
            ["spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds"],
        ),
        (
            "spec.template.spec.restartPolicy",
            "Never",
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        ("spec.template.spec.containers.0.image", "", ["spec.template.spec.containers[0].image: Required value"]),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(DEPLOYMENT, path, value)) == expected


def test_defaults() -> None:
    assert spec_of(DEPLOYMENT) == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }


def test_templates_get_no_service_links_and_no_requests() -> None:
    limited = changed(DEPLOYMENT, "spec.template.spec.containers.0.resources", {"limits": {"cpu": "1"}})
    spec = defaulted(limited).spec.template.spec
    assert spec.enableServiceLinks is None
    assert spec.containers[0].resources.requests == {}
    assert spec.terminationGracePeriodSeconds == 30


def test_warnings_name_the_template() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert warnings(changed(DEPLOYMENT, "spec.template.spec.containers.0.env", env)) == [
        'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be '
        "dropped when using apply"
    ]


def test_the_selector_never_changes() -> None:
    assert other_selector_errors(DEPLOYMENT) == [OTHER_SELECTOR]
