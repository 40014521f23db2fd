"""Doing the same thing many times, carefully: a few first, then twice as many, as long as all goes well.

What fails once (a quota, an admission rule) would fail a thousand times; slow start keeps that from swamping the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from podium.machinery import errors

INITIAL = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    succeeded: int
    error: errors.StatusError | None = None
    """The first that was met; nothing was begun after its batch."""


async def slow_start(count: int, act: Callable[[int], Awaitable[object]], initial: int = INITIAL) -> Outcome:
    """Call `act(0)` to `act(count - 1)` in batches of 1, 2, 4, ... that run concurrently each."""
    begun, size, succeeded = 0, min(initial, count), 0
    while size:
        results = await asyncio.gather(*map(act, range(begun, begun + size)), return_exceptions=True)
        begun += size
        failures = [result for result in results if isinstance(result, BaseException)]
        succeeded += size - len(failures)
        if failures:
            return Outcome(succeeded, _first(failures))
        size = min(size * 2, count - begun)
    return Outcome(succeeded)


async def all_at_once(actions: list[Awaitable[object]]) -> errors.StatusError | None:
    """Run all concurrently, to the end; the first error."""
    results = await asyncio.gather(*actions, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    return _first(failures) if failures else None


def _first(failures: list[BaseException]) -> errors.StatusError:
    """The first answer of the API that was an error; anything else that was raised is a mistake of ours."""
    for failure in failures:
        if not isinstance(failure, errors.StatusError):
            raise failure
    first = failures[0]
    assert isinstance(first, errors.StatusError)
    return first
