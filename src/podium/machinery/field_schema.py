"""What a kind's fields are to server-side apply: scalars, maps and lists, merged or replaced as a whole.

The facts are in models/topology.py, the fields themselves are the structs'. A kind without a schema is UNTYPED: its
maps are merged, its lists are replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from podium.models.structure import Shape, fields
from podium.models.topology import ATOMIC_MAPS, ATOMIC_STRUCTS, GRANULAR, LISTS

Scalar = Literal["string", "numeric", "boolean", ""]

_SCALARS: dict[str, Scalar] = {
    "string": "string",
    "bytes": "string",
    "time": "string",
    "bool": "boolean",
    "int32": "numeric",
    "int64": "numeric",
    "float": "numeric",
}

_KEY_DEFAULTS: dict[str, dict[str, Any]] = {
    "core_v1.Container.ports": {"protocol": "TCP"},
    "core_v1.EphemeralContainer.ports": {"protocol": "TCP"},
    "core_v1.ServiceSpec.ports": {"protocol": "TCP"},
    "core_v1.PodSpec.imagePullSecrets": {"name": ""},
    "core_v1.ServiceAccount.secrets": {"name": ""},
}
"""What a key is that an item leaves out. Kubernetes' defaults, which the schemas tell only in words."""


@dataclass(slots=True)
class Node:
    """The type of a value. Known before its fields are: a schema may contain itself."""

    kind: Literal["scalar", "map", "list", "any"]
    atomic: bool = False
    scalar: Scalar = ""
    """What a scalar has to be; "" for what may be more than one thing, as a quantity."""
    fields: dict[str, Node] | None = None
    """Of a struct: nothing else may be in it."""
    item: Node | None = None
    """Of a map or a list: what is in it."""
    keys: tuple[str, ...] = ()
    """What tells the items of a merged list apart; none for a set of scalars."""
    defaults: dict[str, Any] = field(default_factory=dict)

    def child(self, name: str) -> Node:
        """The type of a map's or struct's field."""
        if self.fields is not None:
            return self.fields.get(name, UNTYPED)
        return self.item or UNTYPED

    def declares(self, name: str) -> bool:
        """Whether the name is a struct's field rather than a key that somebody chose."""
        return self.fields is not None and name in self.fields


UNTYPED = Node("any")

_NODES: dict[tuple[type[Any], bool], Node] = {}


def of(struct: type[Any]) -> Node:
    """The schema of a kind."""
    return _struct(struct, _name(struct) in ATOMIC_STRUCTS)


def _name(struct: type[Any]) -> str:
    return f"{struct.__module__.rpartition('.')[2]}.{struct.__name__}"


def _struct(struct: type[Any], atomic: bool) -> Node:
    node = _NODES.get((struct, atomic))
    if node is None:
        node = _NODES[struct, atomic] = Node("map", atomic)
        node.fields = {name: _field(struct, name, known.shape) for name, known in fields(struct).items()}
    return node


def _field(struct: type[Any], name: str, shape: Shape) -> Node:
    owner = _name(struct)
    path = f"{owner}.{name}"
    match shape.kind:
        case "struct":
            assert shape.struct is not None
            return _struct(shape.struct, _name(shape.struct) in ATOMIC_STRUCTS and path not in GRANULAR)
        case "list":
            keys = LISTS.get(owner, {}).get(name)
            item = _inner(shape)
            return Node("list", keys is None, item=item, keys=keys or (), defaults=_KEY_DEFAULTS.get(path, {}))
        case "map":
            return Node("map", path in ATOMIC_MAPS, item=_inner(shape))
        case "any":
            return UNTYPED
    return Node("scalar", scalar=_SCALARS.get(shape.kind, ""))


def _inner(shape: Shape) -> Node:
    """The type of what a list or map holds. Lists in lists and in maps are always replaced."""
    item = shape.item
    assert item is not None
    match item.kind:
        case "struct":
            assert item.struct is not None
            return _struct(item.struct, _name(item.struct) in ATOMIC_STRUCTS)
        case "list":
            return Node("list", True, item=_inner(item))
        case "map":
            return Node("map", item=_inner(item))
        case "any":
            return UNTYPED
    return Node("scalar", scalar=_SCALARS.get(item.kind, ""))
