"""What time it is, and waiting for it. Nothing else in Podium asks the operating system for the time.

The virtual clock is the time of a virtual event loop: when nothing is runnable, the loop jumps to its next deadline, up
to the limit that the test allows. So `asyncio.timeout`, `loop.call_later` and every library on the loop see the same
virtual time, and a test runs a week in a moment, always in the same order.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """The port through which everything sees time."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC, with microseconds."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds (at once, but after other tasks had a turn, if not positive)."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back on the event loop after that many seconds, unless the handle is cancelled."""


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(seconds, 0), callback)


class VirtualClock:
    """The clock of a `VirtualLoop`: it starts at EPOCH unless told otherwise, and runs free until held."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._start = start
        self.elapsed = 0.0
        self.limit = math.inf

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(seconds, 0), callback)

    def hold(self) -> None:
        """Let time stand still: it moves only through `advance`, also while real I/O is awaited."""
        self.limit = self.elapsed

    def release(self) -> None:
        """Let time run free again: it jumps whenever nothing is runnable."""
        self.limit = math.inf

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, running everything that falls due on the way, in order."""
        until = self.elapsed + seconds
        self.limit = max(self.limit, until)
        await asyncio.sleep(seconds)
        await self.settle()

    async def settle(self) -> None:
        """Return when nothing else is runnable at this moment."""
        future = asyncio.get_running_loop().create_future()
        self._when_idle.append(future)
        await future

    @property
    def _when_idle(self) -> list[asyncio.Future[None]]:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop) or loop.clock is not self:
            raise RuntimeError("a VirtualClock runs on the VirtualLoop that was made with it")
        return loop.selector.waiting


_ROUNDING = 1e-6
"""A deadline may seem to be that much later than it was set for: sums of floats don't always add up."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that, instead of waiting for the next deadline, moves the clock there."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock
        self.waiting: list[asyncio.Future[None]] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.waiting:  # nothing is runnable: that is what they wait for
            for future in self.waiting:
                if not future.done():
                    future.set_result(None)
            self.waiting.clear()
            return ready
        if timeout is not None and self.clock.elapsed + timeout <= self.clock.limit + _ROUNDING:
            self.clock.elapsed += max(timeout, 1e-9)
            return ready
        return super().select(None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.selector = _JumpingSelector(clock)
        super().__init__(self.selector)
        self._clock_resolution = _ROUNDING  # after half a year, a float has no nanoseconds left

    def time(self) -> float:
        return self.clock.elapsed
