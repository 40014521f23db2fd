"""Owners and dependents, across all kinds: a view of the shared informers by the uids of owners.

Nothing is kept twice: each informer has an index from an owner's uid to its dependents, and owners are looked up by
their kind and name. Only the uids of owners that are known to be gone are remembered, so that a thousand Pods of one
deleted ReplicaSet don't ask for it a thousand times.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from podium.client.informers import Informer, Informers
from podium.models import meta_v1
from podium.models.resources import ResourceType

OWNER = "owner"
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """One object among all kinds: the key of the garbage collector's queue."""

    group: str
    kind: str
    namespace: str
    name: str
    uid: str


def owner_uids(obj: Any) -> Iterable[str]:
    return [reference.uid for reference in obj.metadata.ownerReferences]


class Graph:
    def __init__(self, informers: Informers, resources: Sequence[ResourceType]) -> None:
        self.kinds: dict[tuple[str, str], tuple[ResourceType, Informer[Any]]] = {}
        for resource in resources:
            if (resource.group, resource.kind) in self.kinds:
                continue  # another version of the same objects
            informer = informers.of(resource.model)
            informer.add_index(OWNER, owner_uids)
            self.kinds[resource.group, resource.kind] = (resource, informer)
        self._gone: OrderedDict[str, None] = OrderedDict()

    def get(self, item: Item) -> Any | None:
        """The object, unless it is gone or another one has its name by now."""
        obj = self.kinds[item.group, item.kind][1].get(item.namespace, item.name)
        return obj if obj is not None and obj.metadata.uid == item.uid else None

    def dependents(self, uid: str) -> Iterator[tuple[Item, Any]]:
        """All objects that name the uid as an owner."""
        for (group, kind), (_, informer) in self.kinds.items():
            for obj in informer.by_index(OWNER, uid):
                metadata = obj.metadata
                yield Item(group, kind, metadata.namespace, metadata.name, metadata.uid), obj

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
