"""Values and the sets of their fields: which fields a value has, how two differ, merging one into another, leaving out.

The steps of server-side apply that need the schema (field_schema); who owns what is in apply. Values are plain trees;
none is ever changed. Behaviour follows structured-merge-diff, which Kubernetes uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from podium.machinery.field_schema import UNTYPED, Node
from podium.machinery.field_set import MEMBER, SELF, FieldSet, includes_self, keyed, printed, valued
from podium.machinery.trees import equal

_ABSENT: Any = object()


class SchemaError(ValueError):
    """A value that is not what its schema says."""


@dataclass(frozen=True, slots=True)
class Changes:
    added: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    removed: FieldSet = field(default_factory=dict)


def _deduced(node: Node, value: Any) -> Node:
    """What a value of no schema is by the looks of it: maps are merged, lists replaced."""
    if node.kind != "any":
        return node
    return _ANY_MAP if isinstance(value, dict) else _ANY_LEAF


_ANY_MAP = Node("map", item=UNTYPED)
_ANY_LEAF = Node("scalar")


# --- which fields there are -----------------------------------------------------------------------------------------


def fields_of(node: Node, value: Any) -> FieldSet:
    """What applying the value takes into possession: scalars, keys of maps, items of lists, but no structs."""
    node = _deduced(node, value)
    if not isinstance(value, dict) or node.atomic:
        return {}
    found = {}
    for name, inner in value.items():
        below = _below(node, name, inner)
        if below is not None:
            found[f"f:{name}"] = below
    return found


def _below(node: Node, name: str, value: Any) -> FieldSet | None:
    """What is in the set at and below a field of a map."""
    child = _deduced(node.child(name), value)
    if child.kind == "scalar" or child.atomic or value is None or value == {}:
        return MEMBER
    inside = _items_of(child, value) if child.kind == "list" else fields_of(child, value)
    if node.declares(name):
        return inside or None
    return {SELF: MEMBER, **inside} if inside else MEMBER


def _items_of(node: Node, value: Any) -> FieldSet:
    if not isinstance(value, list):
        return {}
    found = {}
    for step, item in _indexed(node, value).items():
        inside = {} if node.item is None or node.item.atomic else fields_of(node.item, item)
        found[step] = {SELF: MEMBER, **inside} if inside else MEMBER
    return found


def _indexed(node: Node, items: Any) -> dict[str, Any]:
    """The items by the steps that lead to them. Of those that can't be told apart the first."""
    found: dict[str, Any] = {}
    for item in items or ():
        found.setdefault(step_to(node, item), item)
    return found


def step_to(node: Node, item: Any) -> str:
    """The step to an item of a list that is merged; SchemaError if it has none."""
    if not node.keys:
        if isinstance(item, dict):
            raise SchemaError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise SchemaError("not supported: associative list with lists as elements")
        return valued(item)
    if not isinstance(item, dict):
        raise SchemaError("associative list with keys may not have non-map elements")
    values = {key: item.get(key, node.defaults.get(key)) for key in node.keys}
    known = {key: value for key, value in values.items() if value is not None}
    if not known:
        listed = " ".join(f'"{key}"' for key in node.keys)
        raise SchemaError(
            f"associative list with keys has an element that omits all key fields [{listed}] "
            "(and doesn't have default values for any key fields)"
        )
    return keyed(known)


# --- is it what the schema says -------------------------------------------------------------------------------------


def check(node: Node, value: Any) -> None:
    """SchemaError, naming all fields, for a value that cannot be applied: unknown fields, repeated items."""
    problems: list[str] = []
    _check(node, value, "", problems)
    if problems:
        raise SchemaError(
            problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in problems)
        )


def _check(node: Node, value: Any, path: str, problems: list[str]) -> None:
    if value is None or node.kind == "any":
        return
    match node.kind:
        case "scalar":
            wrong = _wrong_scalar(node, value)
            if wrong:
                problems.append(_told(path, wrong))
        case "map":
            if not isinstance(value, dict):
                problems.append(_told(path, f"expected map, got {_shown(value)}"))
                return
            for name, inner in value.items():
                if node.fields is not None and name not in node.fields:
                    problems.append(_told(f"{path}.{name}", "field not declared in schema"))
                else:
                    _check(node.child(name), inner, f"{path}.{name}", problems)
        case "list":
            if not isinstance(value, list):
                problems.append(_told(path, f"expected list, got {_shown(value)}"))
            else:
                _check_items(node, value, path, problems)


def _check_items(node: Node, items: list[Any], path: str, problems: list[str]) -> None:
    item_node = node.item or UNTYPED
    if node.atomic:
        for position, item in enumerate(items):
            _check(item_node, item, f"{path}[{position}]", problems)
        return
    seen = set()
    for position, item in enumerate(items):
        try:
            step = step_to(node, item)
        except SchemaError as error:
            problems.append(_told(path, f"element {position}: {error}"))
            continue
        if step in seen:
            problems.append(_told(path, f"duplicate entries for key {printed(step)}"))
        seen.add(step)
        _check(item_node, item, path + printed(step), problems)


def _wrong_scalar(node: Node, value: Any) -> str:
    match node.scalar:
        case "string" if not isinstance(value, str):
            return f"expected string, got {_shown(value)}"
        case "numeric" if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {_go_type(value)}"
        case "boolean" if not isinstance(value, bool):
            return f"expected boolean, got {_shown(value)}"
        case _ if isinstance(value, dict | list):
            return f"expected string, got {_shown(value)}"
    return ""


def _go_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "map[string]interface {}"
    return "[]interface {}"


def _shown(value: Any) -> str:
    """As Go prints what was sent."""
    match value:
        case bool():
            return f"&value.valueUnstructured{{Value:{str(value).lower()}}}"
        case str():
            return f'&value.valueUnstructured{{Value:"{value}"}}'
        case dict() | list():
            return f"&value.valueUnstructured{{Value:{_go_type(value)}}}"
    return f"&value.valueUnstructured{{Value:{value}}}"


def _told(path: str, what: str) -> str:
    return f"{path}: {what}" if path else what


# --- how two values differ ------------------------------------------------------------------------------------------


def compare(node: Node, old: Any, new: Any) -> Changes:
    """The fields that came, changed and went. A struct or item that came as a whole is among the fields that came."""
    changes = _compare(node, old, new)
    return Changes(*(part or {} for part in changes))


_Parts = tuple[FieldSet | None, FieldSet | None, FieldSet | None]
_SAME: _Parts = (None, None, None)


def _compare(node: Node, old: Any, new: Any) -> _Parts:
    if old == new and equal(old, new):
        return _SAME
    node = _deduced(node, old or new)
    if node.kind == "scalar" or node.atomic or not (old or new):
        return None, MEMBER, None
    if node.kind == "list":
        if not isinstance(old, list | None) or not isinstance(new, list | None):
            return None, MEMBER, None
        item = node.item or UNTYPED
        return _compare_each(lambda _: item, _indexed(node, old), _indexed(node, new), "")
    if not isinstance(old, dict | None) or not isinstance(new, dict | None):
        return None, MEMBER, None
    return _compare_each(node.child, old or {}, new or {}, "f:")


def _compare_each(child: Callable[[str], Node], old: dict[str, Any], new: dict[str, Any], prefix: str) -> _Parts:
    """Of a map or of a list's items by their steps. Objects are mostly new or mostly the same: that has to be quick."""
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    for name, value in new.items():
        if name not in old:
            if value is not None:  # `creationTimestamp: null` says nothing
                added[prefix + name] = _whole(child(name), value)
            continue
        parts = _compare(child(name), old[name], value)
        if parts is not _SAME:
            for found, part in zip((added, modified, removed), parts, strict=True):
                if part is not None:
                    found[prefix + name] = part
    for name, value in old.items():
        if name not in new:
            removed[prefix + name] = _whole(child(name), value)
    return added or None, modified or None, removed or None


def _whole(node: Node, value: Any) -> FieldSet:
    """Everything at and below a value that is there in only one of the two."""
    if not value or node.atomic or not isinstance(value, dict | list):
        return MEMBER
    node = _deduced(node, value)
    found: FieldSet = {SELF: MEMBER}
    if node.kind == "list":
        item = node.item or UNTYPED
        for step, one in _indexed(node, value).items():
            found[step] = _whole(item, one)
    elif node.kind == "map" and isinstance(value, dict):
        for name, inner in value.items():
            found["f:" + name] = _whole(node.child(name), inner)
    else:
        return MEMBER
    return found


# --- merging and leaving out ----------------------------------------------------------------------------------------


def merged(node: Node, live: Any, config: Any) -> Any:
    """The live value with the configuration in it: what the configuration doesn't say stays."""
    node = _deduced(node, config)
    if node.kind == "map" and not node.atomic and isinstance(live, dict) and isinstance(config, dict):
        both = dict(live)
        for name, value in config.items():
            both[name] = merged(node.child(name), live[name], value) if name in live else value
        return both
    if node.kind == "list" and not node.atomic and isinstance(live, list) and isinstance(config, list):
        return _merged_items(node, live, config)
    return config


def _merged_items(node: Node, live: list[Any], config: list[Any]) -> list[Any]:
    """Items of both: those of the configuration in its order, the others where they were among their neighbours."""
    before, wanted = _indexed(node, live), _indexed(node, config)
    item = node.item or UNTYPED
    rest = iter(wanted.items())
    shared = iter([step for step in wanted if step in before])
    found = []
    following = next(shared, None)
    for step, value in before.items():
        if step not in wanted:
            found.append(value)
        elif step == following:
            for new_step, new in rest:
                found.append(merged(item, before[new_step], new) if new_step in before else new)
                if new_step == step:
                    break
            following = next(shared, None)
    found.extend(merged(item, before[step], new) if step in before else new for step, new in rest)
    return found


def without(node: Node, value: Any, fields: FieldSet) -> Any:
    """The value without the fields of the set and all that is below them. What gets empty by that stays, empty."""
    node = _deduced(node, value)
    if node.atomic or not fields:
        return value
    if isinstance(value, dict):
        kept = {}
        for name, inner in value.items():
            below = fields.get(f"f:{name}")
            rest = inner if below is None else _without(node.child(name), inner, below)
            if rest is not _ABSENT:
                kept[name] = rest
        return kept
    if isinstance(value, list) and node.kind == "list":
        items = []
        for item in value:
            below = fields.get(step_to(node, item))
            rest = item if below is None else _without(node.item or UNTYPED, item, below)
            if rest is not _ABSENT:
                items.append(rest)
        return items
    return value


def _without(node: Node, value: Any, below: FieldSet) -> Any:
    return _ABSENT if includes_self(below) else without(node, value, below)


def with_structs(node: Node, fields: FieldSet) -> FieldSet:
    """The set with the structs that lead to its fields: it usually has only what is in them."""
    found = {}
    for step, below in fields.items():
        if step == SELF or not below:
            found[step] = below
            continue
        inside = with_structs(_following(node, step), below)
        found[step] = {SELF: MEMBER, **inside} if step[:2] == "f:" and node.declares(step[2:]) else inside
    return found


def _following(node: Node, step: str) -> Node:
    if step[:2] == "f:":
        return node.child(step[2:])
    return node.item or UNTYPED
