"""ResourceQuotas: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import as_is_errors, changed, errors, thing

QUOTA = thing("v1", "ResourceQuota", spec={"hard": {"pods": "10", "requests.cpu": "2", "count/jobs.batch": "1"}})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(QUOTA) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "spec.hard",
            {"gpu": "1"},
            ['spec.hard[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified'],
        ),
        (
            "spec.scopes",
            ["Terminating", "Odd"],
            ['spec.scopes: Invalid value: ["Terminating","Odd"]: unsupported scope'],
        ),
        (
            "spec.scopes",
            ["BestEffort"],
            ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
        ),  # requests.cpu
        (
            "spec.scopeSelector",
            {
                "matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In"},
                    {"scopeName": "PriorityClass", "operator": "Exists", "values": ["high"]},
                    {"scopeName": "Terminating", "operator": "Near"},
                ]
            },
            [
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when "
                "`operator` is 'In' or 'NotIn' for scope selector",
                'spec.scopeSelector.matchExpressions.values: Invalid value: ["high"]: must be no value when '
                "`operator` is 'Exist' or 'DoesNotExist' for scope selector",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"Near\": must be 'Exist' when scope is "
                "any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
                'spec.scopeSelector.matchExpressions.operator: Invalid value: "Near": not a valid selector operator',
            ],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(QUOTA, path, value)) == expected
