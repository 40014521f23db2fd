"""Writing ControllerRevisions: creating one in spite of colliding names, renumbering, deleting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from podium.client.client import Client
from podium.client.informers import Informer
from podium.controllers import references
from podium.controllers.history import revisions
from podium.machinery import errors
from podium.models import apps_v1, codec, meta_v1, owners
from podium.models.selectors import Selector


async def claim(
    client: Client, informer: Informer[apps_v1.ControllerRevision], owner: Any, selector: Selector
) -> Sequence[apps_v1.ControllerRevision]:
    """The owner's revisions, with those adopted that nobody owns and that its selector matches; oldest first."""
    own = references.controlled(informer, owner.metadata.uid)
    free = references.uncontrolled(informer, owner.metadata.namespace)
    return revisions.in_order(await references.act(client, owner, references.claims(owner, selector, own, free)))


async def create(
    client: Client, owner: Any, number: int, collisions: int, hash_label: str
) -> tuple[apps_v1.ControllerRevision, int]:
    """The revision of the owner as it is now, and how many collisions there have been by then.

    One of that name that records the same is the one that is wanted: the cache doesn't show it yet.
    """
    while True:
        revision = revisions.new(owner, number, collisions, hash_label)
        name, data = revision.metadata.name, revisions.data_of(revision)
        try:
            return await client.create(revision), collisions
        except errors.AlreadyExists:
            there = await client.get(apps_v1.ControllerRevision, owner.metadata.namespace, name)
            if revisions.data_of(there) == data and owners.is_controlled_by(there, owner):
                return there, collisions
            collisions += 1


async def renumber(client: Client, revision: apps_v1.ControllerRevision, number: int) -> apps_v1.ControllerRevision:
    """Make it the newest: what was rolled back to counts as a new revision."""
    if revision.revision == number:
        return revision
    changed = codec.copy(revision)
    changed.revision = number
    return await client.update(changed)


async def delete(client: Client, superfluous: Iterable[apps_v1.ControllerRevision]) -> None:
    for revision in superfluous:
        metadata = revision.metadata
        options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=metadata.uid))
        try:
            await client.delete(apps_v1.ControllerRevision, metadata.namespace, metadata.name, options)
        except errors.NotFound:
            continue
