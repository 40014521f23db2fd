"""Reading logs in CRI's format."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from podium.agent.logs import LogReader, last_bytes
from podium.clock import EPOCH, VirtualClock, VirtualLoop
from podium.machinery.streams import LogOptions


def stamp(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")


def write(path: Path, first: int, last: int) -> None:
    path.write_text("".join(f"{stamp(number)} stdout F line {number}\n" for number in range(first, last)))


def read(path: Path, clock: VirtualClock, **options: Any) -> str:
    async def all_of_it() -> bytes:
        reader = LogReader(path, LogOptions(**options), clock, lambda: True)
        return b"".join([piece async for piece in reader.read()])

    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(all_of_it()).decode()
    finally:
        loop.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Ten lines in three files."""
    write(tmp_path / "0.log.2", 0, 3)
    write(tmp_path / "0.log.1", 3, 7)
    write(tmp_path / "0.log", 7, 10)
    return tmp_path / "0.log"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, range(10)),
        ({"tail_lines": 2}, (8, 9)),
        ({"tail_lines": 5}, range(5, 10)),
        ({"tail_lines": 0}, ()),
        ({"tail_lines": 99}, range(10)),
        ({"since_time": EPOCH + timedelta(seconds=6)}, range(6, 10)),
        ({"since_seconds": 3}, (7, 8, 9)),
        ({"since_seconds": 2**62, "tail_lines": 2}, (8, 9)),
    ],
)
def test_selection(log: Path, options: dict[str, Any], expected: Any) -> None:
    clock = VirtualClock(EPOCH + timedelta(seconds=10))
    assert read(log, clock, **options) == "".join(f"line {number}\n" for number in expected)


def test_limit_and_timestamps(log: Path) -> None:
    assert read(log, VirtualClock(), limit_bytes=10) == "line 0\nlin"
    assert read(log, VirtualClock(), tail_lines=1, timestamps=True) == f"{stamp(9)} line 9\n"


def test_parts_of_a_line_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_text(f"{stamp(0)} stdout P one \n{stamp(1)} stdout F two\n{stamp(2)} stderr F \ngarbage\n{stamp(3)} std")
    assert read(path, VirtualClock()) == "one two\n\n"
    assert read(path, VirtualClock(), tail_lines=2) == "one two\n\n"


def test_following_through_a_rotation_to_the_end(tmp_path: Path) -> None:
    clock = VirtualClock()
    path = tmp_path / "0.log"
    write(path, 0, 2)
    ended = False

    async def follow() -> bytes:
        reader = LogReader(path, LogOptions(follow=True), clock, lambda: ended)
        return b"".join([piece async for piece in reader.read()])

    async def run() -> bytes:
        nonlocal ended
        following = asyncio.ensure_future(follow())
        await clock.sleep(1)
        with path.open("a") as file:
            file.write(f"{stamp(2)} stdout F line 2\n{stamp(3)} stdout F line 3\n")
        path.rename(tmp_path / "0.log.1")
        write(path, 4, 5)
        await clock.sleep(1)
        assert not following.done()
        with path.open("a") as file:
            file.write(f"{stamp(5)} stdout F line 5\n")
        ended = True
        return await following

    loop = VirtualLoop(clock)
    try:
        assert loop.run_until_complete(run()).decode() == "".join(f"line {number}\n" for number in range(6))
    finally:
        loop.close()


def test_following_keeps_no_file_open_that_was_rotated_away(tmp_path: Path) -> None:
    clock = VirtualClock()
    path = tmp_path / "0.log"
    write(path, 0, 1)
    reader = LogReader(path, LogOptions(follow=True), clock, lambda: False)

    async def run() -> int:
        pieces = reader.read()
        for number in range(1, 20):
            await anext(pieces)
            path.unlink()
            write(path, number, number + 1)
        await anext(pieces)
        links = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_open(number)]
        await pieces.aclose()
        return sum(link.startswith(str(path)) for link in links)

    def is_open(number: str) -> bool:
        return os.path.lexists(f"/proc/self/fd/{number}")

    loop = VirtualLoop(clock)
    try:
        assert loop.run_until_complete(run()) == 1
    finally:
        loop.close()


def test_the_last_words(log: Path) -> None:
    assert last_bytes(log, 100, 2) == "line 8\nline 9\n"
    assert last_bytes(log, 4, 2) == "e 9\n"
    assert last_bytes(log.with_name("none"), 4, 2) == ""
