"""Ends what nobody uses, and what has to go: how long a conversation may be silent, and how its parts end together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from podium.clock import Clock

IDLE_SECONDS = 4 * 3600.0
"""As the kubelet's streamingConnectionIdleTimeout."""


class Idle:
    """Notes when something last happened."""

    def __init__(self, clock: Clock, seconds: float = IDLE_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._last = clock.monotonic()

    def touch(self) -> None:
        self._last = self._clock.monotonic()

    async def expired(self) -> None:
        """Returns when nothing has happened for that long."""
        while (left := self._last + self._seconds - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)


async def until_first(*works: Coroutine[Any, Any, None]) -> None:
    """Run them together until one ends, cancel and await the others; raises what the one that ended raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()
