"""PriorityClasses: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing, update_errors

PRIORITY = thing("scheduling.k8s.io/v1", "PriorityClass", namespace="", value=5)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(PRIORITY) == []


def test_rejected() -> None:
    assert errors(changed(PRIORITY, "value", 1_000_000_001)) == [
        "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"
    ]


def test_may_not_change() -> None:
    assert update_errors(PRIORITY, changed(PRIORITY, "value", 6)) == [
        "value: Forbidden: may not be changed in an update."
    ]
