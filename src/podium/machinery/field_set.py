"""Sets of fields, as metadata.managedFields carries them (KEP-555, "FieldsV1").

A set is its own wire form: a tree of dicts whose keys are steps, `f:name` for a field or a map's key,
`k:{"name":"web"}` for an item of a list with keys, `v:"x"` for a member of a set, `i:0` for a position. A step without
anything inside is in the set itself; one with something inside is in it only if it holds ".". The empty tree at the
top is the empty set.

    {"f:spec": {"f:replicas": {}, "f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': {"f:name": {}}}}}

is .spec.replicas, .spec.ports and .spec.ports[port=80,protocol="TCP"].name. Sets are shared and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from podium.machinery import field

FieldSet = dict[str, Any]

SELF = "."
MEMBER: FieldSet = {}
"""What is below a step that is in the set with nothing inside."""


class Malformed(ValueError):
    """This is no set of fields."""


def parse(tree: Any) -> FieldSet:
    """The set that a client sent, in its canonical form."""
    if not isinstance(tree, dict):
        raise Malformed("a set of fields is an object")
    found = {}
    for step, inside in tree.items():
        if step == SELF:
            found[SELF] = MEMBER
        else:
            found[_parsed(step)] = parse(inside)
    if set(found) == {SELF}:
        return MEMBER
    return found


def _parsed(step: str) -> str:
    kind, colon, rest = step.partition(":")
    if not colon or kind not in ("f", "k", "v", "i"):
        raise Malformed(f"unknown step {step!r}")
    if kind == "f":
        return step
    try:
        value = msgspec.json.decode(rest)
    except msgspec.DecodeError as error:
        raise Malformed(f"{step!r}: {error}") from None
    if kind == "k":
        if not isinstance(value, dict) or not value:
            raise Malformed(f"{step!r} has no keys")
        return keyed(value)
    if kind == "v":
        return valued(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"{step!r} is no position")
    return f"i:{value}"


def keyed(values: dict[str, Any]) -> str:
    """The step to the list item with these keys."""
    return "k:" + msgspec.json.encode(values, order="sorted").decode()


def valued(value: Any) -> str:
    """The step to the member of a set."""
    return "v:" + msgspec.json.encode(value).decode()


def canonical(tree: FieldSet) -> FieldSet:
    """The same set with its steps in order, so that equal sets are encoded equally."""
    return {step: canonical(tree[step]) if tree[step] else MEMBER for step in sorted(tree)}


def includes_self(tree: FieldSet) -> bool:
    """Of what is below a step: whether the step is in the set itself."""
    return not tree or SELF in tree


def _node(member: bool, inside: FieldSet) -> FieldSet | None:
    """What is below a step; None if that is nothing at all."""
    if not inside:
        return MEMBER if member else None
    return {SELF: MEMBER, **inside} if member else inside


def _inside(tree: FieldSet) -> Iterator[tuple[str, FieldSet]]:
    return ((step, below) for step, below in tree.items() if step != SELF)


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left or not right or left is right:
        return left or right
    both = dict(left)
    for step, below in right.items():
        if step == SELF or step not in both:
            both[step] = below
            continue
        there = both[step]
        if there is not below:
            member = includes_self(there) or includes_self(below)
            inside = union(dict(_inside(there)), dict(_inside(below)))
            both[step] = _node(member, inside)
    return both


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    common: FieldSet = {}
    for step, below in _inside(left):
        other = right.get(step)
        if other is None:
            continue
        member = includes_self(below) and includes_self(other)
        node = _node(member, intersection(below, other))
        if node is not None:
            common[step] = node
    return common


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """What is in `left` and not in `right`, each path on its own: what is below a path of `right` stays."""
    rest: FieldSet = {}
    for step, below in _inside(left):
        other = right.get(step)
        if other is None:
            rest[step] = below
            continue
        member = includes_self(below) and not includes_self(other)
        node = _node(member, difference(below, other))
        if node is not None:
            rest[step] = node
    return rest


def contains(tree: FieldSet, path: tuple[str, ...]) -> bool:
    for step in path:
        if step not in tree:
            return False
        tree = tree[step]
    return bool(path) and includes_self(tree)


def paths(tree: FieldSet, before: str = "") -> Iterator[str]:
    """The paths in the set as errors print them, those of a level before what is below: `.spec.ports[port=80].name`."""
    steps = [(before + printed(step), tree[step]) for step in sorted(tree) if step != SELF]
    for path, below in steps:
        if includes_self(below):
            yield path
    for path, below in steps:
        yield from paths(below, path)


def printed(step: str) -> str:
    kind, _, rest = step.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "i":
        return f"[{rest}]"
    value = msgspec.json.decode(rest)
    if kind == "v":
        return f"[={_scalar(value)}]"
    return f"[{','.join(f'{key}={_scalar(value[key])}' for key in sorted(value))}]"


def _scalar(value: Any) -> str:
    return field.quote(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
