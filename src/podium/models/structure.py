"""What a struct is made of, by the wire's names: the plan by which patches, strict decoding and protobuf walk a tree.

Worked out once a struct, from its annotations, when first asked for.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from podium.models.base import Int32, Int64
from podium.models.quantity import Quantity

Kind = Literal["struct", "list", "map", "any", "string", "int32", "int64", "float", "bool", "bytes", "time"]
_SCALARS: dict[Any, Kind] = {
    str: "string",
    bool: "bool",
    float: "float",
    bytes: "bytes",
    datetime: "time",
    int: "int64",
    Int32: "int32",
    Int64: "int64",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of a value."""

    kind: Kind | Literal["quantity", "intstr"]
    struct: type[Any] | None = None
    """The class, if kind is "struct"."""
    item: Shape | None = None
    """What a list or a map holds."""

    @property
    def inner(self) -> Shape:
        """What is inside all lists and maps."""
        return self.item.inner if self.item is not None else self


ANY = Shape("any")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    """On the wire, e.g. "continue"."""
    attribute: str
    """In Python, e.g. "continue_"."""
    shape: Shape
    optional: bool
    """Whether None stands for absent."""


_FIELDS: dict[type[Any], dict[str, Field]] = {}


def fields(struct: type[Any]) -> dict[str, Field]:
    """The fields of a struct by their names on the wire."""
    found = _FIELDS.get(struct)
    if found is None:
        found = _FIELDS[struct] = _fields(struct)
    return found


def _fields(struct: type[Any]) -> dict[str, Field]:
    hints = typing.get_type_hints(struct, include_extras=True)
    found = {}
    for info in msgspec.structs.fields(struct):
        annotation = hints[info.name]
        found[info.encode_name] = Field(info.encode_name, info.name, _shape(annotation), _optional(annotation))
    return found


def _members(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return [member for member in typing.get_args(annotation) if member is not type(None)]
    return [annotation]


def _optional(annotation: Any) -> bool:
    return annotation is Any or type(None) in typing.get_args(annotation)


def _shape(annotation: Any) -> Shape:
    members = _members(annotation)
    if len(members) > 1:
        if set(members) != {Int32, str}:
            raise TypeError(f"no shape for {annotation}")
        return Shape("intstr")
    (member,) = members
    if member is Any:
        return ANY
    if member in _SCALARS:
        return Shape(_SCALARS[member])
    if member is Quantity:
        return Shape("quantity")
    origin, arguments = typing.get_origin(member), typing.get_args(member)
    if origin is tuple:
        return Shape("list", item=_shape(arguments[0]))
    if origin is dict:
        return Shape("map", item=_shape(arguments[1]))
    if isinstance(member, type) and issubclass(member, msgspec.Struct):
        return Shape("struct", struct=member)
    raise TypeError(f"no shape for {annotation}")
