"""The store for tests: everything in memory, on the event loop alone, no thread and no timer.

Like the durable ones it lets other tasks run between accepting a write and showing it, so that what relies on a write
being instantaneous fails here, too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from podium.store.heads import Heads, first_changes
from podium.store.log import Batch, LogStore
from podium.store.port import Change, FutureRevision, Page, Record


class MemoryStore(LogStore):
    def __init__(self) -> None:
        super().__init__(Heads(revision=1), oldest=1)
        self._log: list[Change] = []

    async def get(self, key: str, revision: int = 0) -> Record | None:
        if not revision:
            self._check_serving()
            return self._heads.records.get(key)
        self._check_readable(revision)
        for change in self._since(revision):
            if change.record.key == key:
                return change.previous
        return self._heads.records.get(key)

    async def list(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        if not revision:
            self._check_serving()
            return self._heads.page(prefix, after, limit)
        self._check_readable(revision)
        undo = first_changes(self._since(revision), prefix)
        return self._heads.earlier_page((prefix, after, limit, revision), undo, lambda record: record)

    async def changes(self, after: int, *, prefix: str = "", until: int = 0, limit: int = 0) -> Sequence[Change]:
        self._check_readable(after)
        found = [
            Change(change.record, change.previous, change.deleted)
            for change in self._since(after)
            if (not until or change.record.revision <= until) and change.record.key.startswith(prefix)
        ]
        return found[:limit] if limit > 0 else found

    async def compact(self, revision: int) -> None:
        self._check_serving()
        if revision > self._heads.revision:
            raise FutureRevision(self._heads.revision)
        if revision > self._oldest:
            self._log = list(self._since(revision))
            self._oldest = revision

    async def close(self) -> None:
        self._flush()
        self._closed = True

    def _hand_over(self, batch: Batch) -> None:
        self._log += [change for change, _ in batch if change is not None]
        self._published(batch)

    def _since(self, revision: int) -> Sequence[Change]:
        return self._log[bisect_right(self._log, revision, key=lambda change: change.record.revision) :]
