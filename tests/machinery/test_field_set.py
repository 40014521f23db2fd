"""Sets of fields: their form on the wire, and what may be done with two of them."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import field_set
from podium.machinery.field_set import FieldSet, Malformed

PORT = 'k:{"containerPort":80,"protocol":"TCP"}'
POD: FieldSet = {
    "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
    "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:ports": {PORT: {}}}}},
}


def test_parse_and_canonical_give_one_form() -> None:
    sent: FieldSet = {"f:b": {}, "f:a": {"f:z": {}, ".": {}, 'k:{"protocol": "TCP", "containerPort":80}': {".": {}}}}
    made = field_set.canonical(field_set.parse(sent))
    assert list(made) == ["f:a", "f:b"]
    assert list(made["f:a"]) == [".", "f:z", PORT]
    assert made["f:a"][PORT] == {}


@pytest.mark.parametrize(
    "tree", [[], {"spec": {}}, {"x:a": {}}, {"f:a": 1}, {"k:{}": {}}, {"k:[1]": {}}, {"v:{": {}}, {'i:"a"': {}}]
)
def test_what_is_no_set(tree: Any) -> None:
    with pytest.raises(Malformed):
        field_set.parse(tree)


@pytest.mark.parametrize(
    ("left", "right", "union", "intersection", "difference"),
    [
        ({}, {"f:a": {}}, {"f:a": {}}, {}, {}),
        ({"f:a": {}}, {"f:a": {}}, {"f:a": {}}, {"f:a": {}}, {}),
        ({"f:a": {}}, {"f:a": {"f:b": {}}}, {"f:a": {".": {}, "f:b": {}}}, {}, {"f:a": {}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {}}, {"f:a": {".": {}, "f:b": {}}}, {"f:a": {}}, {"f:a": {"f:b": {}}}),
        (
            {"f:a": {"f:b": {}, "f:c": {}}},
            {"f:a": {"f:c": {}, "f:d": {}}},
            {"f:a": {"f:b": {}, "f:c": {}, "f:d": {}}},
            {"f:a": {"f:c": {}}},
            {"f:a": {"f:b": {}}},
        ),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {"f:b": {}}}, None, {"f:a": {"f:b": {}}}, {"f:a": {}}),
    ],
)
def test_operations(
    left: FieldSet, right: FieldSet, union: FieldSet | None, intersection: FieldSet, difference: FieldSet
) -> None:
    canonical = field_set.canonical
    if union is not None:
        assert canonical(field_set.union(left, right)) == canonical(field_set.union(right, left)) == canonical(union)
    assert canonical(field_set.intersection(left, right)) == intersection
    assert canonical(field_set.intersection(right, left)) == intersection
    assert canonical(field_set.difference(left, right)) == difference


def test_nothing_is_changed_by_operations() -> None:
    before = field_set.canonical(POD)
    other: FieldSet = {"f:spec": {"f:containers": {".": {}, 'k:{"name":"web"}': {}}}}
    for operation in (field_set.union, field_set.intersection, field_set.difference):
        operation(POD, other)
        operation(other, POD)
    assert before == POD


def test_contains() -> None:
    assert field_set.contains(POD, ("f:metadata", "f:labels"))
    assert field_set.contains(POD, ("f:metadata", "f:labels", "f:app"))
    assert not field_set.contains(POD, ("f:metadata",))
    assert not field_set.contains(POD, ("f:spec", "f:replicas"))
    assert not field_set.contains(POD, ())


def test_paths_as_errors_print_them() -> None:
    assert list(field_set.paths(POD)) == [
        ".metadata.labels",
        ".metadata.labels.app",
        '.spec.containers[name="web"]',
        '.spec.containers[name="web"].image',
        '.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]',
    ]
    assert list(field_set.paths({"f:metadata": {"f:finalizers": {'v:"a/b"': {}}}})) == ['.metadata.finalizers[="a/b"]']
