"""Strategic merge patch on plain trees: carrying one out, and making one of two or three versions of an object.

How the parts work is in strategic_merge (carrying out) and strategic_diff (making).
"""

from __future__ import annotations

from typing import Any

from podium.machinery import trees
from podium.machinery.errors import BadRequest
from podium.machinery.strategic_diff import three_way, two_way
from podium.machinery.strategic_merge import Merger, root_shape

__all__ = ["apply", "three_way", "two_way"]


def apply(document: dict[str, Any], patch: Any, kind: type[Any]) -> dict[str, Any]:
    """The document as the patch leaves it; neither is changed. `kind` is the struct of the document.

    BadRequest for a patch that makes no sense, PatchRejected (422) for one that doesn't fit the document.
    """
    if not isinstance(patch, dict):
        raise BadRequest(f"json: cannot unmarshal {trees.kind(patch)} into Go value of type map[string]interface {{}}")
    return Merger(onto_object=True).objects(document, trees.copied(patch), root_shape(kind))
