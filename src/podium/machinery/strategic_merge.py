"""Carrying out a strategic merge patch on a plain tree: lists of objects merge by a key that the schema names.

What a patch may say beside plain values:

* `$patch: replace | delete` in an object, or `- $patch: delete` beside a merge key in a list
* `$deleteFromPrimitiveList/finalizers: [a]` removes from a list of scalars
* `$setElementOrder/containers: [{name: a}, {name: b}]` orders a list
* `$retainKeys: [type]` clears every other field of the object

Items with a new merge key come before those that only the server has. The result is that of Kubernetes' apimachinery
(API reference, "Strategic merge patch"). Making such patches is podium.machinery.strategic_diff.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podium.machinery import trees
from podium.machinery.errors import BadRequest
from podium.machinery.patch_json import PatchRejected
from podium.models.strategic import STRATEGIES
from podium.models.structure import ANY, Shape, fields

Tree = dict[str, Any]

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"
_BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
_BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
_BAD_ORDER = "invalid patch format of setElementOrder list"


@dataclass(frozen=True, slots=True)
class Meta:
    """How one field is patched."""

    shape: Shape
    merge: bool = False
    replace: bool = False
    retain_keys: bool = False
    merge_key: str = ""


def meta_of(shape: Shape, key: str) -> Meta:
    """What the schema says of a field of a value of that shape."""
    if shape.kind == "map":
        return Meta(shape.item or ANY)
    if shape.kind != "struct" or shape.struct is None:
        return Meta(ANY)
    found = fields(shape.struct).get(key)
    if found is None:
        raise BadRequest(f'unable to find api field in struct {shape.struct.__name__} for the json field "{key}"')
    owner = f"{shape.struct.__module__.rpartition('.')[2]}.{shape.struct.__name__}"
    strategies, merge_key = STRATEGIES.get(owner, {}).get(key, ((), ""))
    return Meta(found.shape, "merge" in strategies, "replace" in strategies, "retainKeys" in strategies, merge_key)


def root_shape(kind: type[Any]) -> Shape:
    return Shape("struct", struct=kind)


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges a patch into an object or, for three-way patches, into another patch, whose directives then stay."""

    onto_object: bool

    def objects(self, original: Tree | None, patch: Tree, shape: Shape) -> Tree:
        if DIRECTIVE in patch:
            return _directed(patch)
        result = dict(original or {})
        patch = dict(patch)
        self._retain_keys(result, patch)
        self._ordered_lists(result, patch, shape)
        for key, value in patch.items():
            if key.startswith(DELETE_FROM):
                self._delete_from(result, key, value, shape)
            elif value is None:
                if key in result or not self.onto_object:
                    self._put_null(result, key)
            else:
                self._field(result, key, value, shape)
        return result

    def _put_null(self, result: Tree, key: str) -> None:
        """Delete; in a patch, keep on asking for the deletion."""
        result.pop(key, None)
        if not self.onto_object:
            result[key] = None

    def _field(self, result: Tree, key: str, value: Any, shape: Shape) -> None:
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            meta = meta_of(shape, key)
            result[key] = value if meta.replace else self.objects(before, value, meta.shape)
        elif isinstance(before, list) and isinstance(value, list):
            meta = meta_of(shape, key)
            result[key] = self.lists(before, value, meta) if meta.merge else value
        else:
            self._take(result, key, value)

    def _take(self, result: Tree, key: str, value: Any) -> None:
        """A value that has nothing to merge with: as it is, but an object is left without directives."""
        if not self.onto_object:
            result[key] = value
            return
        plain = _plain(value)
        if plain is _NOTHING:
            result.pop(key, None)
        else:
            result[key] = plain

    def _delete_from(self, result: Tree, key: str, value: Any, shape: Shape) -> None:
        if not self.onto_object:
            result[key] = value
            return
        name = _directed_key(key, _BAD_PRIMITIVE_LIST)
        before = result.get(name)
        if not isinstance(value, list):
            raise BadRequest(_BAD_PRIMITIVE_LIST)
        if isinstance(before, list) and meta_of(shape, name).merge:
            gone = set(map(_identity(""), value))
            result[name] = [item for item in before if _identity("")(item) not in gone]

    def _retain_keys(self, result: Tree, patch: Tree) -> None:
        if RETAIN_KEYS not in patch:
            return
        keys = patch.pop(RETAIN_KEYS)
        if not self.onto_object:
            result.setdefault(RETAIN_KEYS, keys)
            return
        if not isinstance(keys, list):
            raise BadRequest(_BAD_RETAIN_KEYS)
        kept = {key for key in keys if isinstance(key, str)}
        for key, value in patch.items():
            if value is not None and not key.startswith((DELETE_FROM, SET_ORDER)) and key not in kept:
                raise BadRequest(_BAD_RETAIN_KEYS)
        for key in [key for key in result if key not in kept]:
            del result[key]

    def _ordered_lists(self, result: Tree, patch: Tree, shape: Shape) -> None:
        """Merge and order every list for which the patch has `$setElementOrder`, and take it off the patch."""
        for key in [key for key in patch if key.startswith(SET_ORDER)]:
            order = patch.pop(key)
            if not isinstance(order, list):
                raise BadRequest(_BAD_ORDER)
            if not self.onto_object and not trees.equal(result.setdefault(key, order), order):
                raise BadRequest(_BAD_ORDER)
            name = _directed_key(key, _BAD_ORDER)
            before, change = result.get(name), patch.get(name)
            if not isinstance(before, list | None) or not isinstance(change, list | None):
                wrong = change if not isinstance(change, list | None) else before
                raise BadRequest(f"expected a []interface {{}}, but received a {_go_type(wrong)}")
            meta = meta_of(shape, name)
            _check_order(change or [], order, meta.merge_key)
            if before is None and change is None:
                continue
            if change is None:
                merged = before or []
            elif before is None:
                merged = self._taken(change)
            else:
                merged = self.lists(before, change, meta) if meta.merge else change
            patch.pop(name, None)
            result[name] = _arranged(merged, order, before or [], meta.merge_key)

    def _taken(self, items: list[Any]) -> list[Any]:
        plain = _plain(items) if self.onto_object else items
        return plain if isinstance(plain, list) else []

    def lists(self, original: list[Any], patch: list[Any], meta: Meta) -> list[Any]:
        if not original and not patch:
            return original
        if not _of_objects(original, patch):
            identity = _identity("")
            merged = list({identity(item): item for item in [*original, *patch]}.values())
            return _arranged(merged, patch, original, "")
        if not meta.merge_key:
            raise BadRequest("cannot merge lists without merge key for type struct")
        original, patch = _special_items(original, patch, meta.merge_key)
        shape = meta.shape.item or ANY
        merged = list(original)
        identity = _identity(meta.merge_key)
        positions = _positions(merged, identity)
        for item in patch:
            found = positions.setdefault(identity(item), len(merged))
            if found < len(merged):
                merged[found] = self.objects(merged[found], item, shape)
            else:
                merged.append(_plain(item) if self.onto_object else item)
        return _arranged(merged, patch, original, meta.merge_key)


# --- directives ---------------------------------------------------------------------------------------------------

_NOTHING: Any = object()


def _directed(patch: Tree) -> Tree:
    """An object that says `$patch`: replace it with the rest, or empty it."""
    match patch[DIRECTIVE]:
        case "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        case "delete":
            return {}
        case other:
            raise BadRequest(f"unknown patch type: {trees.printed(other)} in map: {trees.printed(patch)}")


def _plain(value: Any) -> Any:
    """A value from a patch as an object may have it: without nulls and directives; _NOTHING if it says delete."""
    if isinstance(value, list):
        return [plain for plain in map(_plain, value) if plain is not _NOTHING]
    if not isinstance(value, dict):
        return value
    if value.get(DIRECTIVE) == "delete" or set(value) == {DIRECTIVE}:
        return _NOTHING
    result = {}
    for key, inner in value.items():
        if inner is None or key in (DIRECTIVE, RETAIN_KEYS) or key.startswith((DELETE_FROM, SET_ORDER)):
            continue
        plain = _plain(inner)
        if plain is not _NOTHING:
            result[key] = plain
    return result


def _directed_key(key: str, message: str) -> str:
    """The field that `$setElementOrder/containers` is about."""
    directive, slash, name = key.partition("/")
    if not slash or directive not in (SET_ORDER, DELETE_FROM):
        raise BadRequest(message)
    return name


def _special_items(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the items of a list that say `$patch`; what is left of both."""
    identity = _identity(merge_key)
    rest, deleted, replace = [], set(), False
    for item in patch:
        if DIRECTIVE not in item:
            rest.append(item)
            continue
        match item[DIRECTIVE]:
            case "delete":
                deleted.add(identity(item))
            case "replace":
                replace = True
            case "merge":
                raise BadRequest("merging lists cannot yet be specified in the patch")
            case other:
                raise BadRequest(f"unknown patch type: {trees.printed(other)} in map: {trees.printed(item)}")
    if replace:
        return rest, []
    return [one for one in original if identity(one) not in deleted] if deleted else original, rest


# --- lists --------------------------------------------------------------------------------------------------------


def key_of(item: Any, merge_key: str) -> Any:
    """The value of an item's merge key, which it must have."""
    if not isinstance(item, dict):
        raise BadRequest(f"expected a map[string]interface {{}}, but received a {_go_type(item)}")
    if merge_key not in item:
        raise BadRequest(f"map: {trees.printed(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _of_objects(*lists: list[Any]) -> bool:
    """Whether the items are objects; they must all be of one type, and not lists."""
    types = {_go_type(item) for items in lists for item in items}
    if any(name == "[]interface {}" for name in types):
        raise PatchRejected("lists of lists are not supported")
    if len(types) > 1:
        raise BadRequest(f"list element types are not identical: {trees.printed(list(lists))}")
    return types == {"map[string]interface {}"}


def _go_type(value: Any) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int64"
        case float():
            return "float64"
        case dict():
            return "map[string]interface {}"
    return "[]interface {}"


def _identity(merge_key: str) -> Callable[[Any], Any]:
    """What an item is told apart by: hashable, and true is not 1."""

    def identity(item: Any) -> Any:
        value = key_of(item, merge_key) if merge_key else item
        return (type(value), trees.printed(value) if isinstance(value, dict | list) else value)

    return identity


def _positions(items: list[Any], identity: Callable[[Any], Any]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for position, item in enumerate(items):
        found.setdefault(identity(item), position)
    return found


def sorted_by(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Items in the order of another list; those it doesn't have keep their place, those to be deleted come last."""
    identity = _identity(merge_key)
    positions = _positions(order, identity)
    deleted = [item for item in items if merge_key and item.get(DIRECTIVE) == "delete"]
    kept = [item for item in items if not (merge_key and item.get(DIRECTIVE) == "delete")]
    known = iter(
        sorted((item for item in kept if identity(item) in positions), key=lambda item: positions[identity(item)])
    )
    return [next(known) if identity(item) in positions else item for item in kept] + deleted


def _arranged(merged: list[Any], wanted: list[Any], server: list[Any], merge_key: str) -> list[Any]:
    """The merged list in order: what the patch names in its order, woven into what only the server has.

    The server's own order decides where the two meet; an item that the server doesn't know goes first.
    """
    identity = _identity(merge_key)
    asked = _positions(wanted, identity)
    known = _positions(server, identity)
    mine = sorted_by([item for item in merged if identity(item) in asked], wanted, merge_key)
    others = sorted_by([item for item in merged if identity(item) not in asked], server, merge_key)
    result, left, right = [], 0, 0
    while left < len(others) and right < len(mine):
        theirs, ours = known.get(identity(others[left])), known.get(identity(mine[right]))
        if theirs is not None and ours is not None and theirs < ours:
            result.append(others[left])
            left += 1
        else:
            result.append(mine[right])
            right += 1
    return result + mine[right:] + others[left:]


def _check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """What the patch has in a list must be in its `$setElementOrder`, and in the same order."""
    if not patch or not order:
        return
    identity = _identity(merge_key)
    wanted = iter(map(identity, order))
    for item in patch:
        if merge_key and isinstance(item, dict) and DIRECTIVE in item:
            continue
        if identity(item) not in wanted:  # consumes the iterator up to the match
            raise BadRequest(
                f"The order in patch list:\n{trees.printed(patch)}\n doesn't match {SET_ORDER} list:\n"
                f"{trees.printed(order)}\n"
            )
