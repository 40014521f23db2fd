"""JSON bytes to structs and back, and copies.

Decoding checks types and ranges. `null` stands for the zero value everywhere in Kubernetes, which a typed decode
doesn't know: what it refuses is tried once more without nulls.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from podium.models.quantity import Quantity

T = TypeVar("T")

DecodeError = msgspec.ValidationError


def _decode_hook(kind: type, value: Any) -> Any:
    if kind is Quantity and isinstance(value, str | int | float) and not isinstance(value, bool):
        return Quantity(value)
    raise ValueError(f"cannot be read as a {kind.__name__}")


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Quantity):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not part of any Kubernetes type")


_encoder = msgspec.json.Encoder(enc_hook=_encode_hook)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=_decode_hook)
    return decoder


def encode(value: Any) -> bytes:
    """JSON, compact, fields in the order of the struct."""
    return _encoder.encode(value)


_sorting_encoder = msgspec.json.Encoder(enc_hook=_encode_hook, order="sorted")
_ESCAPED_IN_GO = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
}


def canonical(value: Any) -> bytes:
    """JSON as Go marshals a map: compact, all keys sorted, and <, > and & escaped. Equal values give equal bytes."""
    data = _sorting_encoder.encode(value)
    for raw, escaped in _ESCAPED_IN_GO.items():
        if raw in data:  # only ever inside strings
            data = data.replace(raw, escaped)
    return data


def decode(data: bytes, kind: type[T]) -> T:
    """The struct that the JSON says; DecodeError with the path, or msgspec.DecodeError if it is no JSON."""
    try:
        return _decoder(kind).decode(data)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        return from_tree(msgspec.json.decode(data), kind)


def to_tree(value: Any) -> Any:
    """Dicts, lists and scalars, as JSON would have them (times as strings, bytes as base64)."""
    return msgspec.json.decode(_encoder.encode(value))


def from_tree(tree: Any, kind: type[T]) -> T:
    """The struct that the tree says, with null as the zero value; DecodeError with the path."""
    return msgspec.convert(without_nulls(tree), kind, dec_hook=_decode_hook, builtin_types=())


def without_nulls(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: without_nulls(value) for key, value in tree.items() if value is not None}
    if isinstance(tree, list | tuple):
        return [without_nulls(value) for value in tree]
    return tree


def copy(value: T) -> T:
    """A deep copy that may be changed freely."""
    return _decoder(type(value)).decode(_encoder.encode(value))  # type: ignore[no-any-return]
