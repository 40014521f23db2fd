"""ConfigMaps: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import REMOVED, as_is_errors, changed, errors, thing, update_errors

CONFIG_MAP = thing("v1", "ConfigMap", data={"key": "value"})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(CONFIG_MAP) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("data", {"k": "x" * (1024 * 1024 + 1)}, ["[]: Too long: may not be more than 1048576 bytes"]),
        ("binaryData", {"key": "AA=="}, ['data[key]: Invalid value: "key": duplicate of key present in binaryData']),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(CONFIG_MAP, path, value)) == expected


@pytest.mark.parametrize(
    ("tree", "path", "value", "expected"),
    [
        (
            {**CONFIG_MAP, "immutable": True},
            "data.key",
            "changed",
            ["data: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            {**CONFIG_MAP, "immutable": True},
            "immutable",
            REMOVED,
            ["immutable: Forbidden: field is immutable when `immutable` is set"],
        ),
    ],
)
def test_may_not_change(tree: dict[str, Any], path: str, value: Any, expected: list[str]) -> None:
    assert update_errors(tree, changed(tree, path, value)) == expected
