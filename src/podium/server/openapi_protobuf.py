"""The OpenAPI v2 document as protobuf, the only form in which client-go asks for it (package openapi.v2 of gnostic).

kubectl reads it when v3 says nothing of a kind: to know whether the server validates fields, and to validate itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from podium.machinery.protobuf_wire import LENGTH, VARINT, put_varint

Fields = Mapping[str, tuple[int, "Kind"]]
Kind = str
"""text, truth, texts; any other is the name of a message below, "[]" before it if it is repeated."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: the numbers of its fields by JSON's names."""

    fields: Fields
    extensions: int = 0
    """The number of the field for what begins with x-."""
    entries: tuple[int, str] = (0, "")
    """For a map, whose entries are messages (name = 1, value = 2): the field's number and the message of a value."""


_QUERY = Message({"required": (1, "truth"), "in": (2, "text"), "description": (3, "text"), "name": (4, "text"),
                  "type": (6, "text"), "uniqueItems": (20, "truth")}, 23)  # fmt: skip
_PATH = Message({"required": (1, "truth"), "in": (2, "text"), "description": (3, "text"), "name": (4, "text"),
                 "type": (5, "text"), "uniqueItems": (19, "truth")}, 22)  # fmt: skip
_BODY = Message({"description": (1, "text"), "name": (2, "text"), "in": (3, "text"), "required": (4, "truth"),
                 "schema": (5, "Schema")}, 6)  # fmt: skip
_OPERATIONS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}

MESSAGES = {
    "Document": Message(
        {"swagger": (1, "text"), "info": (2, "Info"), "paths": (8, "Paths"), "definitions": (9, "Schemas")}, 16
    ),
    "Info": Message({"title": (1, "text"), "version": (2, "text"), "description": (3, "text")}, 7),
    "Paths": Message({}, 1, (2, "PathItem")),
    "PathItem": Message(
        {**{verb: (number, "Operation") for verb, number in _OPERATIONS.items()}, "parameters": (9, "[]Parameter")}, 10
    ),
    "Operation": Message(
        {
            "tags": (1, "texts"),
            "summary": (2, "text"),
            "description": (3, "text"),
            "operationId": (5, "text"),
            "produces": (6, "texts"),
            "consumes": (7, "texts"),
            "parameters": (8, "[]Parameter"),
            "responses": (9, "Responses"),
            "deprecated": (11, "truth"),
        },
        13,
    ),
    "Responses": Message({}, 2, (1, "ResponseValue")),
    "Response": Message({"description": (1, "text"), "schema": (2, "SchemaItem")}, 5),
    "Schemas": Message({}, 0, (1, "Schema")),
    "Schema": Message(
        {
            "$ref": (1, "text"),
            "format": (2, "text"),
            "title": (3, "text"),
            "description": (4, "text"),
            "default": (5, "Any"),
            "pattern": (13, "text"),
            "required": (19, "texts"),
            "enum": (20, "[]Any"),
            "additionalProperties": (21, "AdditionalProperties"),
            "type": (22, "Type"),
            "items": (23, "Items"),
            "allOf": (24, "[]Schema"),
            "properties": (25, "Schemas"),
            "readOnly": (27, "truth"),
        },
        31,
    ),
}


def encode(document: Mapping[str, Any]) -> bytes:
    """An OpenAPI v2 document; what this module has no field for is an error, not left out."""
    return _message(MESSAGES["Document"], document)


def _message(message: Message, tree: Mapping[str, Any]) -> bytes:
    out = bytearray()
    for key, value in tree.items():
        if message.extensions and key.startswith("x-"):
            _put(out, message.extensions, _named(key, _any(value)))
        elif message.entries[0]:
            number, kind = message.entries
            _put(out, number, _named(key, _value(kind, value)))
        else:
            number, kind = message.fields[key]
            _field(out, number, kind, value)
    return bytes(out)


def _field(out: bytearray, number: int, kind: Kind, value: Any) -> None:
    if kind == "truth":
        put_varint(out, number << 3 | VARINT)
        put_varint(out, int(value))
    elif kind == "text":
        _put(out, number, value.encode())
    elif kind == "texts":
        _put_all(out, number, (each.encode() for each in value))
    elif kind.startswith("[]"):
        _put_all(out, number, (_value(kind[2:], each) for each in value))
    else:
        _put(out, number, _value(kind, value))


def _value(kind: Kind, value: Any) -> bytes:
    """The bytes of a message; those that only wrap another one are made here."""
    if kind == "Any":
        return _any(value)
    if kind == "Type":
        return _wrapped(1, value.encode())
    if kind in ("Items", "SchemaItem"):
        return _wrapped(1, _message(MESSAGES["Schema"], value))
    if kind == "AdditionalProperties":
        return b"\x10" + bytes([value]) if isinstance(value, bool) else _wrapped(1, _message(MESSAGES["Schema"], value))
    if kind == "ResponseValue":
        return _wrapped(1, _message(MESSAGES["Response"], value))
    if kind == "Parameter":
        return _wrapped(1, _parameter(value))
    return _message(MESSAGES[kind], value)


def _parameter(tree: Mapping[str, Any]) -> bytes:
    if tree["in"] == "body":
        return _wrapped(1, _message(_BODY, tree))
    number, message = (3, _QUERY) if tree["in"] == "query" else (4, _PATH)
    return _wrapped(2, _wrapped(number, _message(message, tree)))


def _named(name: str, value: bytes) -> bytes:
    return _wrapped(1, name.encode()) + _wrapped(2, value)


def _any(value: Any) -> bytes:
    """Any value, as YAML, which JSON is."""
    return _wrapped(2, orjson.dumps(value))


def _wrapped(number: int, data: bytes) -> bytes:
    out = bytearray()
    _put(out, number, data)
    return bytes(out)


def _put(out: bytearray, number: int, data: bytes) -> None:
    put_varint(out, number << 3 | LENGTH)
    put_varint(out, len(data))
    out += data


def _put_all(out: bytearray, number: int, values: Iterable[bytes]) -> None:
    for data in values:
        _put(out, number, data)
