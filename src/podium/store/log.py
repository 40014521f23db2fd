"""What every store with a log of its own does the same way: accepting writes, batching them, publishing them in order.

All writes of one turn of the event loop form a batch. A subclass makes batches durable (`_hand_over`) and reports back
in order: `_published` for what is durable now, `_fail` when something could not be written.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from podium.store.heads import Heads
from podium.store.port import Change, Compacted, FutureRevision, Listener, StoreError, StoreFailed

Write = tuple[Change | None, "asyncio.Future[int]"]
"""An accepted write and who waits for it. Without a change: someone waits for what was accepted before."""
Batch = list[Write]


class LogStore(ABC):
    """Accepts guarded writes and tells listeners. Lives on one event loop."""

    def __init__(self, heads: Heads, oldest: int) -> None:
        self._heads = heads
        self._oldest = oldest
        self._failure: BaseException | None = None
        self._closed = False
        self._listeners: list[Listener] = []
        self._queued: list[Write] = []
        self._unresolved: deque[Write] = deque()

    @property
    def revision(self) -> int:
        return self._heads.revision

    @property
    def oldest(self) -> int:
        return self._oldest

    @property
    def failure(self) -> BaseException | None:
        return self._failure

    async def create(self, key: str, value: bytes, attachment: Any = None) -> int:
        self._check_serving()
        try:
            change = self._heads.create(key, value, attachment)
        except StoreError:
            await self._durable(key)
            raise
        return await self._accept(change)

    async def update(self, key: str, value: bytes, expected: int, attachment: Any = None) -> int:
        self._check_serving()
        try:
            change = self._heads.update(key, value, expected, attachment)
        except StoreError:
            await self._durable(key)
            raise
        return await self._accept(change)

    async def delete(self, key: str, expected: int, attachment: Any = None) -> int:
        self._check_serving()
        try:
            change = self._heads.delete(key, expected, attachment)
        except StoreError:
            await self._durable(key)
            raise
        return await self._accept(change)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        # A new list each time: who subscribes or leaves while listeners are being called doesn't disturb that.
        self._listeners = [*self._listeners, listener]

        def leave() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return leave

    async def _durable(self, key: str) -> None:
        """Return when the write that a guard refused another for is durable: a refusal shows it, too."""
        if not self._heads.is_durable(key):
            await self._accept(None)

    def _accept(self, change: Change | None) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        if not self._queued:
            loop.call_soon(self._flush)
        self._queued.append((change, future))
        return future

    def _flush(self) -> None:
        """Hand over what was accepted in this turn of the loop."""
        if self._queued:
            batch, self._queued = self._queued, []
            self._unresolved.extend(batch)
            self._hand_over(batch)

    @abstractmethod
    def _hand_over(self, batch: Batch) -> None:
        """Make these writes durable, in this order, and call `_published` then, or `_fail`."""

    def _published(self, writes: Sequence[Write]) -> None:
        """These are durable. Show them to readers, then to listeners, then to who made them."""
        if self._failure is not None:
            return
        changes = [change for change, _ in writes if change is not None]
        self._heads.publish(changes)
        try:
            if changes:
                for listener in self._listeners:
                    listener(changes)
        finally:
            for change, future in writes:
                self._unresolved.popleft()
                if not future.done():  # who waited may have been cancelled
                    future.set_result(0 if change is None else change.record.revision)

    def _fail(self, failure: BaseException) -> None:
        """Stop: nothing that was accepted and is not durable will ever be shown."""
        if self._failure is None:
            self._failure = failure
        for _, future in (*self._unresolved, *self._queued):
            if not future.done():
                future.set_exception(self._failed())
        self._unresolved.clear()
        self._queued.clear()

    def _failed(self) -> StoreFailed:
        error = StoreFailed(f"the store has stopped: {self._failure}")
        error.__cause__ = self._failure
        return error

    def _check_serving(self) -> None:
        if self._failure is not None:
            raise self._failed()
        if self._closed:
            raise StoreFailed("the store is closed")

    def _check_readable(self, revision: int) -> None:
        """Whether history can be read from this revision on."""
        self._check_serving()
        if revision > self._heads.revision:
            raise FutureRevision(self._heads.revision)
        if revision < self._oldest:
            raise Compacted(self._oldest)
