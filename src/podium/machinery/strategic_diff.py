"""Strategic merge patches made of two or three versions of an object: what `edit`, `set` and `apply` send."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from podium.machinery import trees
from podium.machinery.strategic_merge import (
    DELETE_FROM,
    DIRECTIVE,
    RETAIN_KEYS,
    SET_ORDER,
    Merger,
    Meta,
    key_of,
    meta_of,
    root_shape,
    sorted_by,
)
from podium.models.structure import ANY, Shape

Tree = dict[str, Any]


def two_way(original: Tree, modified: Tree, kind: type[Any]) -> Tree:
    """The patch that turns one into the other; empty if they are equal."""
    return _Differ().objects(original, modified, root_shape(kind))


def three_way(original: Tree, modified: Tree, current: Tree, kind: type[Any]) -> Tree:
    """The patch that `apply` sends.

    It sets everything in which what there is (`current`) differs from what is wanted (`modified`), deletes what was
    wanted last time (`original`) and isn't any more, and leaves alone what others have set.
    """
    shape = root_shape(kind)
    changes = _Differ(deletions=False).objects(current, modified, shape)
    deletions = _Differ(changes=False).objects(original, modified, shape)
    return Merger(onto_object=False).objects(deletions, changes, shape)


@dataclass(frozen=True, slots=True)
class _Differ:
    changes: bool = True
    """Whether changes and additions are wanted."""
    deletions: bool = True
    retain_keys: bool = False

    def objects(self, original: Tree, modified: Tree, shape: Shape) -> Tree:
        patch: Tree = {}
        for key, value in modified.items():
            before = original.get(key)
            if key not in original or trees.kind(before) != trees.kind(value):
                if self.changes:
                    patch[key] = value
            elif isinstance(value, dict):
                self._object(patch, key, before, value, shape)
            elif isinstance(value, list):
                self._list(patch, key, before, value, shape)
            elif self.changes and not trees.equal(before, value):
                patch[key] = value
        if self.deletions:
            patch.update({key: None for key in original if key not in modified})
        if self.retain_keys:
            kept = sorted(key for key, value in modified.items() if value is not None)
            lost = any(value is not None and key not in modified for key, value in original.items())
            if kept and (patch or lost):
                patch[RETAIN_KEYS] = kept
        return patch

    def _object(self, patch: Tree, key: str, before: Any, value: Tree, shape: Shape) -> None:
        if trees.equal(before, value):
            return
        meta = meta_of(shape, key)
        if meta.replace:
            if self.changes:
                patch[key] = value
            return
        inner = replace(self, retain_keys=meta.retain_keys).objects(before, value, meta.shape)
        if inner:
            patch[key] = inner

    def _list(self, patch: Tree, key: str, before: Any, value: list[Any], shape: Shape) -> None:
        if trees.equal(before, value):
            return
        meta = meta_of(shape, key)
        if not meta.merge:
            if self.changes:
                patch[key] = value
            return
        if not before:
            if self.changes and value:
                patch[key] = value
            return
        items = [*before, *value]
        if isinstance(items[0], dict):
            self._merged_objects(patch, key, before, value, meta)
        else:
            self._merged_scalars(patch, key, before, value)

    def _merged_objects(self, patch: Tree, key: str, before: list[Any], value: list[Any], meta: Meta) -> None:
        merge_key = meta.merge_key
        old = {_text(key_of(item, merge_key)): item for item in before}
        new = {_text(key_of(item, merge_key)): item for item in value}
        inner = replace(self, retain_keys=meta.retain_keys)
        items: list[Any] = []
        for name in sorted({*old, *new}):
            if name not in old:
                if self.changes:
                    items.append(new[name])
            elif name in new:
                change = inner.objects(old[name], new[name], meta.shape.item or ANY)
                if change:
                    items.append({**change, merge_key: new[name][merge_key]})
        items = sorted_by(items, value, merge_key)
        if self.deletions:
            items += [{merge_key: old[name][merge_key], DIRECTIVE: "delete"} for name in sorted(old) if name not in new]
        same_order = [key_of(item, merge_key) for item in before] == [key_of(item, merge_key) for item in value]
        if (self.changes and (items or not same_order)) or (self.deletions and items):
            order = [{merge_key: item[merge_key]} for item in value]
            if order:
                patch[f"{SET_ORDER}/{key}"] = order
        if items:
            patch[key] = items

    def _merged_scalars(self, patch: Tree, key: str, before: list[Any], value: list[Any]) -> None:
        old, new = set(map(_text, before)), set(map(_text, value))
        added = [item for item in value if _text(item) not in old] if self.changes else []
        gone = {_text(item): item for item in before if _text(item) not in new} if self.deletions else {}
        if added:
            patch[key] = added
        if gone:
            patch[f"{DELETE_FROM}/{key}"] = [gone[name] for name in sorted(gone)]
        if value and (self.changes or gone):
            patch[f"{SET_ORDER}/{key}"] = value


def _text(value: Any) -> str:
    return trees.printed(value)
