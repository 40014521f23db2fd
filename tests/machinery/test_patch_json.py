"""JSON patches: RFC 6902's own examples, Kubernetes' limits, and nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import patch_json
from podium.machinery.errors import BadRequest, RequestEntityTooLarge
from podium.machinery.patch_json import PatchRejected


def op(name: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **({"value": value[0]} if value else {}), **more}


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        ({"foo": "bar"}, [op("add", "/baz", "qux")], {"foo": "bar", "baz": "qux"}),
        ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", "qux")], {"foo": ["bar", "qux", "baz"]}),
        ({"foo": ["bar"]}, [op("add", "/foo/-", ["abc"])], {"foo": ["bar", ["abc"]]}),
        ({"foo": ["bar"]}, [op("add", "/foo/1", "end")], {"foo": ["bar", "end"]}),
        ({"foo": ["a", "b"]}, [op("replace", "/foo/-1", "c")], {"foo": ["a", "c"]}),
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),
        ({"foo": ["a", "b", "c"]}, [op("remove", "/foo/1")], {"foo": ["a", "c"]}),
        ({"baz": "qux"}, [op("replace", "/baz", None)], {"baz": None}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {}},
            [op("move", "/qux/thud", **{"from": "/foo/waldo"})],
            {"foo": {"bar": "baz"}, "qux": {"thud": "fred"}},
        ),
        ({"a": [1, 2, 3]}, [op("move", "/a/0", **{"from": "/a/2"})], {"a": [3, 1, 2]}),
        (
            {"a": {"b": 1}},
            [op("copy", "/c", **{"from": "/a"}), op("add", "/c/d", 2)],
            {"a": {"b": 1}, "c": {"b": 1, "d": 2}},
        ),
        ({"a/b": {"c~d": 1}}, [op("replace", "/a~1b/c~0d", 2)], {"a/b": {"c~d": 2}}),
        ({"a": [1, {"b": "x"}]}, [op("test", "/a", [1, {"b": "x"}])], {"a": [1, {"b": "x"}]}),
        ({"a": 1}, [op("test", "/b")], {"a": 1}),
        ({"a": 1}, [op("replace", "", {"b": 2})], {"b": 2}),
        ({"a": 1}, [op("test", "", {"a": 1}), op("add", "", {"c": 2})], {"c": 2}),
    ],
)
def test_apply(document: Any, operations: Any, expected: Any) -> None:
    assert patch_json.apply(document, operations) == expected


def test_nothing_given_is_changed() -> None:
    document: dict[str, Any] = {"a": {"b": []}}
    value: dict[str, Any] = {"x": []}
    result = patch_json.apply(document, [op("add", "/v", value), op("add", "/v/x/-", 1), op("add", "/a/b/-", 2)])
    assert result == {"a": {"b": [2]}, "v": {"x": [1]}}
    assert (document, value) == ({"a": {"b": []}}, {"x": []})


@pytest.mark.parametrize(
    ("document", "operations", "message"),
    [
        ({}, [op("add", "/a/b", 1)], 'add operation does not apply: doc is missing path: "/a/b": missing value'),
        (
            {},
            [op("remove", "/a")],
            "error in remove for path: '/a': Unable to remove nonexistent key: a: missing value",
        ),
        ({}, [op("replace", "/a", 1)], 'replace operation does not apply: doc is missing key: "/a": missing value'),
        ({"a": 1}, [op("test", "/a", 2)], "testing value /a failed: test failed"),
        ({"a": True}, [op("test", "/a", 1)], "testing value /a failed: test failed"),
        ({"a": [1]}, [op("replace", "/a/1", 1)], "Unable to access invalid index: 1: invalid index referenced"),
        ({"a": [1]}, [op("add", "/a/3", 1)], "Unable to access invalid index: 3: invalid index referenced"),
        ({"a": [1]}, [op("add", "/a/x", 1)], 'value was not a proper array index: "x"'),
        ({"a": 1}, [op("add", "/a/b", 1)], 'add operation does not apply: doc is missing path: "/a/b": missing value'),
        ({"a": {"b": 1}}, [op("move", "/a/b/c", **{"from": "/a/b"})], "/a/b cannot be moved into itself"),
        ({}, [op("spin", "/a")], "Unexpected kind: spin"),
        ({}, [{"path": "/a"}], "Unexpected kind: unknown"),
        ({}, [op("add", "a", 1)], "JSON pointer must be empty or start with '/': a"),
        ({}, [op("add", "/a")], "add operation has no value: /a"),
        ({}, [{"op": "remove"}], "operation is missing a path"),
    ],
)
def test_rejected(document: Any, operations: Any, message: str) -> None:
    with pytest.raises(PatchRejected) as caught:
        patch_json.apply(document, operations)
    assert caught.value.message.endswith(message)
    assert caught.value.status().code == 422


@pytest.mark.parametrize("patch", [{}, "x", None, [1], [{"op": 1}], [{"op": "add", "path": ["a"]}]])
def test_malformed(patch: Any) -> None:
    with pytest.raises(BadRequest, match="error decoding patch: json: cannot unmarshal"):
        patch_json.apply({}, patch)


def test_too_many_operations() -> None:
    patch = [op("test", "/a", 1)] * 10_001
    with pytest.raises(RequestEntityTooLarge, match="maximum operations in a JSON patch is 10000, got 10001"):
        patch_json.apply({"a": 1}, patch)


def test_a_copy_bomb_ends_early() -> None:
    """Every copy doubles the document: 60 of them would be more than any memory."""
    bomb = [op("copy", f"/x{number}", **{"from": ""}) for number in range(60)]
    with pytest.raises(PatchRejected, match="accumulated size increase of copy is"):
        patch_json.apply({"a": "x" * 1000}, bomb)


def test_nesting_is_bounded() -> None:
    deeper = [op("copy", "/a", **{"from": ""}) for _ in range(1000)]
    with pytest.raises(PatchRejected, match="exceeded max depth"):
        patch_json.apply({"a": {}}, deeper)
    with pytest.raises(PatchRejected, match="exceeded max depth"):
        patch_json.apply({}, [op("add", "/a" * 201, 1)])
