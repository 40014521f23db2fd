"""What a thread has made is undone when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from podium.agent.threads import in_thread


def test_what_the_work_returns_is_kept() -> None:
    undone: list[str] = []
    assert asyncio.run(in_thread(lambda: "made", undone.append)) == "made"
    assert undone == []


def test_what_was_made_for_nobody_is_undone_before_the_cancellation_goes_on() -> None:
    begun, go_on, undone = threading.Event(), threading.Event(), list[str]()

    def work() -> str:
        begun.set()
        go_on.wait()
        return "made"

    async def run() -> None:
        waiting = asyncio.ensure_future(in_thread(work, undone.append))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert undone == ["made"]

    asyncio.run(run())


def test_a_failure_that_nobody_waits_for_is_nothing_to_undo() -> None:
    go_on, undone = threading.Event(), list[None]()

    def work() -> None:
        go_on.wait()
        raise OSError("not now")

    async def run() -> None:
        waiting = asyncio.ensure_future(in_thread(work, undone.append))
        await asyncio.sleep(0)
        waiting.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert undone == []

    asyncio.run(run())
