"""Which Pods of a node want to know when an object changes: by name, so that other objects cost one look-up."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from podium.client.informers import Informers
from podium.models.core_v1 import ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret

Key = tuple[type[Any], str, str]
"""Kind, namespace, name."""
KINDS: tuple[type[Any], ...] = (ConfigMap, Secret, PersistentVolumeClaim, PersistentVolume)


class Interests:
    def __init__(self, informers: Informers) -> None:
        self._informers = informers
        self._wanted: dict[Key, dict[str, Callable[[], None]]] = {}
        self._keys: dict[str, frozenset[Key]] = {}
        self._ends: list[Callable[[], None]] = []

    def start(self) -> None:
        self._ends = [self._informers.of(kind).on_change(self._handler(kind)) for kind in KINDS]

    def stop(self) -> None:
        for end in self._ends:
            end()

    def want(self, uid: str, keys: Collection[Key], changed: Callable[[], None]) -> None:
        """Call `changed` whenever one of these objects comes, changes or goes, instead of for what it wanted before."""
        self.forget(uid)
        self._keys[uid] = frozenset(keys)
        for key in self._keys[uid]:
            self._wanted.setdefault(key, {})[uid] = changed

    def forget(self, uid: str) -> None:
        for key in self._keys.pop(uid, ()):
            del self._wanted[key][uid]
            if not self._wanted[key]:
                del self._wanted[key]

    def _handler(self, kind: type[Any]) -> Callable[[Any, Any], None]:
        def changed(old: Any, new: Any) -> None:
            metadata = (new or old).metadata
            for call in tuple(self._wanted.get((kind, metadata.namespace, metadata.name), {}).values()):
                call()

        return changed
