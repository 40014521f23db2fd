"""The loop that all controllers share: what becomes of a key after each kind of outcome."""

from __future__ import annotations

import asyncio
import logging

import pytest

from podium.client.queue import WorkQueue
from podium.clock import VirtualClock, VirtualLoop
from podium.controllers.worker import DONE, Result, TerminalError, work
from podium.machinery import errors

Outcome = Result | Exception


def reconciled(outcomes: list[Outcome], seconds: float, again: float | None = None) -> list[float]:
    """When a key is reconciled, within that time, if the outcomes are these (and all well after that). `again`: when
    something changes."""
    times: list[float] = []

    class Scripted:
        async def reconcile(self, key: str) -> Result:
            times.append(round(clock.elapsed, 3))
            outcome = outcomes[len(times) - 1] if len(times) <= len(outcomes) else DONE
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    async def body() -> None:
        queue = WorkQueue[str](clock, "test")
        worker = asyncio.create_task(work("test", Scripted(), queue))
        queue.add("key")
        if again is not None:
            clock.call_later(again, lambda: queue.add("key"))
        await clock.sleep(seconds)
        queue.shut_down()
        await worker

    clock = VirtualClock()
    loop = VirtualLoop(clock)
    try:
        loop.run_until_complete(body())
    finally:
        loop.close()
    return times


CONFLICT = errors.Conflict("pods", "a")


@pytest.mark.parametrize(
    ("outcomes", "times"),
    [
        pytest.param([DONE], [0], id="done"),
        pytest.param([Result(requeue_after=3)], [0, 3], id="asked to come again"),
        pytest.param([CONFLICT, CONFLICT, CONFLICT], [0, 0.005, 0.015, 0.035], id="conflicts back off"),
        pytest.param([errors.ServiceUnavailable("down")], [0, 0.005], id="errors back off"),
        pytest.param(
            [CONFLICT, Result(requeue_after=1), CONFLICT], [0, 0.005, 1.005, 1.01], id="well again: forgotten"
        ),
        pytest.param([TerminalError("no")], [0], id="terminal"),
    ],
)
def test_when_a_key_comes_again(outcomes: list[Outcome], times: list[float]) -> None:
    assert reconciled(outcomes, 10) == times


def test_a_mistake_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert reconciled([ValueError("mistake")], 10) == [0, 0.005]
    assert "mistake" in caplog.text


@pytest.mark.parametrize(("again", "times"), [(0.1, [0, 0.5]), (0.7, [0, 0.7])])
def test_a_rest_gathers_changes(again: float, times: list[float]) -> None:
    assert reconciled([Result(rest=0.5)], 10, again) == times
