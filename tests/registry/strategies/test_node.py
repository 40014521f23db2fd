"""Nodes: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing, update_errors

NODE = thing("v1", "Node", "n1", "", spec={"podCIDRs": ["10.1.0.0/24"]})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(NODE) == []


def test_rejected() -> None:
    assert errors(
        changed(
            NODE,
            "spec.taints",
            [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}, {"key": "b"}],
        )
    ) == [
        'metadata.taints[1]: Duplicate value: {"effect":"NoSchedule","key":"a"}: taints must be unique '
        "by key and "
        "effect pair",
        "metadata.taints[2].effect: Required value",
    ]


def test_may_not_change() -> None:
    assert update_errors(NODE, changed(NODE, "spec.podCIDRs", ["10.2.0.0/24"])) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]
