"""The port on SQLite: current state from memory, history from the file, writes through the writing thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import apsw

from podium.store.heads import Heads
from podium.store.log import Batch, LogStore
from podium.store.port import Change, FutureRevision, Page, Record, StoreFailed
from podium.store.sqlite import history, schema
from podium.store.sqlite.writer import COMPACTION_SLICE, Writer, compact_slice


class SqliteStore(LogStore):
    """Made by `await SqliteStore.open(path)`."""

    def __init__(
        self, heads: Heads, compacted: int, writer: apsw.Connection, reader: apsw.Connection, lock: int
    ) -> None:
        super().__init__(heads, oldest=compacted)
        self._compacted = compacted
        self._compacting = asyncio.Lock()
        self._reader = reader
        self._lock = lock
        self._writer = Writer(writer, self._published, self._fail)

    @classmethod
    async def open(cls, path: str | Path, vfs: str | None = None) -> SqliteStore:
        """Open or create the file. StoreInUse if another process has it, StoreError if it can't be read."""
        return cls(*_open_files(os.path.abspath(path), vfs))  # noqa: ASYNC240 - nothing is served yet

    async def get(self, key: str, revision: int = 0) -> Record | None:
        if not revision:
            self._check_serving()
            return self._heads.records.get(key)
        undo = await self._undo(key, revision)
        if key not in undo:
            return self._heads.records.get(key)
        earlier = undo[key]
        return None if earlier is None else self._record(earlier)

    async def list(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        if not revision:
            self._check_serving()
            return self._heads.page(prefix, after, limit)
        undo = await self._undo(prefix, revision)
        return self._heads.earlier_page((prefix, after, limit, revision), undo, self._record)

    async def changes(self, after: int, *, prefix: str = "", until: int = 0, limit: int = 0) -> Sequence[Change]:
        self._check_readable(after)
        found: list[Change] = []
        for start, end in history.windows(after, min(until or self.revision, self.revision)):
            if start != after:
                await history.other_tasks_turn()
                self._check_readable(after)
            with self._reading():
                found += history.read_changes(self._reader, prefix, start, end)
            if 0 < limit <= len(found):
                return found[:limit]
        return found

    async def compact(self, revision: int) -> None:
        self._check_serving()
        if revision > self.revision:
            raise FutureRevision(self.revision)
        self._oldest = max(self._oldest, revision)
        async with self._compacting:
            while self._compacted < revision:
                self._check_serving()
                until = min(self._compacted + COMPACTION_SLICE, revision)
                await self._writer.run(partial(compact_slice, after=self._compacted, until=until))
                self._compacted = until

    async def close(self) -> None:
        if self._closed:
            return
        self._flush()
        self._closed = True
        await self._writer.stop()
        self._reader.close()
        os.close(self._lock)

    def _hand_over(self, batch: Batch) -> None:
        self._writer.submit(batch)

    def _fail(self, failure: BaseException) -> None:
        super()._fail(failure)
        self._writer.fail_jobs(self._failed())

    async def _undo(self, prefix: str, revision: int) -> dict[str, int | None]:
        """For every key with the prefix that changed after the revision: which row it had then (None: none)."""
        undo: dict[str, int | None] = {}
        done = revision
        self._check_readable(revision)
        while done < self.revision:  # more may be written while others have their turn
            if done != revision:
                await history.other_tasks_turn()
                self._check_readable(revision)
            end = min(done + history.WINDOW, self.revision)
            with self._reading():
                history.read_first(self._reader, prefix, done, end, undo)
            done = end
        return undo

    def _record(self, revision: int) -> Record:
        with self._reading():
            return history.read_record(self._reader, revision)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A file that can't be read is no better than one that can't be written."""
        try:
            yield
        except apsw.Error as error:
            self._fail(error)
            raise self._failed() from error


def _open_files(path: str, vfs: str | None) -> tuple[Heads, int, apsw.Connection, apsw.Connection, int]:
    lock = schema.lock(path)
    try:
        writer = schema.open_writer(path, vfs)
        heads, compacted = schema.load(writer)
        return heads, compacted, writer, schema.open_reader(path, vfs), lock
    except BaseException as error:
        os.close(lock)
        if isinstance(error, apsw.Error):
            raise StoreFailed(f"{path} can't be opened: {error}") from error
        raise
