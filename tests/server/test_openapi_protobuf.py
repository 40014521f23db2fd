"""OpenAPI v2 as protobuf. That Go can read it, kubectl shows (test_kubectl.py)."""

from __future__ import annotations

from typing import Any

import pytest

from podium.server.openapi_protobuf import encode


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"swagger": "2.0", "info": {"title": "t", "version": "v"}}, b"\n\x032.0\x12\x06\n\x01t\x12\x01v"),
        # definitions = 9 { entry = 1 { name = 1, schema = 2 { type = 22 { value = 1 } } } }
        ({"definitions": {"n": {"type": "s"}}}, b"J\x0d\n\x0b\n\x01n\x12\x06\xb2\x01\x03\n\x01s"),
        # paths = 8 { path = 2 { name = 1, item = 2 { patch = 8 { x- = 13 { name = 1, any = 2 { yaml = 2 } } } } } }
        ({"paths": {"/": {"patch": {"x-a": 1}}}}, b"B\x15\x12\x13\n\x01/\x12\x0eB\x0cj\n\n\x03x-a\x12\x03\x12\x011"),
    ],
)
def test_small_documents(document: dict[str, Any], expected: bytes) -> None:
    assert encode(document) == expected


def test_nothing_is_left_out() -> None:
    with pytest.raises(KeyError, match="host"):
        encode({"host": "x"})
