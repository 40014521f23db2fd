"""What all verbs work on: the store, the current objects, the resource table, admission, time and chance."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from random import Random
from typing import Any, Protocol

from podium.clock import Clock
from podium.machinery import errors, strict
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest
from podium.registry import resources
from podium.registry.admission.chain import Chain
from podium.registry.resources import Resource
from podium.registry.storage import Collection, Write
from podium.registry.types import Entry
from podium.store.port import Change, Record, RevisionMismatch, Store, StoreFailed

_log = logging.getLogger(__name__)
_MANY_DIGITS = re.compile(rb'":[-\d]\d{9}')
"""A field whose number may have more than 32 bits. Looking for one takes a fifth of the time that decoding takes."""


class Watch(Protocol):
    """What the core does to watches as a whole."""

    bookmarks: bool
    """Whether it wants to be told, now and then, how far it is."""

    def close(self, error: BaseException | None = None) -> None:
        """End it after what is queued."""

    def bookmark(self) -> None:
        """Tell the client how far it is."""


class Allocator(Protocol):
    """Gives an object what only one may have, such as an address."""

    def allocate(self, new: Any, old: Any | None) -> Callable[[], None]:
        """Put it into `new`; returns what gives it back, for a write that fails. Raises Invalid."""


TokenIssuer = Callable[[Any, TokenRequest, BoundObjectReference | None], TokenRequest]
"""(ServiceAccount, what is asked for, node of the Pod that the token is bound to) -> the same with a status."""


class Core:
    def __init__(self, store: Store, clock: Clock, rng: Random, rows: Iterable[Resource] | None = None) -> None:
        self.store = store
        self.clock = clock
        self.rng = rng
        self.admission = Chain()
        self.revision = 0
        """The newest revision that has reached the collections."""
        self.token_issuer: TokenIssuer | None = None
        self.allocators: dict[str, Allocator] = {}
        """What has to be given to objects of a kind before they are stored, by group resource."""
        self.watches: dict[Watch, None] = {}
        """The watches under way, in the order in which they began."""
        self.bookmarks_wanted = asyncio.Event()
        """Set when a watch begins that wants bookmarks."""
        self._rows: dict[tuple[str, str, str], Resource] = {}
        self._collections: dict[str, Collection] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._early: list[Change] | None = None
        for row in resources.built_in() if rows is None else rows:
            self.add(row)

    # The table

    def add(self, row: Resource) -> None:
        """Serve a resource from now on."""
        self._rows[row.group, row.version, row.plural] = row
        if not row.virtual and row.collection == row.group_resource and row.collection not in self._collections:
            self._collections[row.collection] = Collection(row, self.revision)

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        return self._rows.get((group, version, plural))

    def stored(self, row: Resource) -> Resource:
        """The row that objects of a row are stored as: itself, unless it is a view of another version."""
        if row.view is None:
            return row
        return self._rows[row.view.stored]

    def resources(self) -> Sequence[Resource]:
        """All rows."""
        return tuple(self._rows.values())

    def live(self, resource: Resource | str) -> Collection:
        """The current objects of a resource, given as its row or as a group resource such as "replicasets.apps"."""
        return self._collections[resource if isinstance(resource, str) else resource.collection]

    def collections(self) -> Iterable[Collection]:
        return self._collections.values()

    # Feeding

    async def load(self) -> None:
        """Take over what the store has, and every change from then on."""
        self._early = []
        self.store.subscribe(self._changed)
        page = await self.store.list("")
        self.revision = page.revision
        for collection in self._collections.values():
            collection.begin(page.revision)
        self._take_over(page.records)
        early, self._early = self._early, None
        self._changed([change for change in early if change.record.revision > page.revision])

    def _take_over(self, records: Iterable[Record]) -> None:
        unknown: Counter[str] = Counter()
        for record in records:
            owner = self._collections.get(_collection_of(record.key))
            if owner is None:
                unknown[_collection_of(record.key)] += 1
                continue
            bad = owner.load(record.key, record.value, record.revision)
            if bad is not None:
                what = f"{owner.resource.kind} {bad.key.removeprefix(owner.prefix)}"
                _log.error("%s of revision %d can't be read, and is left as it is: %s", what, bad.revision, bad.why)
        for name, count in unknown.items():
            _log.error("%d stored objects are of no resource that is served here, and are kept: %s", count, name)

    def _changed(self, changes: Sequence[Change]) -> None:
        if self._early is not None:
            self._early.extend(changes)
            return
        for change in changes:
            self.revision = change.record.revision
            collection = self._collections.get(_collection_of(change.record.key))
            if collection is not None:
                collection.apply(change)
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        still = []
        for revision, future in self._waiting:
            if revision > self.revision:
                still.append((revision, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still

    def reaching(self, revision: int) -> asyncio.Future[None]:
        """Done when that revision is in the collections."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if revision > self.revision:
            self._waiting.append((revision, future))
        else:
            future.set_result(None)
        return future

    async def reached(self, revision: int) -> None:
        """Return when that revision is in the collections."""
        if revision > self.revision:
            await self.reaching(revision)

    async def caught_up(self, collection: Collection, key: str, mismatch: RevisionMismatch) -> None:
        """Return when the write that was quicker is known here."""
        if mismatch.current:
            await self.reached(mismatch.current)
        elif key in collection.entries:
            await self.clock.sleep(0)

    # Writing

    def check(self) -> None:
        """Refuse to serve from a store that has failed: nobody is told what may not be true."""
        if self.store.failure is not None:
            raise unavailable(self.store.failure)

    def failed(self, failure: BaseException) -> errors.ServiceUnavailable:
        """What to tell everyone once the store has failed; ends what waits for changes that will not come."""
        for watch in list(self.watches):
            watch.close(unavailable(failure))
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(unavailable(failure))
        self._waiting.clear()
        return unavailable(failure)

    def now(self) -> datetime:
        """In whole seconds, as metadata carries it."""
        return self.clock.now().replace(microsecond=0)

    async def created(self, key: str, value: bytes, obj: Any) -> Entry:
        _check_numbers(value, obj)
        write = Write(obj)
        try:
            await self.store.create(key, value, write)
        except StoreFailed as failure:
            raise self.failed(failure) from failure
        return _entry(write)

    async def updated(self, key: str, value: bytes, expected: int, obj: Any) -> Entry:
        _check_numbers(value, obj)
        write = Write(obj)
        try:
            await self.store.update(key, value, expected, write)
        except StoreFailed as failure:
            raise self.failed(failure) from failure
        return _entry(write)

    async def deleted(self, key: str, expected: int) -> Entry:
        write = Write(None)
        await self.forgotten(key, expected, write)
        return _entry(write)

    async def forgotten(self, key: str, expected: int, write: Write | None = None) -> None:
        """Delete what may not be readable."""
        try:
            await self.store.delete(key, expected, write)
        except StoreFailed as failure:
            raise self.failed(failure) from failure


def _check_numbers(value: bytes, obj: Any) -> None:
    """BadRequest for a number out of range: it could be stored, but never be read again.

    What comes over HTTP has been decoded, which checks that. What a component in the process has worked out has not; it
    writes numbers into fields of their own, not into lists of numbers.
    """
    if _MANY_DIGITS.search(value):
        strict.read(value, type(obj), validation="Ignore")


def _entry(write: Write) -> Entry:
    assert write.entry is not None, "the store tells of a write before the write returns"
    return write.entry


def _collection_of(key: str) -> str:
    return key[1:].partition("/")[0] if key.startswith("/") else key


def unavailable(failure: BaseException) -> errors.ServiceUnavailable:
    """What the store has failed of; a write that it refused says already that it has."""
    said = isinstance(failure, StoreFailed)
    return errors.ServiceUnavailable(str(failure) if said else f"the store has stopped: {failure}")
