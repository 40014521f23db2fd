"""The wire format of protobuf, and the table of Kubernetes' messages (protobuf_fields.txt), read when first needed."""

from __future__ import annotations

import struct
from functools import cache
from importlib import resources
from typing import Any

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = range(6)
_WIRES = {"bool": VARINT, "int32": VARINT, "int64": VARINT, "double": FIXED64}
_MAX_GROUPS = 50


class Malformed(ValueError):
    """The bytes are no message."""


class Slot:
    """One field of a message."""

    __slots__ = ("_form", "map", "name", "repeated", "tag", "type", "wire", "zero_is_absent")

    def __init__(self, name: str, number: int, type_: str) -> None:
        self.name = name
        """As JSON has it; "+" for a message whose fields JSON has in the parent."""
        self.zero_is_absent = type_.endswith("!")
        type_ = type_.removesuffix("!")
        self.repeated = type_.startswith("[]")
        self.map = type_.startswith("{}")
        self.type = type_.removeprefix("[]").removeprefix("{}")
        self.wire = LENGTH if self.map else _WIRES.get(self.type, LENGTH)
        tag = bytearray()
        put_varint(tag, number << 3 | self.wire)
        self.tag = bytes(tag)
        self._form: Message | None = None

    @property
    def form(self) -> Message | None:
        """The message that it holds, if it holds messages."""
        if self._form is None and "." in self.type:
            self._form = message(self.type)
        return self._form


class Message:
    __slots__ = ("by_number", "slots")

    def __init__(self, fields: list[str]) -> None:
        self.by_number: dict[int, Slot] = {}
        for field in fields:
            name, _, rest = field.rpartition("=")
            number, _, type_ = rest.partition(":")
            self.by_number[int(number)] = Slot(name, int(number), type_)
        self.slots = tuple(self.by_number.values())


@cache
def _table() -> dict[str, list[str]]:
    text = (resources.files("podium.machinery") / "protobuf_fields.txt").read_text()
    rows = (line.split(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: fields for name, *fields in rows}


@cache
def message(name: str) -> Message | None:
    fields = _table().get(name)
    return Message(fields) if fields is not None else None


# --- numbers --------------------------------------------------------------------------------------------------------


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at a position, unsigned, and where it ends."""
    try:
        byte = data[position]
        if byte < 0x80:
            return byte, position + 1
        result, shift = byte & 0x7F, 7
        while True:
            position += 1
            byte = data[position]
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result & 0xFFFFFFFFFFFFFFFF, position + 1
            shift += 7
            if shift > 63:
                raise Malformed("integer overflow")
    except IndexError:
        raise Malformed("unexpected EOF") from None


def put_varint(out: bytearray, value: int) -> None:
    """Negative numbers take ten bytes."""
    value &= 0xFFFFFFFFFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def read_scalar(data: bytes, position: int, slot: Slot, wire: int) -> tuple[Any, int]:
    if wire != slot.wire:
        raise Malformed(f"wrong wireType = {wire} for field {slot.name}")
    if slot.type == "double":
        if position + 8 > len(data):
            raise Malformed("unexpected EOF")
        return struct.unpack_from("<d", data, position)[0], position + 8
    number, position = read_varint(data, position)
    if slot.type == "bool":
        return number != 0, position
    return signed(number, 32 if slot.type == "int32" else 64), position


def signed(number: int, bits: int) -> int:
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def write_scalar(out: bytearray, slot: Slot, value: Any) -> None:
    if slot.type == "double":
        out += struct.pack("<d", value)
    else:
        put_varint(out, int(value))


def skip(data: bytes, position: int, tag: int, depth: int) -> int:
    """The end of a field that nobody knows."""
    match tag & 7:
        case 0:
            return read_varint(data, position)[1]
        case 1:
            position += 8
        case 2:
            size, position = read_varint(data, position)
            position += size
        case 3:
            return _skip_group(data, position)
        case 5:
            position += 4
        case other:
            raise Malformed(f"illegal wireType {other}")
    if tag >> 3 == 0:
        raise Malformed(f"illegal tag {tag >> 3} (wire type {tag & 7})")
    if position > len(data):
        raise Malformed("unexpected EOF")
    return position


def _skip_group(data: bytes, position: int) -> int:
    depth = 1
    while depth:
        tag, position = read_varint(data, position)
        if tag & 7 == GROUP:
            depth += 1
            if depth > _MAX_GROUPS:
                raise Malformed("exceeded max depth")
        elif tag & 7 == END_GROUP:
            depth -= 1
        else:
            position = skip(data, position, tag, 0)
    return position


# --- small messages -----------------------------------------------------------------------------------------------


def fields_of(data: bytes) -> dict[int, Any]:
    """The fields of a small message by number: integers and bytes, the last of each; lists of bytes under -number."""
    found: dict[int, Any] = {}
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        if tag & 7 == 0:
            found[tag >> 3], position = read_varint(data, position)
        elif tag & 7 == LENGTH:
            size, position = read_varint(data, position)
            if position + size > len(data):
                raise Malformed("unexpected EOF")
            inside, position = data[position : position + size], position + size
            found[tag >> 3] = inside
            found.setdefault(-(tag >> 3), []).append(inside)
        else:
            position = skip(data, position, tag, 0)
    return found


def piece(fields: dict[int, Any], field: int) -> bytes:
    value = fields.get(field, b"")
    if not isinstance(value, bytes):
        raise Malformed(f"wrong wireType = 0 for field {field}")
    return value


def number(fields: dict[int, Any], field: int, bits: int) -> int:
    value = fields.get(field, 0)
    if not isinstance(value, int):
        raise Malformed(f"wrong wireType = {LENGTH} for field {field}")
    return signed(value, bits)
