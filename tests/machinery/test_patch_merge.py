"""JSON merge patches: RFC 7386's own examples, and the patches made of two and three versions."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import patch_merge
from podium.machinery.errors import BadRequest


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_apply(document: Any, patch: Any, expected: Any) -> None:
    assert patch_merge.apply(document, patch) == expected


def test_nothing_given_is_changed() -> None:
    document, patch = {"a": {"b": 1}}, {"a": {"c": [1]}}
    result = patch_merge.apply(document, patch)
    result["a"]["c"].append(2)
    assert (document, patch) == ({"a": {"b": 1}}, {"a": {"c": [1]}})


@pytest.mark.parametrize(
    ("patch", "kind"), [([], "array"), ("x", "string"), (1, "number"), (None, "null"), (True, "bool")]
)
def test_a_patch_is_an_object(patch: Any, kind: str) -> None:
    with pytest.raises(BadRequest, match=f"cannot unmarshal {kind} into Go value"):
        patch_merge.apply({}, patch)


@pytest.mark.parametrize(
    ("original", "modified", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2}}, {"a": {"c": None, "b": 2}}),
        ({"a": [1]}, {"a": [1, 2], "n": {}}, {"a": [1, 2], "n": {}}),
    ],
)
def test_diff(original: Any, modified: Any, patch: Any) -> None:
    assert patch_merge.diff(original, modified) == patch
    assert patch_merge.apply(original, patch) == modified


@pytest.mark.parametrize(
    ("original", "modified", "current", "patch"),
    [
        ({"a": 1}, {"a": 1}, {"a": 1, "theirs": 2}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, {"a": 1, "b": 2, "theirs": 3}, {"b": None}),
        ({"s": {"a": 1, "b": 2}}, {"s": {"a": 5}}, {"s": {"a": 1, "b": 2, "t": 3}}, {"s": {"b": None, "a": 5}}),
        ({"s": {"a": 1}}, {"s": {"a": 1}}, {"s": {"a": 9}}, {"s": {"a": 1}}),
        ({}, {"s": {}}, {}, {"s": {}}),
    ],
)
def test_three_way(original: Any, modified: Any, current: Any, patch: Any) -> None:
    assert patch_merge.three_way(original, modified, current) == patch
