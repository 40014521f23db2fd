"""Values and their fields, by the schemas of real kinds: which fields, how two differ, merging, leaving out."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import field_schema, field_values
from podium.machinery.field_schema import UNTYPED, Node
from podium.machinery.field_set import FieldSet
from podium.models import apps_v1, core_v1, networking_v1

POD = field_schema.of(core_v1.Pod)
SERVICE = field_schema.of(core_v1.Service)
DEPLOYMENT = field_schema.of(apps_v1.Deployment)
CONFIG_MAP = field_schema.of(core_v1.ConfigMap)
WEB = 'k:{"name":"web"}'
TCP80 = 'k:{"port":80,"protocol":"TCP"}'


def test_what_lists_and_maps_are() -> None:
    spec = POD.child("spec")
    assert spec.child("containers").keys == ("name",)
    assert spec.child("tolerations").atomic
    assert spec.child("nodeSelector").atomic
    assert not POD.child("metadata").child("labels").atomic
    assert POD.child("metadata").child("finalizers").keys == ()
    assert not POD.child("metadata").child("finalizers").atomic
    assert DEPLOYMENT.child("spec").child("selector").atomic
    volume = field_schema.of(core_v1.PersistentVolume).child("spec")
    assert not volume.child("claimRef").atomic, "granular there although it is atomic elsewhere"
    assert field_schema.of(networking_v1.Ingress).child("spec").child("rules").atomic


@pytest.mark.parametrize(
    ("node", "value", "expected"),
    [
        pytest.param(CONFIG_MAP, {"data": {"a": "1"}}, {"f:data": {"f:a": {}}}, id="keys of a map, not the map"),
        pytest.param(CONFIG_MAP, {"data": {}}, {"f:data": {}}, id="an empty map is a leaf"),
        pytest.param(CONFIG_MAP, {"data": None}, {"f:data": {}}, id="null is a leaf"),
        pytest.param(
            POD,
            {"spec": {"containers": [{"name": "web", "image": "a"}], "nodeSelector": {"a": "b"}, "volumes": []}},
            {"f:spec": {"f:containers": {WEB: {".": {}, "f:name": {}, "f:image": {}}}, "f:nodeSelector": {}}},
            id="items are members, atomic maps whole, empty lists nothing",
        ),
        pytest.param(
            SERVICE,
            {"spec": {"ports": [{"port": 80}]}},
            {"f:spec": {"f:ports": {TCP80: {".": {}, "f:port": {}}}}},
            id="a key's default",
        ),
        pytest.param(
            POD, {"metadata": {"finalizers": ["a/b"]}}, {"f:metadata": {"f:finalizers": {'v:"a/b"': {}}}}, id="set"
        ),
        pytest.param(
            UNTYPED,
            {"spec": {"size": 3, "hosts": ["a"], "more": {"x": 1}}},
            {"f:spec": {".": {}, "f:size": {}, "f:hosts": {}, "f:more": {".": {}, "f:x": {}}}},
            id="without a schema",
        ),
    ],
)
def test_fields_of(node: Node, value: Any, expected: FieldSet) -> None:
    assert field_values.fields_of(node, value) == expected


@pytest.mark.parametrize(
    ("node", "old", "new", "added", "modified", "removed"),
    [
        (CONFIG_MAP, {"data": {"a": "1"}}, {"data": {"a": "1"}}, {}, {}, {}),
        (
            CONFIG_MAP,
            {"data": {"a": "1", "b": "2"}},
            {"data": {"a": "2", "c": "3"}},
            {"f:data": {"f:c": {}}},
            {"f:data": {"f:a": {}}},
            {"f:data": {"f:b": {}}},
        ),
        (CONFIG_MAP, {}, {"data": {"a": "1"}}, {"f:data": {".": {}, "f:a": {}}}, {}, {}),
        (
            POD,
            {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]}},
            {"spec": {"containers": [{"name": "b"}, {"name": "a", "image": "2"}]}},
            {},
            {"f:spec": {"f:containers": {'k:{"name":"a"}': {"f:image": {}}}}},
            {},
        ),
        (
            POD,
            {"spec": {"containers": [{"name": "a"}]}},
            {"spec": {"containers": []}},
            {},
            {},
            {"f:spec": {"f:containers": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}},
        ),
        (
            POD,
            {"spec": {"tolerations": [{"key": "a"}]}},
            {"spec": {"tolerations": [{"key": "b"}]}},
            {},
            {"f:spec": {"f:tolerations": {}}},
            {},
        ),
        (CONFIG_MAP, {"immutable": False}, {"immutable": True}, {}, {"f:immutable": {}}, {}),
        (CONFIG_MAP, {}, {"data": None}, {}, {}, {}),
        (UNTYPED, {"a": [1, 2]}, {"a": [1]}, {}, {"f:a": {}}, {}),
        (UNTYPED, {"a": {"b": 1}}, {"a": 1}, {}, {"f:a": {}}, {}),
    ],
)
def test_compare(node: Node, old: Any, new: Any, added: FieldSet, modified: FieldSet, removed: FieldSet) -> None:
    assert field_values.compare(node, old, new) == field_values.Changes(added, modified, removed)


def containers(*names: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name} for name in names]}}


@pytest.mark.parametrize(
    ("live", "config", "merged"),
    [
        ("ab", "ab", "ab"),
        ("ab", "ba", "ba"),
        ("abc", "b", "abc"),
        ("a", "ba", "ba"),
        ("ax", "ab", "axb"),
        ("xa", "ba", "xba"),
        ("bax", "abc", "axbc"),
        ("", "ab", "ab"),
        ("axb", "bca", "xbca"),
    ],
)
def test_merged_items_are_in_the_configurations_order(live: str, config: str, merged: str) -> None:
    assert field_values.merged(POD, containers(*live), containers(*config)) == containers(*merged)


def test_merged() -> None:
    live: dict[str, Any] = {
        "metadata": {"labels": {"a": "1", "b": "2"}},
        "spec": {"nodeSelector": {"a": "1"}, "containers": [{"name": "web", "image": "1", "tty": True}]},
    }
    config = {
        "metadata": {"labels": {"b": "3"}},
        "spec": {"nodeSelector": {"b": "2"}, "containers": [{"name": "web", "image": "2"}]},
    }
    assert field_values.merged(POD, live, config) == {
        "metadata": {"labels": {"a": "1", "b": "3"}},
        "spec": {"nodeSelector": {"b": "2"}, "containers": [{"name": "web", "image": "2", "tty": True}]},
    }
    assert live["metadata"]["labels"]["b"] == "2"


def test_without() -> None:
    value = {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"containers": [{"name": "web"}, {"name": "db"}]}}
    fields: FieldSet = {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:containers": {WEB: {}}}}
    assert field_values.without(POD, value, fields) == {
        "metadata": {"labels": {"b": "2"}},
        "spec": {"containers": [{"name": "db"}]},
    }


@pytest.mark.parametrize(
    ("node", "value", "problem"),
    [
        (POD, {"spec": {"foo": 1}}, ".spec.foo: field not declared in schema"),
        (DEPLOYMENT, {"spec": {"replicas": "3"}}, ".spec.replicas: expected numeric (int or float), got string"),
        (POD, containers("a", "a"), '.spec.containers: duplicate entries for key [name="a"]'),
        (POD, {"metadata": {"finalizers": ["a", "a"]}}, '.metadata.finalizers: duplicate entries for key [="a"]'),
        (
            POD,
            {"spec": {"containers": [{"image": "a"}]}},
            ".spec.containers: element 0: associative list with keys has an element that omits all key fields "
            '["name"] (and doesn\'t have default values for any key fields)',
        ),
        (
            POD,
            {"foo": 1, "bar": 2},
            "errors:\n  .foo: field not declared in schema\n  .bar: field not declared in schema",
        ),
    ],
)
def test_what_cannot_be_applied(node: Node, value: Any, problem: str) -> None:
    with pytest.raises(field_values.SchemaError) as caught:
        field_values.check(node, value)
    assert str(caught.value) == problem


def test_what_can() -> None:
    quantities = {"requests": {"cpu": 1, "memory": "1Gi"}}
    probe = {"httpGet": {"port": "http"}}
    container = {"name": "a", "resources": quantities, "livenessProbe": probe, "ports": [{"containerPort": 80}]}
    field_values.check(
        POD, {"metadata": {"creationTimestamp": None}, "spec": {"containers": [container]}, "status": {}}
    )
