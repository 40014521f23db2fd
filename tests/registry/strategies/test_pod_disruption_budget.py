"""PodDisruptionBudgets: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing

BUDGET = thing("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(BUDGET) == []


def test_rejected() -> None:
    assert errors(changed(BUDGET, "spec.maxUnavailable", 1)) == [
        'spec: Invalid value: {"maxUnavailable":1,"minAvailable":1}: minAvailable and maxUnavailable cannot be both set'
    ]
