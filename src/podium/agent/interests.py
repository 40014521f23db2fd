"""Which objects a Pod wants to hear of: those that it shows, by name, so that no other object costs anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from podium.client.informers import Informers
from podium.models.core_v1 import ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret

Key = tuple[type[Any], str, str]
"""Kind, namespace, name."""
KINDS: tuple[type[Any], ...] = (ConfigMap, Secret, PersistentVolumeClaim, PersistentVolume)
INDEX = "namespace/name"


def _by_name(obj: Any) -> Iterable[str]:
    return (f"{obj.metadata.namespace}/{obj.metadata.name}",)


class Interests:
    def __init__(self, informers: Informers) -> None:
        self._informers = informers
        self._keys: dict[str, frozenset[Key]] = {}
        self._ends: dict[str, list[Callable[[], None]]] = {}

    async def start(self) -> None:
        """Return when every object is known that there is at this moment."""
        for kind in KINDS:
            self._informers.of(kind).add_index(INDEX, _by_name)
        for kind in KINDS:
            await self._informers.of(kind).has_synced.wait()

    def get(self, kind: type[Any], namespace: str, name: str) -> Any:
        """The object as it was last heard of; None if there is none."""
        return self._informers.of(kind).get(namespace, name)

    def want(self, uid: str, keys: Collection[Key], changed: Callable[[], None]) -> None:
        """Call `changed` whenever one of these objects comes, changes or goes, and for no others."""
        wanted = frozenset(keys)
        if wanted == self._keys.get(uid, frozenset()):
            return
        self.forget(uid)
        self._keys[uid] = wanted
        told = False

        def tell(_old: object, _new: object) -> None:
            if told:  # what is there already is no news
                changed()

        self._ends[uid] = [
            self._informers.of(kind).on_index(INDEX, f"{namespace}/{name}", tell) for kind, namespace, name in wanted
        ]
        told = True

    def forget(self, uid: str) -> None:
        self._keys.pop(uid, None)
        for end in self._ends.pop(uid, ()):
            end()
