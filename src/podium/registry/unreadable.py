"""Stored objects that can't be read: a bit of the file has flipped, or a newer Podium wrote what this one doesn't know.

The server starts all the same, and its log says which object and why. Nothing is lost: the stored value stays as it is,
and its name stays taken. As in Kubernetes, reading the object, changing it and listing where it should be listed are
errors, so that nobody takes what can be read for all there is. Components in this process go on with what can be read,
since they ask once more before they destroy anything because of what isn't there.

A DELETE by name removes it for good, without admission, grace or finalizers, which nobody can know of (Kubernetes asks
for the option ignoreStoreReadErrorWithClusterBreakingPotential, which is alpha, and for a right of its own). A uid as
precondition is refused: nobody can say whether it holds. What every cluster begins with is made again at once; the
ServiceAccount "default" of the namespace "default", and where the API listens, when the server starts the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from podium.machinery import errors
from podium.models.meta_v1 import StatusCause, StatusDetails

NAMED = 5
"""How many objects the message of a list names; its details have all that Kubernetes would show."""
MOST_CAUSES = 100


@dataclass(frozen=True, slots=True)
class Unreadable:
    key: str
    revision: int
    why: str
    """Never what is in the object: it may be a Secret."""


class CorruptObject(errors.InternalError):
    """What a read or change of the object is answered with."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(
            f"Internal error occurred: StorageError: corrupt object, Code: 7, Key: /registry{key}, "
            f"ResourceVersion: 0, AdditionalErrorMsg: object not decodable: {why}"
        )


def list_error(group_resource: str, prefix: str, found: Sequence[Unreadable]) -> errors.StoreReadError:
    """What a list is answered with that these should be in."""
    plural, _, group = group_resource.partition(".")
    names = ", ".join(one.key.removeprefix(prefix) for one in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    causes = tuple(
        StatusCause(reason="UnexpectedServerResponse", field=f"/registry{one.key}", message=one.why)
        for one in found[:MOST_CAUSES]
    )
    return errors.StoreReadError(
        f"failed to read one or more {group_resource} from the storage: {names}{more}",
        details=StatusDetails(group=group, kind=plural, name=f"/registry{prefix}", causes=causes),
    )


def mismatch(obj: Any, expected: tuple[str, str, str], key: str) -> str:
    """What is wrong with an object that could be decoded; "" if nothing is. `expected` is (kind, apiVersion, key that
    the object says it has)."""
    kind, version, own = expected
    if (obj.kind, obj.apiVersion) != (kind, version):
        return f"it says that it is a {obj.apiVersion} {obj.kind}"
    return "" if own == key else f"it says that its key is /registry{own}"
