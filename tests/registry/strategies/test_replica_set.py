"""ReplicaSets: what is rejected, what never changes."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, as_is_errors, changed, errors
from .workloads import MISMATCH, OTHER_SELECTOR, other_selector_errors, workload

REPLICA_SET = workload("ReplicaSet")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(REPLICA_SET) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.selector", REMOVED, ["spec.selector: Required value", MISMATCH]),
        ("spec.selector.matchLabels.app", "api", [MISMATCH]),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(REPLICA_SET, path, value)) == expected


def test_the_selector_never_changes() -> None:
    assert other_selector_errors(REPLICA_SET) == [OTHER_SELECTOR]
