"""Plain trees: depth, equality, Go's rendering. Structures: what a struct is made of."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import trees
from podium.models import apiextensions_v1, apps_v1, core_v1, meta_v1
from podium.models.structure import Shape, fields


def nested(depth: int) -> Any:
    tree: Any = "x"
    for level in range(depth):
        tree = [tree] if level % 2 else {"a": tree}
    return tree


@pytest.mark.parametrize(("depth", "limit"), [(0, 0), (1, 1), (5, 5), (200, 200)])
def test_as_deep_as_may_be(depth: int, limit: int) -> None:
    assert trees.check_depth(nested(depth), limit) == depth
    with pytest.raises(trees.TooDeep):
        trees.check_depth(nested(depth + 1), limit)


def test_containers_are_counted() -> None:
    assert trees.check_depth({"a": [{}, {"b": []}], "c": 1}) == 5


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, None, True),
        ("1", 1, False),
        ([1, {"a": [True]}], [1, {"a": [True]}], True),
        ([1, {"a": [True]}], [1, {"a": [1]}], False),
        ({"a": None}, {}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ([], {}, False),
    ],
)
def test_equal(left: Any, right: Any, same: bool) -> None:
    assert trees.equal(left, right) is same
    assert trees.equal(right, left) is same


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (
            {"name": "web", "ports": [80, 443], "a": {"x": None, "b": True}},
            "map[a:map[b:true x:<nil>] name:web ports:[80 443]]",
        ),
        ([], "[]"),
        ("x", "x"),
        (1.5, "1.5"),
    ],
)
def test_printed(value: Any, printed: str) -> None:
    assert trees.printed(value) == printed


def test_a_copy_is_deep() -> None:
    tree: dict[str, Any] = {"a": [{"b": []}]}
    copy = trees.copied(tree)
    copy["a"][0]["b"].append(1)
    assert tree == {"a": [{"b": []}]}


def shape(struct: type[Any], name: str) -> Shape:
    return fields(struct)[name].shape


def test_shapes() -> None:
    assert shape(apps_v1.DeploymentSpec, "replicas") == Shape("int32")
    assert shape(apps_v1.DeploymentSpec, "template") == Shape("struct", struct=core_v1.PodTemplateSpec)
    assert shape(core_v1.PodSpec, "containers") == Shape("list", item=Shape("struct", struct=core_v1.Container))
    assert shape(core_v1.ResourceRequirements, "limits") == Shape("map", item=Shape("quantity"))
    assert shape(core_v1.HTTPGetAction, "port") == Shape("intstr")
    assert shape(meta_v1.ObjectMeta, "creationTimestamp") == Shape("time")
    assert shape(core_v1.Secret, "data") == Shape("map", item=Shape("bytes"))
    assert shape(apps_v1.ControllerRevision, "data").kind == "any"
    properties = shape(apiextensions_v1.JSONSchemaProps, "properties")
    assert properties.inner == Shape("struct", struct=apiextensions_v1.JSONSchemaProps)


def test_names_and_absence() -> None:
    found = fields(meta_v1.ListMeta)["continue"]
    assert (found.attribute, found.optional) == ("continue_", False)
    assert fields(apps_v1.DeploymentSpec)["replicas"].optional
    assert not fields(apps_v1.DeploymentSpec)["strategy"].optional
