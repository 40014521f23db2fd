"""PersistentVolumeClaims: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, as_is_errors, changed, errors, thing, update_errors

CLAIM = thing(
    "v1",
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(CLAIM) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.accessModes", REMOVED, ["spec.accessModes: Required value: at least 1 access mode is required"]),
        ("spec.resources", REMOVED, ["spec.resources[storage]: Required value"]),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(CLAIM, path, value)) == expected


def test_may_not_change() -> None:
    assert update_errors(CLAIM, changed(CLAIM, "spec.accessModes", ["ReadWriteMany"])) == [
        "spec: Forbidden: spec is immutable after creation except resources.requests and "
        "volumeAttributesClassName for bound claims"
    ]
