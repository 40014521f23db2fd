"""JSON and structs: what is encoded, what null means, copies, canonical bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from podium.models import apps_v1, codec, core_v1, meta_v1


def test_what_is_at_its_default_is_left_out() -> None:
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="a"))
    assert codec.to_tree(pod) == {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": "a"},
        "spec": {},
        "status": {},
    }


def test_zero_and_absent_differ() -> None:
    assert codec.decode(b'{"spec":{"replicas":0}}', apps_v1.Deployment).spec.replicas == 0
    assert codec.decode(b"{}", apps_v1.Deployment).spec.replicas is None
    assert b'"replicas":0' in codec.encode(apps_v1.Deployment(spec=apps_v1.DeploymentSpec(replicas=0)))


def test_null_is_the_zero_value() -> None:
    tree = b'{"metadata":{"creationTimestamp":null,"name":null,"labels":null},"spec":null,"status":null}'
    assert codec.decode(tree, core_v1.Pod) == core_v1.Pod()


def test_times_quantities_and_bytes() -> None:
    secret = codec.decode(
        b'{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"data":{"a":"aGk="}}', core_v1.Secret
    )
    assert secret.metadata.creationTimestamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert secret.data == {"a": b"hi"}
    assert b'"2026-01-01T00:00:00Z"' in codec.encode(secret)
    requirements = codec.decode(b'{"limits":{"cpu":0.5,"memory":"1024Ki"}}', core_v1.ResourceRequirements)
    assert requirements.limits == {"cpu": "500m", "memory": "1Mi"}
    assert codec.encode(requirements) == b'{"limits":{"cpu":"500m","memory":"1Mi"}}'


def test_python_keywords_have_their_name_on_the_wire() -> None:
    meta = codec.decode(b'{"continue":"abc"}', meta_v1.ListMeta)
    assert meta.continue_ == "abc"
    assert codec.encode(meta) == b'{"continue":"abc"}'


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"spec":{"replicas":"3"}}', r"\$\.spec\.replicas"),
        (b'{"spec":{"replicas":3000000000}}', r"\$\.spec\.replicas"),
        (b'{"spec":{"template":{"spec":{"containers":[{"name":5}]}}}}', r"containers\[0\]\.name"),
        (b'{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":true}}}]}}}}', "limits"),
    ],
)
def test_wrong_types(body: bytes, path: str) -> None:
    with pytest.raises(codec.DecodeError, match=path):
        codec.decode(body, apps_v1.Deployment)


def test_no_json() -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode(b'{"spec":', apps_v1.Deployment)


def test_unknown_fields_are_dropped() -> None:
    assert codec.decode(b'{"nope":{"a":[1]}}', core_v1.Pod) == core_v1.Pod()


def test_a_copy_is_another_object() -> None:
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(labels={"a": "b"}))
    copy = codec.copy(pod)
    copy.metadata.labels["a"] = "c"
    assert pod.metadata.labels == {"a": "b"}
    assert codec.copy(pod) == pod


def test_canonical() -> None:
    value = {"b": {"z": "<a&b>", "y": [1, 1.5, None, True]}, "a": "\u2028é"}
    assert codec.canonical(value) == (
        b'{"a":"\\u2028' + "é".encode() + b'","b":{"y":[1,1.5,null,true],"z":"\\u003ca\\u0026b\\u003e"}}'
    )
    assert (
        codec.canonical(meta_v1.LabelSelector(matchLabels={"b": "1", "a": "2"})) == b'{"matchLabels":{"a":"2","b":"1"}}'
    )
