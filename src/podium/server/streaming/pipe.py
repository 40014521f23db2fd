"""A bounded pipe of bytes between two tasks: who fills it waits when there is too much in it."""

from __future__ import annotations

import asyncio
from collections import deque

CAPACITY = 256 * 1024


class Pipe:
    """Bytes that one task puts in and another takes out. One reader, one writer."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        return self._size >= self._capacity

    @property
    def ended(self) -> bool:
        """No more is put in."""
        return self._ended

    def push(self, data: bytes) -> None:
        """Put in without waiting; what comes after the end is dropped."""
        if data and not self._ended:
            self._pieces.append(data)
            self._size += len(data)
            self._changed.set()

    async def put(self, data: bytes) -> None:
        """Put in and wait until the pipe isn't full."""
        self.push(data)
        while self.full and not self._ended:
            self._changed.clear()
            await self._changed.wait()

    def end(self) -> None:
        """No more will come; what is in it can still be read."""
        self._ended = True
        self._changed.set()

    def drop(self) -> None:
        """Nobody reads it any more."""
        self._pieces.clear()
        self._size = 0
        self.end()

    async def get(self) -> bytes:
        """The next piece; empty at the end."""
        while not self._pieces:
            if self._ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft()
        self._size -= len(piece)
        self._changed.set()
        return piece
