"""Secrets: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import as_is_errors, changed, defaulted, errors, thing, update_errors

SECRET = thing("v1", "Secret", stringData={"key": "value"})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(SECRET) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("type", "kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("type", "kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]: Required value"]),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(SECRET, path, value)) == expected


def test_may_not_change() -> None:
    assert update_errors(SECRET, changed(SECRET, "type", "other")) == [
        'type: Invalid value: "other": field is immutable'
    ]


def test_string_data_becomes_data() -> None:
    made = defaulted({**SECRET, "data": {"key": "b2xk", "other": "AA=="}})
    assert made.data == {"key": b"value", "other": b"\0"}
    assert made.stringData == {}
