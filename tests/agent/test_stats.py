"""What processes use: from /proc, and how much that is a second."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from podium.agent import stats
from podium.agent.stats import NODE, Counters, Meter, Process, Running
from podium.clock import VirtualClock, VirtualLoop
from podium.machinery.usage import Usage

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat(pid: int, parent: int, *times: int, pages: int = 0, name: str = "sh") -> str:
    user, system, waited_user, waited_system = times
    head = f"{pid} ({name}) S {parent} 1 1 0 -1 4194560 0 0 0 0 "
    return f"{head}{user} {system} {waited_user} {waited_system} 20 0 1 0 100 1000 {pages} 0 0\n"


def test_a_stat_line() -> None:
    line = stat(7, 3, TICKS, 2 * TICKS, 3 * TICKS, 4 * TICKS, pages=5, name="a) S (b")
    assert stats.parse_stat(line) == Process(parent=3, own=3, children=7, resident=5 * PAGE)


def proc(folder: Path, lines: Mapping[int, str]) -> Path:
    for pid, line in lines.items():
        (folder / str(pid)).mkdir()
        (folder / str(pid) / "stat").write_text(line)
    (folder / "stat").write_text(f"cpu  {TICKS} 0 {TICKS} {5 * TICKS} {TICKS} 0 0 0 0 0\ncpu0 1 1 1 1\n")
    (folder / "meminfo").write_text("MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\n")
    return folder


def test_a_container_is_what_is_below_its_supervisor(tmp_path: Path) -> None:
    one = TICKS
    lines = {
        10: stat(10, 1, 50 * one, 0, 1 * one, 0, pages=100),  # the supervisor: what it outlived was the container's
        11: stat(11, 10, 2 * one, 0, 3 * one, 0, pages=2),
        12: stat(12, 11, 4 * one, one, 0, 0, pages=3),
        20: stat(20, 1, 9 * one, 0, 0, 0, pages=9),
    }
    found = stats.look({"a": 10, "gone": 99}, proc(tmp_path, lines))
    assert found["a"] == Counters(1 + 5 + 5, 5 * PAGE)
    assert "gone" not in found
    assert found[NODE] == Counters(2, 600 * 1024)


def test_shared_memory_counts_once(tmp_path: Path) -> None:
    lines = {10: stat(10, 1, 0, 0, 0, 0), 11: stat(11, 10, 0, 0, 0, 0, pages=7)}
    folder = proc(tmp_path, lines)
    (folder / "11" / "smaps_rollup").write_text("55d0-7ffd ---p 00000000 00:00 0  [rollup]\nRss:  28 kB\nPss:  12 kB\n")
    assert stats.look({"a": 10}, folder)["a"].memory == 12 * 1024


def test_this_machine() -> None:
    found = stats.look({"me": os.getppid()})
    assert found["me"].memory > 0
    assert found[NODE].memory > 0


class Machine:
    """Counters that grow by a known rate."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.looks = 0

    def look(self, supervisors: Mapping[str, int]) -> dict[str, Counters]:
        self.looks += 1
        now = self.clock.monotonic()
        return {key: Counters(now * rate / 1000, rate) for key, rate in {**supervisors, NODE: 2000}.items()}


def measure(steps: list[tuple[float, dict[str, Running]]]) -> tuple[list[Mapping[str, Usage]], Machine]:
    """Wait, ask, wait, ask ..."""
    clock = VirtualClock()
    machine = Machine(clock)
    meter = Meter(clock, machine.look)

    async def body() -> list[Mapping[str, Usage]]:
        found = []
        for wait, running in steps:
            await clock.sleep(wait)
            found.append(await meter.measure(running))
        return found

    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(body()), machine
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_the_first_time_two_looks_are_taken() -> None:
    (found,), machine = measure([(1000, {"a": Running(500, age=900)})])
    assert machine.looks == 2
    assert found["a"].memory == 500
    assert (found["a"].cpu, found["a"].window) == pytest.approx((0.5, 1))
    assert found[NODE].cpu == pytest.approx(2)


def test_then_the_look_before_serves_unless_it_is_old() -> None:
    running = {"a": Running(500, age=900)}
    found, machine = measure([(1000, running), (5, running), (10, running), (61, running)])
    assert [one["a"].window for one in found] == pytest.approx([1, 1, 15, 1])
    assert found[1] is found[0]
    assert machine.looks == 2 + 0 + 1 + 2


def test_a_new_container_began_with_nothing() -> None:
    old, new = {"a": Running(500, age=900)}, {"a": Running(500, age=920), "b": Running(100, age=4)}
    found, machine = measure([(0, old), (20, new)])
    assert machine.looks == 3
    assert found[1]["b"].window == pytest.approx(4)
    assert found[1]["b"].cpu == pytest.approx(0.1 * 21 / 4)
    assert found[1]["a"].window == pytest.approx(20)
