"""Patch: a tree is applied to the current object, or to a part of it, and the result is written as an update would be.

A patch that names no resourceVersion is tried again on the newest object when others were quicker.
"""

from __future__ import annotations

from typing import Any

import msgspec

from podium.machinery import errors, field, patch_json, patch_merge, patch_strategic, strict
from podium.models import codec
from podium.registry import metadata
from podium.registry.core import Core
from podium.registry.parts import Part
from podium.registry.resources import Resource
from podium.registry.types import Entry, PatchType, Request
from podium.registry.update import replace


async def patch(
    core: Core,
    request: Request,
    res: Resource,
    target: tuple[str, str],
    tree: Any,
    patch_type: PatchType,
    part: Part,
) -> Entry:
    """`target` is (namespace, name)."""
    namespace, name = target

    def build(old: Entry) -> Any:
        if part.read:
            shown = part.read(old.object)
            before = codec.to_tree(shown)
        else:
            shown, before = old.object, msgspec.json.decode(old.data)
        after = apply(before, tree, patch_type, type(shown))
        if request.inspect is not None:
            request.inspect(after)
        new = _decoded(after, type(shown), patch_type)
        metadata.match_url(new.metadata, namespace, name)
        if new.metadata.resourceVersion == str(old.revision):
            new.metadata.resourceVersion = ""
        return new

    return await replace(core, request, res, namespace, name, build, part)


def apply(document: Any, tree: Any, patch_type: PatchType, kind: type[Any]) -> Any:
    match patch_type:
        case "json":
            return patch_json.apply(document, tree)
        case "merge":
            return patch_merge.apply(document, tree)
        case "strategic":
            return patch_strategic.apply(document, tree, kind)
    raise errors.UnsupportedMediaType(f"patch type {patch_type} is not served")


def _decoded(tree: Any, kind: type[Any], patch_type: PatchType) -> Any:
    """The struct that the patch made. A patch can't make another kind or version of an object.

    Kubernetes has a strategic merge patch applied to the type itself, where what it says of these means nothing.
    """
    new, expected = strict.from_patched(tree, kind), kind()
    said = (new.apiVersion or expected.apiVersion, new.kind or expected.kind)
    if said != (expected.apiVersion, expected.kind) and patch_type != "strategic":
        why = f'no kind "{said[1]}" is registered for version "{said[0]}"'
        raise errors.Invalid("", "", [field.invalid("patch", msgspec.json.encode(tree).decode(), why)])
    new.apiVersion, new.kind = expected.apiVersion, expected.kind
    return new
