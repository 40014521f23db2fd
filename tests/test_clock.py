"""The virtual clock: time jumps when nothing is runnable, stands still when held, and passes in order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from podium.clock import EPOCH, RealClock, VirtualClock, VirtualLoop


def run(clock: VirtualClock, work: Coroutine[Any, Any, Any]) -> Any:
    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(asyncio.wait_for(work, None))
    finally:
        loop.close()


def test_a_week_passes_in_a_moment() -> None:
    clock = VirtualClock()

    async def work() -> None:
        await clock.sleep(7 * 86400)

    run(clock, work())
    assert clock.now() - EPOCH == timedelta(days=7) + timedelta(microseconds=(clock.now() - EPOCH).microseconds)
    assert clock.monotonic() == pytest.approx(7 * 86400)


def test_sleepers_wake_in_order() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, round(clock.monotonic(), 6)))

    async def work() -> None:
        await asyncio.gather(sleeper("c", 3), sleeper("a", 1), sleeper("b", 2), sleeper("zero", 0), sleeper("past", -1))

    run(clock, work())
    assert woken == [("zero", 0.0), ("past", 0.0), ("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_timeouts_and_timers_see_the_same_time() -> None:
    clock = VirtualClock()
    called: list[float] = []

    async def work() -> None:
        clock.call_later(5, lambda: called.append(round(clock.monotonic(), 6)))
        cancelled = clock.call_later(6, lambda: called.append(-1))
        cancelled.cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()

    run(clock, work())
    assert called == [5.0]
    assert clock.monotonic() == pytest.approx(10)


def test_held_time_moves_only_by_advance() -> None:
    clock = VirtualClock()
    seen: list[str] = []

    async def sleeper() -> None:
        await clock.sleep(10)
        seen.append("ten")
        await clock.sleep(10)
        seen.append("twenty")

    async def work() -> None:
        clock.hold()
        task = asyncio.ensure_future(sleeper())
        await clock.settle()
        assert (seen, clock.monotonic()) == ([], 0)
        await clock.advance(9)
        assert seen == []
        await clock.advance(2)
        assert seen == ["ten"]
        await clock.advance(20)
        assert seen == ["ten", "twenty"]
        assert clock.monotonic() == pytest.approx(31)
        await task

    run(clock, work())


def test_held_time_waits_for_real_input() -> None:
    """Bytes through a pipe arrive while virtual time stands still."""
    clock = VirtualClock()

    async def work() -> bytes:
        def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hi")
            writer.close()

        clock.hold()
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        data = await reader.read()
        writer.close()
        server.close()
        return data

    assert run(clock, work()) == b"hi"
    assert clock.monotonic() == 0


def test_it_needs_its_own_loop() -> None:
    clock = VirtualClock()

    async def work() -> None:
        await VirtualClock().settle()

    with pytest.raises(RuntimeError, match="VirtualLoop that was made with it"):
        run(clock, work())


def test_the_real_clock_is_aware_and_goes_on() -> None:
    clock = RealClock()
    first, second = clock.monotonic(), clock.monotonic()
    assert first <= second
    assert clock.now().utcoffset() == timedelta(0)
