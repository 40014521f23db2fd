"""Slow start: batches double as long as all goes well, and stop with the first failure."""

from __future__ import annotations

import asyncio

import pytest

from podium.controllers.batches import all_at_once, slow_start
from podium.machinery import errors


def run(count: int, failing: frozenset[int] = frozenset()) -> tuple[list[int], int, bool]:
    """The sizes of the batches, how many succeeded, and whether there was an error."""
    sizes: list[int] = []
    running = 0

    async def act(index: int) -> None:
        nonlocal running
        if running == 0:
            sizes.append(0)
        running += 1
        sizes[-1] += 1
        await asyncio.sleep(0)
        running -= 1
        if index in failing:
            raise errors.TooManyRequests("quota")

    outcome = asyncio.run(slow_start(count, act))
    return sizes, outcome.succeeded, outcome.error is not None


@pytest.mark.parametrize(
    ("count", "failing", "expected"),
    [
        (0, (), ([], 0, False)),
        (1, (), ([1], 1, False)),
        (10, (), ([1, 2, 4, 3], 10, False)),
        (500, (), ([1, 2, 4, 8, 16, 32, 64, 128, 245], 500, False)),
        (10, (0,), ([1], 0, True)),
        (10, (2,), ([1, 2], 2, True)),
        (10, (3, 5), ([1, 2, 4], 5, True)),
        (10, (9,), ([1, 2, 4, 3], 9, True)),
    ],
)
def test_slow_start(count: int, failing: tuple[int, ...], expected: tuple[list[int], int, bool]) -> None:
    assert run(count, frozenset(failing)) == expected


def test_a_mistake_of_ours_is_not_taken_for_an_answer_of_the_api() -> None:
    async def act(_: int) -> None:
        raise ValueError("mistake")

    with pytest.raises(ValueError, match="mistake"):
        asyncio.run(slow_start(3, act))


def test_all_at_once_runs_all_to_the_end_and_tells_the_first_error() -> None:
    done: list[int] = []

    async def act(index: int) -> None:
        await asyncio.sleep(0)
        done.append(index)
        if index % 2:
            raise errors.TooManyRequests(f"failed {index}")

    error = asyncio.run(all_at_once([act(index) for index in range(4)]))
    assert str(error) == "failed 1"
    assert done == [0, 1, 2, 3]
