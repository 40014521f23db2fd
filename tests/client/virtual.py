"""Runs a coroutine in virtual time that flows by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from podium.clock import VirtualClock, VirtualLoop


def run(test: Callable[[VirtualClock], Awaitable[None]]) -> None:
    clock = VirtualClock()
    loop = VirtualLoop(clock)

    async def body() -> None:
        await test(clock)

    try:
        loop.run_until_complete(body())
    finally:
        loop.close()
