"""What the registry does by the clock: bookmarks for watches, the end of old Events, compaction of the store; and what
leads to the API is made again when someone deletes it.

Each is one sleeping task, however many watches, Events or revisions there are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from datetime import UTC, datetime, timedelta

from podium.machinery.errors import StatusError
from podium.models.core_v1 import Endpoints, Service
from podium.models.discovery_v1 import EndpointSlice
from podium.registry import bootstrap
from podium.registry.core import Core
from podium.registry.storage import Event
from podium.registry.types import Entry
from podium.store.port import RevisionMismatch, StoreError

BOOKMARKS = 60.0
"""Seconds between bookmarks."""
COMPACTION = 300.0
"""Seconds of history that are kept, at least; compaction runs as often."""
EVENT_TTL = timedelta(hours=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Housekeeping:
    def __init__(self, core: Core) -> None:
        self.core = core
        self._tasks: list[asyncio.Task[None]] = []
        self._expiring: deque[tuple[datetime, str, int]] = deque()
        """(when, key, revision) of each version of each Event, in the order in which they end."""
        self._more = asyncio.Event()
        self._gone: asyncio.Queue[Service | Endpoints | EndpointSlice] = asyncio.Queue()

    def start(self) -> None:
        events = self.core.live("events")
        self._expiring.extend(sorted((_last_seen(entry) + EVENT_TTL, entry.key, entry.revision) for entry in events))
        events.listeners.append(self._event_changed)
        for resource in bootstrap.API_OBJECTS:
            self.core.live(resource).listeners.append(self._api_changed)
        self._tasks = [
            asyncio.create_task(self._restore(), name="the way to the API"),
            asyncio.create_task(self._bookmark(), name="bookmarks"),
            asyncio.create_task(self._compact(), name="compaction"),
            asyncio.create_task(self._expire(), name="event expiry"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _bookmark(self) -> None:
        while True:
            await self.core.bookmarks_wanted.wait()
            await self.core.clock.sleep(BOOKMARKS)
            wanting = [watch for watch in self.core.watches if watch.bookmarks]
            if not wanting:
                self.core.bookmarks_wanted.clear()
            for watch in wanting:
                watch.bookmark()

    async def _compact(self) -> None:
        """Forget, every five minutes, what is older than five minutes."""
        previous = self.core.revision
        while self.core.store.failure is None:
            await self.core.clock.sleep(COMPACTION)
            if previous > self.core.store.oldest:
                with contextlib.suppress(StoreError):  # a store that has failed says so to everyone who asks
                    await self.core.store.compact(previous)
            previous = self.core.revision

    # default/kubernetes

    def _api_changed(self, event: Event) -> None:
        if event.deleted and bootstrap.leads_to_api(event.entry.object.metadata):
            self._gone.put_nowait(event.entry.object)

    async def _restore(self) -> None:
        while self.core.store.failure is None:
            gone = await self._gone.get()
            try:
                await bootstrap.restore(self.core, gone)
            except StatusError:
                continue  # its address is taken, or the store has failed: the next start tries again

    # Events

    def _event_changed(self, event: Event) -> None:
        if event.deleted:
            return
        self._expiring.append((self.core.clock.now() + EVENT_TTL, event.entry.key, event.revision))
        self._more.set()

    async def _expire(self) -> None:
        """Delete each Event an hour after its last change. The queue is in that order: only its head is looked at."""
        events = self.core.live("events")
        while self.core.store.failure is None:
            if not self._expiring:
                self._more.clear()
                await self._more.wait()
            when, key, revision = self._expiring[0]
            wait = (when - self.core.clock.now()).total_seconds()
            if wait > 0:
                await self.core.clock.sleep(wait)
                continue
            self._expiring.popleft()
            entry = events.entries.get(key)
            if entry is not None and entry.revision == revision:
                try:
                    await self.core.deleted(key, revision)
                except RevisionMismatch:
                    continue  # changed at this very moment: it lives on
                except StatusError:
                    return  # the store has failed, which whoever asks is told


def _last_seen(entry: Entry) -> datetime:
    event = entry.object
    return event.lastTimestamp or event.metadata.creationTimestamp or _BEGINNING
