"""From bodies to structs: fieldValidation and the messages for wrong types."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from podium.machinery import strict
from podium.machinery.errors import BadRequest, Invalid
from podium.models import apps_v1, core_v1, meta_v1

INVALID_JSON = b"""{
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "web", "labels": {"app": "a", "app": "b"}},
  "spec": {
    "unknown1": "val1", "unknownDupe": "valDupe", "unknownDupe": "valDupe2",
    "paused": true, "paused": false, "paused": true,
    "selector": {"matchLabels": {"app": "nginx"}},
    "template": {
      "metadata": {"labels": {"app": "nginx"}},
      "spec": {"containers": [{"name": "nginx", "unknownNested": "v", "imagePullPolicy": "Always",
                               "imagePullPolicy": "Never"}]}
    }
  }
}"""
PROBLEMS = [
    'duplicate field "metadata.labels.app"',
    'unknown field "spec.unknown1"',
    'unknown field "spec.unknownDupe"',
    'duplicate field "spec.paused"',
    'unknown field "spec.template.spec.containers[0].unknownNested"',
    'duplicate field "spec.template.spec.containers[0].imagePullPolicy"',
]
INVALID_YAML = b"""apiVersion: apps/v1
kind: Deployment
spec:
  unknown1: val1
  paused: true
  paused: false
  template:
    spec:
      containers:
      - name: nginx
        unknownNested: val1
        image: a
        image: b
"""
YAML_PROBLEMS = [
    'line 6: key "paused" already set in map',
    'line 13: key "image" already set in map',
    'unknown field "spec.unknown1"',
    'unknown field "spec.template.spec.containers[0].unknownNested"',
]


def message(body: bytes | dict[str, Any], model: type[Any] = apps_v1.Deployment, **options: Any) -> str:
    with pytest.raises(BadRequest) as caught:
        strict.read(body if isinstance(body, bytes) else orjson.dumps(body), model, **options)
    return caught.value.message


def test_json() -> None:
    obj, warnings = strict.read(INVALID_JSON, apps_v1.Deployment, validation="Warn")
    assert warnings == PROBLEMS
    assert obj.spec.paused is True
    assert obj.spec.template.spec.containers[0].imagePullPolicy == "Never"
    assert strict.read(INVALID_JSON, apps_v1.Deployment, validation="Ignore")[1] == []
    assert message(INVALID_JSON, validation="Strict") == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' + ", ".join(PROBLEMS)
    )


def test_yaml() -> None:
    obj, warnings = strict.read(INVALID_YAML, apps_v1.Deployment, "yaml", "Warn")
    assert warnings == YAML_PROBLEMS
    assert obj.spec.template.spec.containers[0].image == "b"
    assert message(INVALID_YAML, media="yaml", validation="Strict") == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: yaml: unmarshal errors:\n'
        f"  {YAML_PROBLEMS[0]}\n  {YAML_PROBLEMS[1]}, {YAML_PROBLEMS[2]}, {YAML_PROBLEMS[3]}"
    )


@pytest.mark.parametrize("compact", [True, False])
def test_repeated_fields_are_found_however_it_is_written(compact: bool) -> None:
    body = b'{"spec":{"replicas":1,"replicas":2}}'
    text = body if compact else body.replace(b",", b" ,\n") + b"\n"
    assert strict.read(text, apps_v1.Deployment)[1] == ['duplicate field "spec.replicas"']


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (b'{"metadata":{"annotations":{"any":"thing"}},"spec":{"replicas":1}}', []),
        (b'{"Spec":{}}', ['unknown field "Spec"']),
        (b'{"spec":{"replicas":null,"strategy":null}}', []),
        (b'{"spec":{"nope":null}}', ['unknown field "spec.nope"']),
        (
            b'{"spec":{"template":{"spec":{"volumes":[{"name":"a"},{"name":"b","projected":{"sources":[{"x":1}]}}]}}}}',
            ['unknown field "spec.template.spec.volumes[1].projected.sources[0].x"'],
        ),
    ],
)
def test_unknown_fields(body: bytes, problems: list[str]) -> None:
    assert strict.read(body, apps_v1.Deployment)[1] == problems


def test_not_every_problem_is_told() -> None:
    body = orjson.dumps({"spec": {f"unknown{number}": 1 for number in range(10_000)}})
    assert len(strict.read(body, apps_v1.Deployment)[1]) == 100
    text = b"".join(b"a: 1\n" for _ in range(10_000))
    assert len(strict.read(text, core_v1.Pod, "yaml")[1]) == 101


def test_anything_goes_where_anything_may_be() -> None:
    body = b'{"apiVersion":"apps/v1","kind":"ControllerRevision","data":{"a":{"b":1}},"revision":1}'
    assert strict.read(body, apps_v1.ControllerRevision)[1] == []
    body = body.replace(b'{"b":1}', b'{"b":1,"b":2}')
    assert strict.read(body, apps_v1.ControllerRevision)[1] == ['duplicate field "data.a.b"']


def test_types_may_be_left_out() -> None:
    obj, _ = strict.read(b"{}", apps_v1.Deployment)
    assert (obj.apiVersion, obj.kind) == ("apps/v1", "Deployment")
    options, _ = strict.read(b'{"apiVersion":"batch/v1","kind":"DeleteOptions"}', meta_v1.DeleteOptions)
    assert options.apiVersion == "batch/v1"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"apiVersion": "v1", "kind": "Deployment"},
            "the API version in the data (v1) does not match the expected API version (apps/v1)",
        ),
        (
            {"apiVersion": "apps/v1", "kind": "Pod"},
            'Pod in version "v1" cannot be handled as a Deployment: no kind "Pod" is registered for version "apps/v1"',
        ),
        (
            {"kind": 5},
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field "
            "TypeMeta.kind of type string",
        ),
        (
            b"[]",
            "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse "
            "error: json: cannot unmarshal array into Go value of type v1.TypeMeta (5b5d)",
        ),
        (
            b'{"kind"',
            "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse "
            'error: unexpected end of JSON input ({"kind")',
        ),
    ],
)
def test_what_is_no_deployment(body: Any, text: str) -> None:
    assert message(body) == text


def deployment(**pod: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": pod}}}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            {"spec": {"replicas": "3"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            {"spec": {"replicas": 1.5}},
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            {"spec": {"replicas": 3000000000}},
            "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            {"spec": {"paused": "no"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
        ),
        (
            {"spec": []},
            "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec",
        ),
        (
            deployment(containers={}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type "
            "[]v1.Container",
        ),
        (
            deployment(containers=[{"env": [{"name": "A", "value": 1}]}]),
            "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type "
            "string",
        ),
        (
            deployment(containers=[{"ports": [{"containerPort": "80"}]}]),
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports."
            "containerPort of type int32",
        ),
        (
            deployment(nodeSelector={"a": True}),
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.template.spec.nodeSelector of type string",
        ),
        (
            deployment(containers=[None, {"command": "sh"}]),
            "json: cannot unmarshal",
        ),
        (
            deployment(containers=[{"livenessProbe": {"httpGet": {"port": True}}}]),
            "json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.template.spec.containers."
            "livenessProbe.httpGet.port of type int32",
        ),
        (
            deployment(containers=[{"resources": {"requests": {"memory": "1Gi", "cpu": "lots"}}}]),
            "spec.template.spec.containers[0].resources.requests[cpu]: quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (
            {"metadata": {"creationTimestamp": "yesterday"}},
            'metadata.creationTimestamp: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": ',
        ),
    ],
)
def test_wrong_types(body: dict[str, Any], why: str) -> None:
    assert message(body).startswith(f'Deployment in version "v1" cannot be handled as a Deployment: {why}')


def test_wrong_bytes() -> None:
    assert message({"data": {"b": "aGk=", "a": "*"}}, core_v1.Secret) == (
        'Secret in version "v1" cannot be handled as a Secret: data[a]: illegal base64 data'
    )


def test_what_a_patch_made() -> None:
    made = {"spec": {"replicas": 2, "strategy": None}}
    assert strict.from_patched(made, apps_v1.Deployment).spec.replicas == 2
    with pytest.raises(Invalid) as caught:
        strict.from_patched({"spec": {"replicas": "many"}}, apps_v1.Deployment)
    assert caught.value.message == (
        ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"replicas\\":\\"many\\"}}": '
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )


def test_what_a_patch_made_is_an_object() -> None:
    with pytest.raises(Invalid, match=r"json: cannot unmarshal array into Go value of type v1\.Deployment"):
        strict.from_patched([], apps_v1.Deployment)
