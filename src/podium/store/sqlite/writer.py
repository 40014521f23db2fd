"""The one thread that writes. A batch of writes is a single INSERT, which is its own transaction.

Everything that was handed over while the previous batch was being synced goes into the next one; a lone write waits for
nobody. One statement per batch also means that the interpreter lock is let go and taken back once per batch, not once
per row: a busy event loop makes each of those wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread

import apsw

from podium.store.log import Batch, Write
from podium.store.port import StoreFailed

BATCH = 500
COMPACTION_SLICE = 500
_COLUMNS = 5

Job = Callable[[apsw.Connection], None]


class Writer:
    def __init__(
        self,
        connection: apsw.Connection,
        committed: Callable[[Sequence[Write]], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`committed` is called on this event loop, for each batch in order; `failed` once, then nothing more."""
        self._connection = connection
        self._committed = committed
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Batch | tuple[Job, asyncio.Future[None]] | None] = SimpleQueue()
        self._jobs: set[asyncio.Future[None]] = set()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, because a process that ends without closing the store must end. The file is safe at any moment.
        self._thread = Thread(target=self._run, name="podium-store", daemon=True)
        self._thread.start()

    def submit(self, writes: Batch) -> None:
        self._queue.put(writes)

    async def run(self, job: Job) -> None:
        """Run this on the writing thread, after what was submitted before. Any error stops the store."""
        done = self._loop.create_future()
        self._jobs.add(done)
        try:
            self._queue.put((job, done))
            await done
        finally:
            self._jobs.discard(done)

    async def stop(self) -> None:
        """Commit what was submitted, close the connection, end the thread."""
        self._queue.put(None)
        await self._ended
        self._thread.join()

    def fail_jobs(self, error: StoreFailed) -> None:
        for done in self._jobs:
            if not done.done():
                done.set_exception(error)

    def _run(self) -> None:
        try:
            while self._step():
                pass
            self._connection.close()
        except BaseException as failure:  # whatever it is: a batch is in doubt, so nothing may be written after it
            self._call(self._failed, failure)
            with suppress(apsw.Error):  # it can't get worse
                self._connection.close()
        finally:
            self._call(_resolve, self._ended)

    def _step(self) -> bool:
        """Wait for work and do it. False: that was the last."""
        writes: deque[Write] = deque()
        item = self._queue.get()
        while isinstance(item, list):
            writes.extend(item)
            if len(writes) >= BATCH:
                break
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
        while writes:
            batch = [writes.popleft() for _ in range(min(BATCH, len(writes)))]
            insert(self._connection, batch)
            self._call(self._committed, batch)
        if isinstance(item, tuple):
            job, done = item
            job(self._connection)
            self._call(_resolve, done)
        return item is not None

    def _call(self, function: Callable[..., None], argument: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, argument)
        except RuntimeError:
            if not self._loop.is_closed():
                raise
            # The loop ended without closing the store: nobody is left to be told.


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def insert(connection: apsw.Connection, batch: Sequence[Write]) -> None:
    """Commit a batch: durable when this returns."""
    values: list[object] = []
    for change, _ in batch:
        if change is not None:
            record, previous = change.record, change.previous
            values += (
                record.revision,
                record.key,
                record.created,
                0 if previous is None else previous.revision,
                None if change.deleted else record.value,
            )
    if values:
        rows = ",".join(["(?,?,?,?,?)"] * (len(values) // _COLUMNS))
        statement = f"INSERT INTO log(revision, key, created, previous, value) VALUES {rows}"  # noqa: S608
        connection.execute(statement, values)


def compact_slice(connection: apsw.Connection, after: int, until: int) -> None:
    """Remove what the log's rows in (after, until] supersede, and the deletions among them."""
    with connection:
        connection.execute(
            "DELETE FROM log WHERE revision IN (SELECT previous FROM log WHERE revision > ? AND revision <= ?)",
            (after, until),
        )
        connection.execute(
            "DELETE FROM log WHERE revision > ? AND revision <= ? AND value IS NULL",
            (after, until),
        )
        connection.execute("UPDATE compaction SET revision = ?", (until,))
