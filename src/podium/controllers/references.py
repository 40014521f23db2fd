"""Who controls what: adoption of matching objects that nobody controls, release of those that no longer match.

An object has at most one controlling owner. A controller finds its objects by the owner's uid, and those it might adopt
by their namespace, through one index (`index_by_controller`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from podium.client.client import Client
from podium.client.informers import Informer
from podium.machinery import errors
from podium.models import codec, owners
from podium.models.selectors import Selector

T = TypeVar("T", bound=owners.Object)

CONTROLLER = "controller"
"""The index: the uid of the controlling owner, or "/" and the namespace for objects that have none."""


def _by_controller(obj: Any) -> Iterable[str]:
    controller = owners.controller_of(obj)
    return (controller.uid if controller is not None else "/" + obj.metadata.namespace,)


def index_by_controller(informer: Informer[Any]) -> None:
    informer.add_index(CONTROLLER, _by_controller)


def controlled(informer: Informer[T], uid: str) -> Sequence[T]:
    """The objects that the owner with that uid controls."""
    return informer.by_index(CONTROLLER, uid)


def uncontrolled(informer: Informer[T], namespace: str) -> Sequence[T]:
    """The objects of a namespace that nobody controls."""
    return informer.by_index(CONTROLLER, "/" + namespace)


@dataclass(frozen=True, slots=True)
class Claims(Generic[T]):
    """What an owner has, takes, and gives up."""

    keep: Sequence[T]
    adopt: Sequence[T]
    release: Sequence[T]


def matching(selector: Selector, objects: Iterable[T]) -> list[T]:
    """Those that the selector matches. Objects of one owner mostly have the same labels, so the last answer mostly
    serves for the next one."""
    result: list[T] = []
    known: dict[str, str] | None = None
    matches = False
    for obj in objects:
        labels = obj.metadata.labels
        if labels != known:
            known, matches = labels, selector.matches(labels)
        if matches:
            result.append(obj)
    return result


def claims(owner: Any, selector: Selector, own: Sequence[T], free: Sequence[T]) -> Claims[T]:
    """`own` are the objects that the owner controls, `free` those of its namespace that nobody does.

    An owner that is being deleted neither takes nor gives up anything.
    """
    keep = matching(selector, own)
    if owner.metadata.deletionTimestamp is not None:
        return Claims(keep, (), ())
    release = [obj for obj in own if not selector.matches(obj.metadata.labels)] if len(keep) < len(own) else ()
    adopt = [obj for obj in free if obj.metadata.deletionTimestamp is None and selector.matches(obj.metadata.labels)]
    return Claims(keep, adopt, release)


async def act(client: Client, owner: Any, claimed: Claims[T], finalizers: Sequence[str] = ()) -> Sequence[T]:
    """Carry out the claims; the objects that the owner controls afterwards. What is adopted gets the finalizers, what
    is released loses them."""
    if not claimed.adopt and not claimed.release:
        return claimed.keep
    if claimed.adopt:
        await _check_may_adopt(client, owner)
    adopted, _ = await asyncio.gather(
        asyncio.gather(*(_adopt(client, owner, obj, finalizers) for obj in claimed.adopt)),
        asyncio.gather(*(_release(client, owner, obj, finalizers) for obj in claimed.release)),
    )
    return [*claimed.keep, *(obj for obj in adopted if obj is not None)]


async def _check_may_adopt(client: Client, owner: Any) -> None:
    """Ask the API, not the cache, whether the owner is still there: otherwise what it adopts would be collected."""
    metadata = owner.metadata
    fresh = await client.get(type(owner), metadata.namespace, metadata.name)
    if fresh.metadata.uid != metadata.uid:
        raise errors.Conflict(metadata.name, metadata.name, f"uid is {fresh.metadata.uid}, not {metadata.uid}")
    if fresh.metadata.deletionTimestamp is not None:
        raise errors.Conflict(metadata.name, metadata.name, "it has just been deleted")


async def _adopt(client: Client, owner: Any, obj: T, finalizers: Sequence[str]) -> T | None:
    metadata = obj.metadata
    reference = codec.to_tree(owners.new_controller_ref(owner))
    fields: dict[str, Any] = {"ownerReferences": [reference], "uid": metadata.uid}
    if finalizers:
        fields["finalizers"] = list(finalizers)
    try:
        return await client.patch(type(obj), metadata.namespace, metadata.name, {"metadata": fields})
    except errors.NotFound:
        return None


async def _release(client: Client, owner: Any, obj: owners.Object, finalizers: Sequence[str]) -> None:
    metadata = obj.metadata
    reference = {"$patch": "delete", "uid": owner.metadata.uid}
    fields: dict[str, Any] = {"ownerReferences": [reference], "uid": metadata.uid}
    if finalizers:
        fields["$deleteFromPrimitiveList/finalizers"] = list(finalizers)
    try:
        await client.patch(type(obj), metadata.namespace, metadata.name, {"metadata": fields})
    except (errors.NotFound, errors.Invalid):
        return  # it is gone, or another one of that name is there
