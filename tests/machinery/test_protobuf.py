"""Protobuf: what is encoded comes back the same for every kind, and nonsense is refused within bounds."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

import pytest

from podium.machinery import protobuf
from podium.machinery.documents import DocumentError
from podium.machinery.errors import BadRequest
from podium.models import apps_v1, authentication_v1, autoscaling_v1, codec, core_v1, meta_v1, policy_v1
from podium.models.resources import BUILT_IN
from podium.models.structure import Field, Shape, fields

KINDS = {f"{row.api_version} {row.kind}": row.model for row in BUILT_IN}
OTHERS = {
    "Status": meta_v1.Status,
    "Scale": autoscaling_v1.Scale,
    "Eviction": policy_v1.Eviction,
    "TokenRequest": authentication_v1.TokenRequest,
    "Binding": core_v1.Binding,
}


class Trees:
    """Random trees of a struct's shape. No zeros: on the wire they mean absent where Go has no pointer."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)

    def struct(self, struct: type[Any], depth: int = 0) -> dict[str, Any]:
        likely = 0.9 if depth < 3 else 0.35 if depth < 7 else 0.0
        return {
            field.name: self.field(field, depth)
            for field in fields(struct).values()
            if field.name not in ("kind", "apiVersion") and self.rng.random() < likely
        }

    def field(self, field: Field, depth: int) -> Any:
        if field.name in ("eventTime", "acquireTime", "renewTime", "lastObservedTime"):
            return f"2026-03-04T05:06:07.{self.rng.randrange(1, 10**6):06d}Z"
        if field.name == "fieldsV1":
            return {"f:metadata": {}}
        return self.value(field.shape, depth)

    def value(self, shape: Shape, depth: int) -> Any:
        rng = self.rng
        match shape.kind:
            case "string":
                return rng.choice(["a", "web-1", "größe", "x" * 300])
            case "int32":
                return rng.choice([1, -1, 2**31 - 1, -(2**31), 300])
            case "int64":
                return rng.choice([1, -1, 2**63 - 1, -(2**63), 2**40])
            case "float":
                return rng.choice([1.5, -2.25])
            case "bool":
                return True
            case "bytes":
                return base64.b64encode(rng.randbytes(rng.randrange(1, 9))).decode()
            case "time":
                return f"20{rng.randrange(10, 99)}-02-03T04:05:06Z"
            case "quantity":
                return rng.choice(["100m", "1Gi", "5"])
            case "intstr":
                return rng.choice([8080, -1, "http", "25%"])
            case "list":
                assert shape.item is not None
                return [self.value(shape.item, depth + 1) for _ in range(rng.randrange(1, 3))]
            case "map":
                assert shape.item is not None
                return {key: self.value(shape.item, depth + 1) for key in rng.sample(["a", "b/c", "d"], 2)}
            case "struct":
                assert shape.struct is not None
                return self.struct(shape.struct, depth + 1)
        return rng.choice([{"raw": [1, {"x": None}]}, "text"])


def without_schemas(tree: Any) -> Any:
    """Fields of a CRD's schema are `Any` to the structs, but not on the wire: they have their own test."""
    if isinstance(tree, dict):
        return {
            key: without_schemas(value)
            for key, value in tree.items()
            if key not in ("items", "additionalItems", "additionalProperties", "dependencies")
            or not isinstance(value, str | dict)
        }
    return [without_schemas(item) for item in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("name", [*KINDS, *OTHERS])
def test_round_trip(name: str) -> None:
    model = KINDS.get(name) or OTHERS[name]
    for seed in range(8):
        tree = Trees(seed).struct(model)
        if name.endswith("CustomResourceDefinition"):
            tree = without_schemas(tree)
        obj = codec.from_tree(tree, model)
        body = protobuf.encode(codec.to_tree(obj))
        assert codec.to_tree(protobuf.read(body, model)) == codec.to_tree(obj)


def test_known_bytes() -> None:
    """Worked out by hand from the format."""
    namespace = core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="a"))
    inner = b"\x0a\x03\x0a\x01a" + b"\x12\x00" + b"\x1a\x00"
    types = b"\x0a\x02v1\x12\x09Namespace"
    outer = b"\x0a" + bytes([len(types)]) + types + b"\x12" + bytes([len(inner)]) + inner + b"\x1a\x00\x22\x00"
    assert protobuf.encode(codec.to_tree(namespace)) == b"k8s\x00" + outer
    event = protobuf.watch_event("ADDED", b"k8s\x00")
    assert event == b"\x00\x00\x00\x0f" + b"\x0a\x05ADDED" + b"\x12\x06" + b"\x0a\x04k8s\x00"


def body_of(raw: bytes, api_version: str = "v1", kind: str = "Pod") -> bytes:
    return protobuf.envelope(api_version, kind, raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\x12\x02\x58\x00", {}),  # hostNetwork false, which Go holds by value: absent
        (b"\x12\x02\x58\x01", {"hostNetwork": True}),
        (b"\x12\x02\x20\x00", {"terminationGracePeriodSeconds": 0}),  # a pointer to zero
        (b"\x12\x03\xc8\x01\x00", {"priority": 0}),
        (b"\x12\x02\x1a\x00", {}),  # restartPolicy ""
        (b"\x12\x0b\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", {"terminationGracePeriodSeconds": -1}),
        (b"\x12\x05\x92\x3f\x02hi", {}),  # a field that nobody knows
        (b"\x12\x04\x93\x3f\x94\x3f", {}),  # a group that nobody knows
    ],
)
def test_zero_values_and_unknown_fields(raw: bytes, expected: dict[str, Any]) -> None:
    assert protobuf.decode(body_of(raw)).tree["spec"] == expected


@pytest.mark.parametrize("status", [{}, {"failedIndexes": ""}, {"failedIndexes": "1,3"}])
def test_a_pointer_to_an_empty_string_is_no_missing_one(status: dict[str, Any]) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {}, "status": status}
    assert protobuf.decode(protobuf.encode(job)).tree["status"] == status


def test_numbers_packed_or_not() -> None:
    unpacked, packed = b"\x08\x02\x08\x03", b"\x0a\x02\x02\x03"
    for ports in (unpacked, packed):
        raw = b"\x12" + bytes([len(ports)]) + ports
        decoded = protobuf._Decoder().message(raw, _form("authorization.v1.ResourceRule"), 0)
        assert decoded == {"apiGroups": [ports.decode()]}
    security = b"".join(b"\x20" + bytes([group]) for group in (2, 3))
    packed_security = b"\x22\x02\x02\x03"
    for groups in (security, packed_security):
        spec = b"\x72" + bytes([len(groups)]) + groups
        tree = protobuf.decode(body_of(b"\x12" + bytes([len(spec)]) + spec)).tree
        assert tree["spec"]["securityContext"] == {"supplementalGroups": [2, 3]}


def _form(name: str) -> Any:
    from podium.machinery.protobuf_wire import message

    return message(name)


def test_an_empty_time_is_none() -> None:
    meta = b"\x42\x00"
    decoded = protobuf.decode(body_of(b"\x0a\x02" + meta))
    assert decoded.tree["metadata"] == {}


def test_schemas() -> None:
    tree: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x"},
        "spec": {
            "group": "g",
            "scope": "Namespaced",
            "names": {"kind": "X", "plural": "xs"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "list": {"type": "array", "items": {"type": "string", "default": "a", "maxLength": 0}},
                                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                                "free": {"type": "object", "additionalProperties": True},
                                "enum": {"enum": ["a", 1, None], "x-kubernetes-preserve-unknown-fields": False},
                            },
                        }
                    },
                }
            ],
        },
    }
    tree["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["enum"]["enum"] = ["a", 1]
    assert protobuf.decode(protobuf.encode(tree)).tree == tree


def test_lists_and_status() -> None:
    pods = {
        "apiVersion": "v1",
        "kind": "PodList",
        "metadata": {"resourceVersion": "7"},
        "items": [{"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "resources": {}}]}, "status": {}}],
    }
    assert protobuf.decode(protobuf.encode(pods)).tree == pods
    status = meta_v1.Status(status="Failure", code=404, details=meta_v1.StatusDetails(name="x"))
    assert protobuf.read(protobuf.encode(codec.to_tree(status)), meta_v1.Status) == status


def test_options_are_of_every_group() -> None:
    body = body_of(b"\x08\x00" + b"\x22\x0aBackground", "apps/v1", "DeleteOptions")
    options = protobuf.read(body, meta_v1.DeleteOptions)
    assert (options.gracePeriodSeconds, options.propagationPolicy) == (0, "Background")


def test_json_inside() -> None:
    body = protobuf.envelope("v1", "Pod", b'{"metadata":{"name":"a"}}').replace(
        b"\x22\x00", b"\x22\x10application/json"
    )
    assert protobuf.read(body, core_v1.Pod).metadata.name == "a"


MALFORMED: dict[str, tuple[bytes, str]] = {
    "no magic": (b"{}", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
    "truncated envelope": (b"k8s\x00\x0a\x50", "proto: unexpected EOF"),
    "truncated varint": (body_of(b"\x12\x02\x20\x80"), "proto: unexpected EOF"),
    "endless varint": (body_of(b"\x12\x0c\x20" + b"\xff" * 11), "proto: integer overflow"),
    "length beyond the end": (body_of(b"\x12\x7f\x20"), "proto: unexpected EOF"),
    "huge length": (body_of(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "proto: unexpected EOF"),
    "wrong wire type": (body_of(b"\x10\x01"), "proto: wrong wireType = 0 for field spec"),
    "illegal wire type": (body_of(b"\x96\x3f"), "proto: illegal wireType 6"),
    "not UTF-8": (body_of(b"\x0a\x03\x0a\x01\xff"), "proto: field name contains invalid UTF-8"),
    "unknown kind": (body_of(b"", "v1", "Nope"), 'no kind "Nope" is registered for version "v1"'),
    "time out of range": (
        body_of(b"\x0a\x0c\x42\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        "proto: time out of range",
    ),
    "bad JSON inside": (body_of(b"\x12\x03\x0a\x01{", "apps/v1", "ControllerRevision"), "proto: cannot parse the JSON"),
    "endless groups": (body_of(b"\x93\x3f" * 1000), "proto: exceeded max depth"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name: str) -> None:
    body, message = MALFORMED[name]
    with pytest.raises(DocumentError) as caught:
        protobuf.decode(body)
    assert caught.value.message.startswith(message)
    with pytest.raises(BadRequest, match=r"the object provided is unrecognized \(must be of type Pod\)"):
        protobuf.read(body, core_v1.Pod)


def test_deep_nesting_is_refused() -> None:
    """Schemas hold schemas."""
    raw = b""
    for _ in range(1000):
        raw = protobuf._delimited(28, raw)  # not
    schema = protobuf._delimited(1, raw)
    version = protobuf._delimited(4, schema)
    body = body_of(
        protobuf._delimited(2, protobuf._delimited(7, version)), "apiextensions.k8s.io/v1", "CustomResourceDefinition"
    )
    with pytest.raises(DocumentError, match="exceeded max depth"):
        protobuf.decode(body)


def test_many_empty_messages_are_refused() -> None:
    spec = b"\x12\x00" * 300_000
    with pytest.raises(DocumentError, match="more than 250000 messages"):
        protobuf.decode(body_of(protobuf._delimited(2, spec)))


def test_random_bytes_are_refused_or_read() -> None:
    body = protobuf.encode(codec.to_tree(codec.from_tree(Trees(1).struct(apps_v1.Deployment), apps_v1.Deployment)))
    rng = Random(5)
    for _ in range(500):
        broken = bytearray(body)
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(4, len(broken))] = rng.randrange(256)
        try:
            protobuf.read(bytes(broken[: rng.randrange(4, len(broken) + 1)]), apps_v1.Deployment)
        except BadRequest:
            continue


def test_wrong_values_name_the_field() -> None:
    quantity = protobuf._delimited(1, b"much")
    entry = protobuf._delimited(1, b"cpu") + protobuf._delimited(2, quantity)
    container = protobuf._delimited(8, protobuf._delimited(1, entry))
    body = body_of(protobuf._delimited(2, protobuf._delimited(2, container)))
    with pytest.raises(BadRequest) as caught:
        protobuf.read(body, core_v1.Pod)
    assert caught.value.message.startswith(
        'Pod in version "v1" cannot be handled as a Pod: spec.containers[0].resources.limits[cpu]: quantities must'
    )
