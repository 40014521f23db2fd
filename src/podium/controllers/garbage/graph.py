"""Owners and dependents, across all kinds: a view of the shared informers by the uids of owners.

Of each object that has owners the name is noted under their uids; everything else is looked up in the informers. The
uids of owners that are known to be gone are remembered, so that a thousand Pods of one deleted ReplicaSet don't ask for
it a thousand times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from podium.client.informers import Informer, Informers
from podium.models import meta_v1
from podium.models.resources import ResourceType

References = tuple[meta_v1.OwnerReference, ...]
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """One object among all kinds: the key of the garbage collector's queue."""

    group: str
    kind: str
    namespace: str
    name: str
    uid: str


class Graph:
    def __init__(self, informers: Informers, resources: Sequence[ResourceType]) -> None:
        self.kinds: dict[tuple[str, str], tuple[ResourceType, Informer[Any]]] = {}
        for resource in resources:
            if (resource.group, resource.kind) in self.kinds:
                continue  # another version of the same objects
            self.kinds[resource.group, resource.kind] = (resource, informers.of(resource.model))
        self._dependents: dict[str, dict[Item, None]] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()

    def get(self, item: Item) -> Any | None:
        """The object, unless it is gone or another one has its name by now."""
        obj = self.kinds[item.group, item.kind][1].get(item.namespace, item.name)
        return obj if obj is not None and obj.metadata.uid == item.uid else None

    def note(self, item: Item, before: References, after: References) -> None:
        """The object's references were these and are those now."""
        for reference in before:
            dependents = self._dependents.get(reference.uid)
            if dependents is not None:
                dependents.pop(item, None)
                if not dependents:
                    del self._dependents[reference.uid]
        for reference in after:
            self._dependents.setdefault(reference.uid, {})[item] = None

    def dependents(self, uid: str) -> Iterator[tuple[Item, Any]]:
        """All objects that name the uid as an owner."""
        for item in tuple(self._dependents.get(uid, ())):
            obj = self.get(item)
            if obj is not None:
                yield item, obj

    def kind_of(self, reference: meta_v1.OwnerReference) -> tuple[ResourceType, Informer[Any]] | None:
        """The kind that a reference points to, whatever version it names; None for one that isn't looked after."""
        group, slash, _ = reference.apiVersion.rpartition("/")
        return self.kinds.get((group if slash else "", reference.kind))

    def remember_gone(self, uid: str) -> None:
        self._gone[uid] = None
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def is_known_gone(self, uid: str) -> bool:
        return uid in self._gone
