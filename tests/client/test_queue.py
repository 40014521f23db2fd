"""The work queue: each key once, none twice at a time, back-off, delays, holds, shutdown."""

from __future__ import annotations

import asyncio

import pytest

from podium.client.queue import QueueShutDown, WorkQueue
from podium.clock import VirtualClock
from tests.client.virtual import run


def test_a_key_that_waits_is_given_out_once() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        for key in ("a", "b", "a", "a"):
            queue.add(key)
        assert [await queue.get(), await queue.get()] == ["a", "b"]
        assert len(queue) == 0

    run(body)


def test_a_key_that_is_added_while_it_is_handled_comes_again_afterwards() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        queue.add("a")
        await queue.get()
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert len(queue) == 1
        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    run(body)


def test_failures_double_the_delay_up_to_the_longest_and_forget_starts_anew() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test", base_delay=1, longest_delay=5)
        delays = []
        for _ in range(5):
            start = clock.elapsed
            queue.add_rate_limited("a")
            await queue.get()
            delays.append(round(clock.elapsed - start, 6))
            queue.done("a")
        assert delays == [1, 2, 4, 5, 5]
        assert queue.retries("a") == 5
        queue.forget("a")
        start = clock.elapsed
        queue.add_rate_limited("a")
        await queue.get()
        assert clock.elapsed - start == pytest.approx(1)

    run(body)


@pytest.mark.parametrize(("delays", "expected"), [((5, 2), 2), ((2, 5), 2), ((3, 0), 0)])
def test_of_several_delays_the_shortest_counts(delays: tuple[float, ...], expected: float) -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        for delay in delays:
            queue.add_after("a", delay)
        await queue.get()
        assert clock.elapsed == pytest.approx(expected)

    run(body)


def test_what_happens_to_a_held_key_is_handled_at_once_when_it_is_let_go() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        queue.add("a")
        await queue.get()
        queue.hold("a", 0.5)
        queue.done("a")
        for _ in range(3):
            queue.add("a")
        assert len(queue) == 0
        await queue.get()
        assert clock.elapsed == pytest.approx(0.5)
        queue.done("a")
        assert len(queue) == 0

    run(body)


def test_a_hold_that_nothing_happens_in_leaves_no_trace() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        queue.hold("a", 0.5)
        await clock.sleep(1)
        assert len(queue) == 0
        queue.add("a")
        assert len(queue) == 1

    run(body)


def test_workers_wait_for_keys_and_end_at_shutdown_when_all_are_given_out() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[int](clock, "test")
        handled: list[int] = []

        async def work() -> None:
            while True:
                try:
                    key = await queue.get()
                except QueueShutDown:
                    return
                handled.append(key)
                queue.done(key)

        workers = [asyncio.create_task(work()) for _ in range(3)]
        await clock.sleep(1)
        for key in range(10):
            queue.add(key)
        queue.add_after(99, 5)
        queue.shut_down()
        queue.add(100)
        await asyncio.gather(*workers)
        assert handled == list(range(10))

    run(body)


def test_a_worker_that_is_cancelled_leaves_its_key_to_another() -> None:
    async def body(clock: VirtualClock) -> None:
        queue = WorkQueue[str](clock, "test")
        workers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await clock.sleep(1)
        queue.add("a")  # wakes the first one, which is cancelled before it can run
        workers[0].cancel()
        workers[1].cancel()
        await clock.sleep(1)
        assert workers[2].result() == "a"

    run(body)
