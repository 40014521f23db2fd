"""Kubernetes' protobuf: bodies to trees and back, driven by the table of field numbers.

A body is `k8s\\0` and a runtime.Unknown message, which names apiVersion and kind and holds the object. A watch is a
series of meta/v1 WatchEvents, each after its length in four bytes. Trees are those of JSON, so everything else works
on either. Types that JSON writes in their own way are in podium.machinery.protobuf_types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import orjson

from podium.machinery import strict, trees
from podium.machinery.documents import DocumentError
from podium.machinery.errors import BadRequest
from podium.machinery.protobuf_types import CODECS
from podium.machinery.protobuf_wire import (
    LENGTH,
    Malformed,
    Message,
    Slot,
    fields_of,
    message,
    piece,
    put_varint,
    read_scalar,
    read_varint,
    skip,
    write_scalar,
)
from podium.models import codec

T = TypeVar("T")

MAGIC = b"k8s\x00"
MAX_MESSAGES = 250_000
"""In one body: an empty message takes two bytes there and a few hundred in memory."""


@dataclass(frozen=True, slots=True)
class Decoded:
    api_version: str
    kind: str
    tree: dict[str, Any]
    """With apiVersion and kind."""


def message_of(api_version: str, kind: str) -> Message | None:
    """The message that a kind is on the wire; None for what has no protobuf form (Table, custom resources)."""
    group, _, version = api_version.rpartition("/")
    package = group.partition(".")[0] or "core"
    # Options, Status and the like are of every group version.
    return message(f"{package}.{version}.{kind}") or message(f"meta.v1.{kind}")


# --- decoding -------------------------------------------------------------------------------------------------------


def read(body: bytes, model: type[T]) -> T:
    """The struct that a request's body says. BadRequest says what is wrong."""
    try:
        decoded = decode(body)
    except DocumentError as error:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {model.__name__}): {error} ({body[:30].hex()})"
        ) from error
    strict.check_kind(decoded.tree, model)
    try:
        return codec.from_tree(decoded.tree, model)
    except msgspec.ValidationError as error:
        why = strict.unmarshal_message(error, model, decoded.tree)
        raise strict.cannot_handle(decoded.tree, model, why) from None


def decode(body: bytes) -> Decoded:
    """What a body says. DocumentError if it is malformed or of an unknown kind."""
    if not body.startswith(MAGIC):
        raise DocumentError(
            f"provided data does not appear to be a protobuf message, expected prefix [{' '.join(map(str, MAGIC))}]"
        )
    try:
        outer = fields_of(body[len(MAGIC) :])
        types = fields_of(piece(outer, 1))
        api_version, kind = (piece(types, number).decode(errors="replace") for number in (1, 2))
        tree = _object(piece(outer, 2), api_version, kind, piece(outer, 4))
    except Malformed as error:
        raise DocumentError(f"proto: {error}") from error
    return Decoded(api_version, kind, {"apiVersion": api_version, "kind": kind, **tree})


def _object(raw: bytes, api_version: str, kind: str, content_type: bytes) -> dict[str, Any]:
    if content_type == b"application/json":
        try:
            tree = orjson.loads(raw)
            trees.check_depth(tree)
        except (orjson.JSONDecodeError, trees.TooDeep) as error:
            raise Malformed(f"cannot parse the JSON inside: {error}") from error
        if not isinstance(tree, dict):
            raise Malformed("the JSON inside is not an object")
        return tree
    found = message_of(api_version, kind)
    if found is None:
        raise DocumentError(f'no kind "{kind}" is registered for version "{api_version}"')
    return _Decoder().message(raw, found, 0)


class _Decoder:
    def __init__(self) -> None:
        self.messages = 0

    def message(self, data: bytes, form: Message, depth: int) -> dict[str, Any]:
        if depth > trees.MAX_DEPTH:
            raise Malformed("exceeded max depth")
        self.messages += 1
        if self.messages > MAX_MESSAGES:
            raise Malformed(f"more than {MAX_MESSAGES} messages")
        tree: dict[str, Any] = {}
        position, end, slots = 0, len(data), form.by_number
        while position < end:
            tag, position = read_varint(data, position)
            wire = tag & 7
            slot = slots.get(tag >> 3)
            if slot is None:
                position = skip(data, position, tag, depth)
                continue
            if wire == LENGTH:
                size, position = read_varint(data, position)
                stop = position + size
                if stop > end:
                    raise Malformed("unexpected EOF")
                self._delimited(tree, slot, data[position:stop], depth)
                position = stop
            else:
                value, position = read_scalar(data, position, slot, wire)
                self._put(tree, slot, value)
        return tree

    def _delimited(self, tree: dict[str, Any], slot: Slot, data: bytes, depth: int) -> None:
        """What comes with a length: strings, bytes, messages, entries of maps, packed numbers."""
        if slot.map:
            key, value = self._entry(data, slot, depth)
            tree.setdefault(slot.name, {})[key] = value
        elif slot.form is not None and slot.name == "+":
            tree.update(self.message(data, slot.form, depth + 1))
        elif slot.wire == LENGTH:
            self._put(tree, slot, self._value(data, slot, depth))
        elif slot.repeated:
            position = 0
            while position < len(data):
                value, position = read_scalar(data, position, slot, slot.wire)
                self._put(tree, slot, value)
        else:
            raise Malformed(f"wrong wireType = {LENGTH} for field {slot.name}")

    def _value(self, data: bytes, slot: Slot, depth: int) -> Any:
        if slot.type == "string":
            try:
                return data.decode()
            except UnicodeDecodeError as error:
                raise Malformed(f"field {slot.name} contains invalid UTF-8") from error
        special = CODECS.get(slot.type)
        if special is not None:
            return special.decode(data, self, depth)
        assert slot.form is not None
        return self.message(data, slot.form, depth + 1)

    def _entry(self, data: bytes, slot: Slot, depth: int) -> tuple[str, Any]:
        """One entry of a map: key and value, either of which is left out when it is zero."""
        key, value, position = "", None, 0
        while position < len(data):
            tag, position = read_varint(data, position)
            if tag not in (0x0A, 0x12):
                position = skip(data, position, tag, depth)
                continue
            size, position = read_varint(data, position)
            piece, position = data[position : position + size], position + size
            if position > len(data):
                raise Malformed("unexpected EOF")
            if tag == 0x0A:
                key = piece.decode(errors="replace")
            else:
                value = self._value(piece, slot, depth)
        return key, self._value(b"", slot, depth) if value is None else value

    def _put(self, tree: dict[str, Any], slot: Slot, value: Any) -> None:
        if slot.repeated:
            tree.setdefault(slot.name, []).append(value)
        elif value is None or (slot.zero_is_absent and value in (0, "", "0")):
            tree.pop(slot.name, None)
        else:
            tree[slot.name] = value


# --- encoding -------------------------------------------------------------------------------------------------------


def encode(tree: dict[str, Any]) -> bytes:
    """The body that says what the tree says; apiVersion and kind are in the tree. ValueError if it has no form."""
    api_version, kind = tree["apiVersion"], tree["kind"]
    form = message_of(api_version, kind)
    if form is None:
        raise ValueError(f"{api_version} {kind} has no protobuf form")
    return envelope(api_version, kind, encoded(tree, form))


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    types = _delimited(1, api_version.encode()) + _delimited(2, kind.encode())
    return MAGIC + _delimited(1, types) + _delimited(2, raw) + b"\x1a\x00\x22\x00"


def watch_event(type_: str, body: bytes) -> bytes:
    """One frame of a watch stream; `body` is what `encode` returned."""
    event = _delimited(1, type_.encode()) + _delimited(2, _delimited(1, body))
    return len(event).to_bytes(4, "big") + event


def _delimited(number: int, data: bytes) -> bytes:
    out = bytearray()
    put_varint(out, number << 3 | LENGTH)
    put_varint(out, len(data))
    return bytes(out + data)


def encoded(tree: dict[str, Any], form: Message) -> bytes:
    """The fields of a message that the tree has; others are left out."""
    out = bytearray()
    for slot in form.slots:
        if slot.name == "+":
            assert slot.form is not None
            _write_delimited(out, slot, encoded(tree, slot.form))
            continue
        value = tree.get(slot.name)
        if value is None:
            continue
        if slot.map:
            for key in sorted(value):
                _write_delimited(out, slot, _delimited(1, key.encode()) + _delimited(2, _bytes_of(value[key], slot)))
        elif slot.repeated:
            for item in value:
                _write(out, slot, item)
        else:
            _write(out, slot, value)
    return bytes(out)


def _write(out: bytearray, slot: Slot, value: Any) -> None:
    if slot.wire == LENGTH:
        _write_delimited(out, slot, _bytes_of(value, slot))
    else:
        out += slot.tag
        write_scalar(out, slot, value)


def _write_delimited(out: bytearray, slot: Slot, data: bytes) -> None:
    out += slot.tag
    put_varint(out, len(data))
    out += data


def _bytes_of(value: Any, slot: Slot) -> bytes:
    if slot.type == "string":
        return str(value).encode()
    special = CODECS.get(slot.type)
    if special is not None:
        return special.encode(value, encoded)
    assert slot.form is not None
    return encoded(value, slot.form)
