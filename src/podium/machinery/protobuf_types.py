"""Types that JSON writes in their own way: times, quantities, int-or-string, raw JSON, lists in a message of their own.

Each has a codec between the bytes of its message and the value that a tree has.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import orjson

from podium.machinery import trees
from podium.machinery.protobuf_wire import (
    LENGTH,
    Malformed,
    Message,
    fields_of,
    message,
    number,
    piece,
    put_varint,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Messages(Protocol):
    """What decodes messages in turn."""

    def message(self, data: bytes, form: Message, depth: int) -> dict[str, Any]:
        """A message as a tree."""


Encode = Callable[[dict[str, Any], Message], bytes]
"""What encodes messages in turn."""


@dataclass(frozen=True, slots=True)
class Codec:
    decode: Callable[[bytes, Messages, int], Any]
    """(bytes, decoder, depth); None for a value that means absent."""
    encode: Callable[[Any, Encode], bytes]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("string contains invalid UTF-8") from error


def _varint_field(number: int, value: int) -> bytes:
    out = bytearray((number << 3,))
    put_varint(out, value)
    return bytes(out)


def _bytes_field(number: int, data: bytes) -> bytes:
    out = bytearray((number << 3 | LENGTH,))
    put_varint(out, len(data))
    return bytes(out + data)


# --- times ----------------------------------------------------------------------------------------------------------


def _moment(data: bytes) -> datetime | None:
    if not data:
        return None
    fields = fields_of(data)
    try:
        return _EPOCH + timedelta(seconds=number(fields, 1, 64), microseconds=number(fields, 2, 32) // 1000)
    except OverflowError as error:
        raise Malformed("time out of range") from error


def _decode_time(data: bytes, _decoder: Messages, _depth: int) -> str | None:
    moment = _moment(data)
    return _written(moment, "seconds") if moment is not None else None


def _decode_micro_time(data: bytes, _decoder: Messages, _depth: int) -> str | None:
    moment = _moment(data)
    return _written(moment, "microseconds") if moment is not None else None


def _written(moment: datetime, precision: str) -> str:
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _encode_time(value: str, _encode: Encode) -> bytes:
    if not value:
        return b""
    moment = datetime.fromisoformat(value)
    elapsed = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    seconds, rest = divmod(elapsed, timedelta(seconds=1))
    return _varint_field(1, seconds) + _varint_field(2, rest // _MICROSECOND * 1000)


# --- values ---------------------------------------------------------------------------------------------------------


def _decode_quantity(data: bytes, _decoder: Messages, _depth: int) -> str:
    return _text(piece(fields_of(data), 1)) or "0"


def _decode_int_or_string(data: bytes, _decoder: Messages, _depth: int) -> int | str:
    fields = fields_of(data)
    return _text(piece(fields, 3)) if number(fields, 1, 64) == 1 else number(fields, 2, 32)


def _encode_int_or_string(value: int | str, _encode: Encode) -> bytes:
    kind, number, text = (1, 0, value) if isinstance(value, str) else (0, value, "")
    return _varint_field(1, kind) + _varint_field(2, number) + _bytes_field(3, text.encode())


def _decode_bytes(data: bytes, _decoder: Messages, _depth: int) -> str:
    return base64.b64encode(data).decode()


def _encode_bytes(value: str, _encode: Encode) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise Malformed("illegal base64 data") from error


def _decode_json(data: bytes, _decoder: Messages, _depth: int) -> Any:
    """Raw JSON in a message of its own."""
    raw = piece(fields_of(data), 1)
    if not raw:
        return None
    try:
        tree = orjson.loads(raw)
        trees.check_depth(tree)
    except (orjson.JSONDecodeError, trees.TooDeep) as error:
        raise Malformed(f"cannot parse the JSON inside: {error}") from error
    return tree


def _encode_json(value: Any, _encode: Encode) -> bytes:
    return _bytes_field(1, orjson.dumps(value))


def _decode_items(data: bytes, _decoder: Messages, _depth: int) -> list[str]:
    return [_text(item) for item in fields_of(data).get(-1, [])]


def _encode_items(value: list[str], _encode: Encode) -> bytes:
    return b"".join(_bytes_field(1, item.encode()) for item in value)


# --- schemas that may be something else -----------------------------------------------------------------------------

_SCHEMA = "apiextensions.v1.JSONSchemaProps"


def _schema(data: bytes, decoder: Messages, depth: int) -> dict[str, Any]:
    form = message(_SCHEMA)
    assert form is not None
    return decoder.message(data, form, depth + 1)


def _encode_schema(value: Any, encode: Encode) -> bytes:
    form = message(_SCHEMA)
    assert form is not None
    return encode(value, form)


def _decode_schema_or_list(data: bytes, decoder: Messages, depth: int) -> Any:
    fields = fields_of(data)
    if 1 in fields:
        return _schema(piece(fields, 1), decoder, depth)
    return [_schema(item, decoder, depth) for item in fields.get(-2, [])]


def _encode_schema_or_list(value: Any, encode: Encode) -> bytes:
    if isinstance(value, list):
        return b"".join(_bytes_field(2, _encode_schema(item, encode)) for item in value)
    return _bytes_field(1, _encode_schema(value, encode))


def _decode_schema_or_bool(data: bytes, decoder: Messages, depth: int) -> Any:
    fields = fields_of(data)
    return _schema(piece(fields, 2), decoder, depth) if 2 in fields else bool(number(fields, 1, 64))


def _encode_schema_or_bool(value: Any, encode: Encode) -> bytes:
    if isinstance(value, bool):
        return _varint_field(1, value)
    return _varint_field(1, True) + _bytes_field(2, _encode_schema(value, encode))


def _decode_schema_or_strings(data: bytes, decoder: Messages, depth: int) -> Any:
    fields = fields_of(data)
    if 1 in fields:
        return _schema(piece(fields, 1), decoder, depth)
    return [_text(item) for item in fields.get(-2, [])]


def _encode_schema_or_strings(value: Any, encode: Encode) -> bytes:
    if isinstance(value, list):
        return b"".join(_bytes_field(2, item.encode()) for item in value)
    return _bytes_field(1, _encode_schema(value, encode))


_JSON = Codec(_decode_json, _encode_json)
_ITEMS = Codec(_decode_items, _encode_items)
CODECS: dict[str, Codec] = {
    "bytes": Codec(_decode_bytes, _encode_bytes),
    "quantity.Quantity": Codec(_decode_quantity, lambda value, _: _bytes_field(1, str(value).encode())),
    "intstr.IntOrString": Codec(_decode_int_or_string, _encode_int_or_string),
    "meta.v1.Time": Codec(_decode_time, _encode_time),
    "meta.v1.MicroTime": Codec(_decode_micro_time, _encode_time),
    "meta.v1.FieldsV1": _JSON,
    "meta.v1.Verbs": _ITEMS,
    "runtime.RawExtension": _JSON,
    "apiextensions.v1.JSON": _JSON,
    "apiextensions.v1.JSONSchemaPropsOrArray": Codec(_decode_schema_or_list, _encode_schema_or_list),
    "apiextensions.v1.JSONSchemaPropsOrBool": Codec(_decode_schema_or_bool, _encode_schema_or_bool),
    "apiextensions.v1.JSONSchemaPropsOrStringArray": Codec(_decode_schema_or_strings, _encode_schema_or_strings),
    "authentication.v1.ExtraValue": _ITEMS,
    "authorization.v1.ExtraValue": _ITEMS,
    "certificates.v1.ExtraValue": _ITEMS,
}
