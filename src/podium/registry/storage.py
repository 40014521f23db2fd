"""The current objects of each resource in memory, their recent changes, and who watches them.

Fed by the store's subscription only: what is shown here is durable. A change costs what it touches: watchers of one
object, one namespace or one node are found by index, not by asking all of them.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from podium.machinery import errors
from podium.models import codec
from podium.registry.resources import Resource
from podium.registry.types import Entry, WatchEvent
from podium.registry.unreadable import CorruptObject, Unreadable, list_error, mismatch
from podium.registry.wire import Wire
from podium.store.port import Change

RING_EVENTS = 4096
"""How many recent changes of a resource are kept in memory; a watch that resumes before them reads the store."""
RING_BYTES = 8 * 1024 * 1024

Values = Callable[[Entry], str]


class Event:
    """One change of one object."""

    __slots__ = ("_gone", "deleted", "entry", "old", "plain", "revision")

    def __init__(self, entry: Entry, old: Entry | None, deleted: bool) -> None:
        self.revision = entry.revision
        self.entry = entry
        """The object as it is now; of a deletion, as it last was, at the revision of the deletion."""
        self.old = old
        self.deleted = deleted
        self.plain = WatchEvent("DELETED" if deleted else "MODIFIED" if old else "ADDED", entry, entry.revision)
        """What a watcher without selector sees."""
        self._gone: WatchEvent | None = None

    def gone(self, collection: Collection) -> WatchEvent:
        """What a watcher sees whose selector the object has left: a deletion of the object as it was."""
        if self._gone is None:
            assert self.old is not None, "only an object that was there can leave"
            self._gone = WatchEvent("DELETED", collection.at(self.old, self.revision), self.revision)
        return self._gone


class Write:
    """What goes to the store with a write and comes back in the change: the object, and then the entry it became."""

    __slots__ = ("entry", "object")

    def __init__(self, obj: Any) -> None:
        self.object = obj
        self.entry: Entry | None = None


class Collection:
    """The objects of one resource. `watchers` are told of every change that their index names."""

    def __init__(self, resource: Resource, revision: int) -> None:
        self.resource = resource
        self.prefix = f"/{resource.group_resource}/"
        self.wire = Wire(resource.kind, resource.api_version)
        self.entries: dict[str, Entry] = {}
        self.namespaces: dict[str, dict[str, Entry]] = {}
        self.unreadable: dict[str, Unreadable] = {}
        """What is stored and can't be read, by key. It is in none of the others."""
        self.readable_since = 0
        """From which revision on every change can be shown."""
        self.revision = revision
        """The revision of the newest change of this resource."""
        self.listeners: list[Callable[[Event], None]] = []
        """Called with every change, in order, for what keeps account of a kind (allocators, expiry)."""
        self._ring: deque[Event] = deque()
        self._ring_bytes = 0
        self._ring_start = revision
        self._everyone: dict[Watcher, None] = {}
        self._by_index: dict[str, dict[str, dict[Watcher, None]]] = {}
        self._values: dict[str, Values] = {}

    def begin(self, revision: int) -> None:
        """Forget what was; changes after that revision will follow."""
        self.entries.clear()
        self.namespaces.clear()
        self.unreadable.clear()
        self._ring.clear()
        self._ring_bytes = 0
        self.revision = self._ring_start = revision

    # Reading

    def key(self, namespace: str, name: str) -> str:
        return f"{self.prefix}{namespace}/{name}" if self.resource.namespaced else f"{self.prefix}{name}"

    def get(self, namespace: str, name: str) -> Entry | None:
        """None if it isn't there; InternalError if it is and can't be read."""
        return self.find(self.key(namespace, name))

    def find(self, key: str) -> Entry | None:
        """As `get`, by key."""
        entry = self.entries.get(key)
        if entry is None and key in self.unreadable:
            raise CorruptObject(key, self.unreadable[key].why)
        return entry

    def check_readable(self, namespace: str, name: str | None) -> None:
        """StoreReadError if a list of that namespace ("" for all), or of that name only, would not be complete."""
        if not self.unreadable:
            return
        prefix = f"{self.prefix}{namespace}/" if namespace else self.prefix
        only = None if name is None else self.key(namespace, name)
        found = [one for key, one in self.unreadable.items() if key.startswith(prefix) and key == (only or key)]
        if found:
            raise list_error(self.resource.group_resource, self.prefix, found)

    def namespace(self, namespace: str) -> dict[str, Entry]:
        """The objects of a namespace by key."""
        return self.namespaces.get(namespace, {})

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def namespace_of(self, key: str) -> str:
        """The namespace in a key; "" for what is cluster-wide."""
        return key[len(self.prefix) : key.rindex("/")] if self.resource.namespaced else ""

    # Feeding

    def load(self, key: str, value: bytes, revision: int) -> Unreadable | None:
        """Take over an object that was there when the server started; what is wrong with it if it can't be read."""
        try:
            obj = codec.decode(value, self.model)
            meta = obj.metadata
            expected = (self.resource.kind, self.resource.api_version, self.key(meta.namespace, meta.name))
            wrong = mismatch(obj, expected, key)
            if not wrong:
                meta.resourceVersion = str(revision)
                self._keep(Entry(key, revision, self.wire.splice(value, revision), self.model, obj))
                return None
        except ValueError as error:
            wrong = str(error)
        self.unreadable[key] = unreadable = Unreadable(key, revision, wrong)
        self.readable_since = max(self.readable_since, revision)
        return unreadable

    def apply(self, change: Change) -> None:
        """Take over a change and tell the watchers."""
        key = change.record.key
        if key in self.unreadable:
            self._forget(key, change.record.revision)
            return
        event = self.event(change, self.entries.get(key))
        if change.deleted:
            if self.entries.pop(key, None) is not None and self.resource.namespaced:
                namespace = self.namespace_of(key)
                self.namespaces[namespace].pop(key)
                if not self.namespaces[namespace]:
                    del self.namespaces[namespace]
        else:
            self._keep(event.entry)
        self.revision = event.revision
        self._remember(event)
        for listener in self.listeners:
            listener(event)
        for watcher in self._interested(event):
            watcher.offer(event)

    def event(self, change: Change, old: Entry | None) -> Event:
        """What a change of the store's log means, given the entry before it (None: decode it from the log)."""
        record = change.record
        if old is None and change.previous is not None:
            previous = change.previous
            wire = self.wire.splice(previous.value, previous.revision)
            old = Entry(previous.key, previous.revision, wire, self.resource.model)
        if change.deleted:
            if old is None:
                old = Entry(record.key, record.revision, self.wire.splice(record.value, record.revision), self.model)
            entry = self.at(old, record.revision, record.value)
            _hand_back(change, entry)
            return Event(entry, old, deleted=True)
        write = change.attachment
        decoded = None
        if isinstance(write, Write):
            decoded = write.object
            decoded.metadata.resourceVersion = str(record.revision)
        entry = Entry(record.key, record.revision, self.wire.splice(record.value, record.revision), self.model, decoded)
        _hand_back(change, entry)
        return Event(entry, old, deleted=False)

    @property
    def model(self) -> type[Any]:
        return self.resource.model

    def at(self, entry: Entry, revision: int, value: bytes | None = None) -> Entry:
        """The same object, shown at another revision."""
        if value is None:
            old, new = b'"resourceVersion":"%d"' % entry.revision, b'"resourceVersion":"%d"' % revision
            data = entry.data.replace(old, new, 1)
        else:
            data = self.wire.splice(value, revision)
        decoded = None
        if entry.decoded:
            decoded = copy.copy(entry.object)
            decoded.metadata = copy.copy(decoded.metadata)
            decoded.metadata.resourceVersion = str(revision)
        return Entry(entry.key, revision, data, self.model, decoded)

    def _forget(self, key: str, revision: int) -> None:
        """An object is gone that can't be shown any more: who watches has to look anew at what is there."""
        del self.unreadable[key]
        self._ring.clear()
        self._ring_bytes = 0
        self.revision = self._ring_start = self.readable_since = revision
        for watcher in self.watchers:
            watcher.close(errors.Expired(f"too old resource version: {revision - 1} ({revision})"))

    def _keep(self, entry: Entry) -> None:
        self.entries[entry.key] = entry
        if self.resource.namespaced:
            self.namespaces.setdefault(self.namespace_of(entry.key), {})[entry.key] = entry

    def _remember(self, event: Event) -> None:
        self._ring.append(event)
        self._ring_bytes += len(event.entry.data)
        while len(self._ring) > RING_EVENTS or self._ring_bytes > RING_BYTES:
            dropped = self._ring.popleft()
            self._ring_bytes -= len(dropped.entry.data)
            self._ring_start = dropped.revision

    # Watching

    def since(self, revision: int) -> list[Event] | None:
        """The changes after a revision; None if memory doesn't reach back that far."""
        if revision < self._ring_start:
            return None
        if revision >= self.revision:
            return []
        first = bisect_left(self._ring, revision + 1, key=lambda event: event.revision)
        return [self._ring[at] for at in range(first, len(self._ring))]

    def attach(self, watcher: Watcher) -> None:
        index, value, values = watcher.index
        if values is None:
            self._everyone[watcher] = None
        else:
            self._values[index] = values
            self._by_index.setdefault(index, {}).setdefault(value, {})[watcher] = None

    def detach(self, watcher: Watcher) -> None:
        index, value, values = watcher.index
        if values is None:
            self._everyone.pop(watcher, None)
            return
        of_index = self._by_index.get(index, {})
        of_value = of_index.get(value, {})
        of_value.pop(watcher, None)
        if not of_value:
            of_index.pop(value, None)
        if not of_index:
            self._by_index.pop(index, None)

    @property
    def watchers(self) -> list[Watcher]:
        """Everyone who watches."""
        indexed = [
            watcher for of_index in self._by_index.values() for of_value in of_index.values() for watcher in of_value
        ]
        return [*self._everyone, *indexed]

    def _interested(self, event: Event) -> list[Watcher]:
        found = list(self._everyone)
        for index, of_index in self._by_index.items():
            values = self._values[index]
            value = values(event.entry)
            found.extend(of_index.get(value, ()))
            if event.old is not None and (before := values(event.old)) != value:
                found.extend(of_index.get(before, ()))
        return found


def _hand_back(change: Change, entry: Entry) -> None:
    if isinstance(change.attachment, Write):
        change.attachment.entry = entry


class Watcher(ABC):
    """Whoever is told of changes. `index` is (index, value, how to find it), or ("", "", None) for all changes."""

    __slots__ = ("index",)

    def __init__(self, index: tuple[str, str, Values | None] = ("", "", None)) -> None:
        self.index = index

    @abstractmethod
    def offer(self, event: Event) -> None:
        """Called with every change that it asked for, before anything else happens: take note, don't act."""

    @abstractmethod
    def close(self, error: BaseException | None = None) -> None:
        """End it after what is queued."""
