"""Watches: changes in revision order from where the client left off, as its selectors let it see them.

A watch is live when it is told of changes as they happen. It begins, or after falling behind goes on, by reading the
recent changes from memory, older ones from the store: so a slow client costs a bounded queue and loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.registry.core import Core, unavailable
from podium.registry.lists import revision_number, wait_for
from podium.registry.resources import Resource
from podium.registry.selection import Selection
from podium.registry.storage import Collection, Event, Watcher
from podium.registry.types import Entry, WatchEvent, WatchOptions
from podium.registry.views import viewed
from podium.store.port import Compacted, StoreFailed

QUEUE_EVENTS = 10_000
QUEUE_BYTES = 32 * 1024 * 1024
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a watch begins."""

    revision: int
    initial: bool
    """First everything there is, as ADDED."""
    bookmark: bool
    """Then a bookmark that says so."""


def watch(
    core: Core, res: Resource, namespace: str, options: WatchOptions
) -> AsyncGenerator[Sequence[WatchEvent], None]:
    """Checks the options at once; the changes come in batches as they happen."""
    core.check()
    wrong = option_errors(options)
    if wrong:
        raise errors.Invalid("ListOptions.meta.k8s.io", "", wrong)
    selection = Selection(res, namespace, options.label_selector, options.field_selector)
    collection = core.live(res)
    start = _start(core, options)
    if start.initial and not options.in_part:
        collection.check_readable(selection.namespace, selection.name)
    if not start.initial and start.revision < collection.readable_since:
        raise _too_old(start.revision, collection.readable_since)
    if not start.initial and start.revision < core.store.oldest and collection.since(start.revision) is None:
        raise _too_old(start.revision, core.store.oldest)
    return _Watch(core, collection, selection, options).run(start)


def _too_old(asked: int, oldest: int) -> errors.Expired:
    return errors.Expired(f"too old resource version: {asked} ({oldest})")


def option_errors(options: WatchOptions) -> list[FieldError]:
    found: list[FieldError] = []
    match, path = options.resource_version_match, "resourceVersionMatch"
    if options.send_initial_events is not None and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        found.append(field.forbidden(path, why))
    if match:
        if options.send_initial_events is None:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            found.append(field.forbidden(path, why))
        if match != "NotOlderThan":
            found.append(field.not_supported(path, match, ("NotOlderThan",)))
    return found


def _start(core: Core, options: WatchOptions) -> _Start:
    revision = revision_number(options.resource_version)
    wanted = options.send_initial_events
    initial = revision == 0 if wanted is None else wanted
    if not initial and not revision:
        revision = core.revision
    return _Start(revision, initial, bool(wanted) and options.allow_bookmarks)


class _Watch(Watcher):
    """One client's watch."""

    __slots__ = (
        "_bytes",
        "_closed",
        "_waiter",
        "bookmarks",
        "collection",
        "core",
        "live",
        "position",
        "queue",
        "read",
        "selection",
        "timeout",
    )  # fmt: skip

    def __init__(self, core: Core, collection: Collection, selection: Selection, options: WatchOptions) -> None:
        super().__init__(selection.index(collection))
        self.core = core
        self.collection = collection
        self.selection = selection
        self.bookmarks = options.allow_bookmarks and options.periodic_bookmarks
        self.timeout = options.timeout_seconds
        self.read = selection.res.view.from_stored if selection.res.view else None
        self.queue: list[WatchEvent] = []
        self.position = 0
        """The newest revision that has been queued or passed over."""
        self.live = False
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closed: BaseException | bool = False

    async def run(self, start: _Start) -> AsyncGenerator[Sequence[WatchEvent], None]:
        timer = None if self.timeout is None else self.core.clock.call_later(self.timeout, self.close)
        self.core.watches[self] = None
        if self.bookmarks:
            self.core.bookmarks_wanted.set()
        try:
            await wait_for(self.core, start.revision)
            self.position = start.revision
            if start.initial:
                yield self._initial(start)
            while not self._closed:
                if not self.live:
                    batch = await self._read_on()
                    if batch:
                        yield batch
                elif self.queue:
                    yield self._take()
                else:
                    await self._wait()
            if self.queue:
                yield self._take()
            if isinstance(self._closed, BaseException):
                raise self._closed
        finally:
            self.collection.detach(self)
            self.core.watches.pop(self, None)
            if timer is not None:
                timer.cancel()

    def close(self, error: BaseException | None = None) -> None:
        """End the watch after what is queued."""
        self._closed = error or True
        self._wake()

    def bookmark(self) -> None:
        """Tell the client how far it is, so that it can resume from there."""
        if self.live:
            self.queue.append(WatchEvent("BOOKMARK", None, self.core.revision))
            self._wake()

    def offer(self, event: Event) -> None:
        if event.revision <= self.position:
            return
        seen = self._seen(event)
        if seen is None:
            return
        self._bytes += len(event.entry.data)
        if self.queue and (len(self.queue) >= QUEUE_EVENTS or self._bytes > QUEUE_BYTES):
            self._fall_behind()
            return
        self.position = event.revision
        self.queue.append(seen)
        self._wake()

    # Inside

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self) -> list[WatchEvent]:
        batch, self.queue, self._bytes = self.queue, [], 0
        return batch

    def _fall_behind(self) -> None:
        """Stop queueing; what is queued is still delivered, the rest is read when the client has caught up with it."""
        self.collection.detach(self)
        self.live = False

    def _initial(self, start: _Start) -> list[WatchEvent]:
        """Everything selected, in the order of keys, and the watch is live from that moment."""
        revision = self.core.revision
        entries = sorted(
            (entry for entry in self.selection.candidates(self.collection) if self._covers(entry)),
            key=lambda entry: entry.key,
        )
        batch = [WatchEvent("ADDED", viewed(self.read, entry), entry.revision) for entry in entries]
        if start.bookmark:
            batch.append(WatchEvent("BOOKMARK", None, revision, initial_events_end=True))
        self._go_live(revision)
        return batch

    def _go_live(self, revision: int) -> None:
        self.position = revision
        self.live = True
        self.collection.attach(self)

    async def _read_on(self) -> list[WatchEvent]:
        """The next changes after the position; the watch is live once memory reaches back to it."""
        if self.position < self.collection.readable_since:
            raise _too_old(self.position, self.collection.readable_since)
        queued = self._take()
        events = self.collection.since(self.position)
        if events is not None:
            self._go_live(max(self.position, self.core.revision))
            return queued + self._all_seen(events)
        try:
            changes = await self.core.store.changes(self.position, prefix=self.collection.prefix, limit=_PAGE)
        except Compacted as error:
            raise errors.Expired("The resourceVersion for the provided watch is too old.") from error
        except StoreFailed as failure:
            raise unavailable(failure) from failure
        if changes:
            self.position = changes[-1].record.revision
        else:
            self.position = self.core.revision
        return queued + self._all_seen([self.collection.event(change, None) for change in changes])

    def _all_seen(self, events: Sequence[Event]) -> list[WatchEvent]:
        found = (self._seen(event) for event in events)
        return [event for event in found if event is not None]

    def _covers(self, entry: Entry) -> bool:
        return self.selection.covers(self.collection, entry)

    def _seen(self, event: Event) -> WatchEvent | None:
        """The change as it looks through the selectors: what comes into sight is added, what leaves it deleted."""
        before = event.old is not None and self._covers(event.old)
        after = not event.deleted and self._covers(event.entry)
        if before and after:
            seen = event.plain
        elif after:
            seen = event.plain if event.old is None else WatchEvent("ADDED", event.entry, event.revision)
        elif before:
            seen = event.plain if event.deleted else event.gone(self.collection)
        else:
            return None
        if self.read is None or seen.entry is None:
            return seen
        return WatchEvent(seen.type, viewed(self.read, seen.entry), seen.revision)
