"""JSON Merge Patch (RFC 7386) on plain trees, and the patches that clients make of two or three versions."""

from __future__ import annotations

from typing import Any

from podium.machinery import trees
from podium.machinery.errors import BadRequest

Tree = dict[str, Any]


def apply(document: Any, patch: Any) -> Any:
    """The document as the patch leaves it; neither is changed, the result shares what it took from the document."""
    if not isinstance(patch, dict):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {trees.kind(patch)} into Go value of type "
            "map[string]interface {}"
        )
    return _merged(document, patch)


def _merged(document: Any, patch: Tree) -> Tree:
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = trees.copied(value)
    return result


def diff(original: Tree, modified: Tree) -> Tree:
    """The patch that turns one into the other; empty if they are equal."""
    patch: Tree = {key: None for key in original if key not in modified}
    for key, value in modified.items():
        before = original.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            inner = diff(before, value)
            if inner:
                patch[key] = inner
        elif key not in original or not trees.equal(before, value):
            patch[key] = value
    return patch


def three_way(original: Tree, modified: Tree, current: Tree) -> Tree:
    """What `apply` sends for kinds without a schema.

    Everything that differs between what there is (`current`) and what is wanted (`modified`) is set; what was wanted
    last time (`original`) and isn't any more is removed; what others have set stays.
    """
    changes = _nulls(diff(current, modified), keep=False)
    deletions = _nulls(diff(original, modified), keep=True)
    return _combined(deletions, changes)


def _nulls(patch: Tree, *, keep: bool) -> Tree:
    """Only the deletions of a patch, or all but them."""
    result: Tree = {}
    for key, value in patch.items():
        if isinstance(value, dict):
            inner = _nulls(value, keep=keep)
            if inner or (not keep and not value):
                result[key] = inner
        elif (value is None) == keep:
            result[key] = value
    return result


def _combined(first: Tree, second: Tree) -> Tree:
    """Two patches as one: the second wins."""
    result = dict(first)
    for key, value in second.items():
        before = result.get(key)
        result[key] = _combined(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result
