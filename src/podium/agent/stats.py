"""What the processes of containers use: CPU time and memory of each container's process tree, from /proc.

Nothing is read until somebody asks. CPU is a rate, so it takes two looks: the last one serves if it was not long ago,
a container that has just started began with nothing, and otherwise a second look follows after a moment.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from podium.agent.runtime import Runtime
from podium.clock import Clock
from podium.machinery.usage import NodeUsage, PodUsage, Usage
from podium.models.core_v1 import Pod

FRESH = 10.0
"""Seconds for which a measurement is given out again."""
STALE = 60.0
"""Seconds after which a look is too old to tell what is used now."""
PAUSE = 1.0
"""Seconds between two looks where there is no earlier one."""
NODE = "node"
PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    parent: int
    own: float
    """Seconds of CPU time that it used itself."""
    children: float
    """Of those that it has outlived."""
    resident: int


@dataclass(frozen=True, slots=True)
class Counters:
    cpu: float
    """Seconds of CPU time, in all."""
    memory: int


Looks = Mapping[str, Counters]


def processes(proc: Path = PROC) -> dict[int, Process]:
    """All processes of the machine; one that ends meanwhile is left out."""
    found = {}
    for entry in os.scandir(proc):
        if entry.name.isdigit():
            try:
                text = (proc / entry.name / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(entry.name)] = parse_stat(text)
    return found


def parse_stat(text: str) -> Process:
    """/proc/<pid>/stat (proc(5)). The program's name is in parentheses and may hold anything."""
    fields = text[text.rindex(")") + 2 :].split()
    user, system, waited_user, waited_system = (int(one) for one in fields[11:15])
    return Process(
        parent=int(fields[1]),
        own=(user + system) / _TICKS,
        children=(waited_user + waited_system) / _TICKS,
        resident=int(fields[21]) * _PAGE,
    )


def below(found: Mapping[int, Process], roots: Iterable[int]) -> dict[int, list[int]]:
    """The descendants of each root, which is itself not one of them."""
    children: dict[int, list[int]] = {}
    for pid, process in found.items():
        children.setdefault(process.parent, []).append(pid)
    result = {}
    for root in roots:
        waiting, family = list(children.get(root, ())), []
        while waiting:
            pid = waiting.pop()
            family.append(pid)
            waiting += children.get(pid, ())
        result[root] = family
    return result


def look(supervisors: Mapping[str, int], proc: Path = PROC) -> dict[str, Counters]:
    """What has been used below each supervisor's process, and by the machine as a whole. Blocks."""
    found = processes(proc)
    families = below(found, supervisors.values())
    result = {NODE: machine(proc)}
    for key, root in supervisors.items():
        if root in found:
            family = families[root]
            # what a supervisor has outlived was the container's
            cpu = found[root].children + sum(found[pid].own + found[pid].children for pid in family)
            result[key] = Counters(cpu, sum(_memory(pid, found[pid], proc) for pid in family))
    return result


def _memory(pid: int, process: Process, proc: Path) -> int:
    """Its share of what it has in memory; what it has in memory if that can't be told."""
    try:
        for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return process.resident
    return process.resident


def machine(proc: Path = PROC) -> Counters:
    """What the machine has used since it was started, and the memory that isn't available."""
    ticks = [int(one) for one in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    memory = {}
    for line in (proc / "meminfo").read_text().splitlines():
        name, _, amount = line.partition(":")
        memory[name] = int(amount.split()[0]) * 1024
    return Counters((sum(ticks) - idle) / _TICKS, memory["MemTotal"] - memory.get("MemAvailable", memory["MemFree"]))


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs."""

    supervisor: int
    """The process whose descendants are the container's."""
    age: float
    """Seconds since it was started."""


class Meter:
    """Measures containers, by whatever key the caller gives them."""

    def __init__(self, clock: Clock, take: Callable[[Mapping[str, int]], Looks] = look) -> None:
        self._clock = clock
        self._take = take
        self._lock = asyncio.Lock()
        self._looked = 0.0
        self._last: Looks = {}
        self._measured: dict[str, Usage] = {}

    async def node_usage(self, runtime: Runtime, pods: Sequence[Pod]) -> NodeUsage:
        """What the machine uses, and the containers of the Pods that the runtime runs."""
        now, running = self._clock.now(), {}
        for pod in pods:
            for record in runtime.containers(pod.metadata.uid):
                supervisor = runtime.supervisor(record.id)
                if supervisor and record.started_at is not None:
                    running[record.id] = Running(supervisor, (now - record.started_at).total_seconds())
        measured = await self.measure(running)
        found = []
        for pod in pods:
            records = runtime.containers(pod.metadata.uid)
            containers = {record.name: measured[record.id] for record in records if record.id in measured}
            if containers:
                found.append(PodUsage(pod.metadata.namespace, pod.metadata.name, containers))
        return NodeUsage(measured[NODE], tuple(found))

    async def measure(self, running: Mapping[str, Running]) -> Mapping[str, Usage]:
        """By the containers' keys, and by NODE. What runs for less than a second is left out."""
        async with self._lock:
            now = self._clock.monotonic()
            fresh = self._measured and now - self._looked < FRESH
            if not fresh or any(key not in self._measured for key in running):
                await self._measure(running, now)
            return self._measured

    async def _measure(self, running: Mapping[str, Running], now: float) -> None:
        supervisors = {key: one.supervisor for key, one in running.items()}
        before = {}
        if self._last and now - self._looked <= STALE:
            before = {key: (counters.cpu, self._looked) for key, counters in self._last.items()}
        for key, one in running.items():
            if key not in before and one.age <= STALE:
                before[key] = (0.0, now - one.age)
        if any(key not in before or now - before[key][1] < PAUSE for key in (*running, NODE)):
            first, at = await asyncio.to_thread(self._take, supervisors), self._clock.monotonic()
            before |= {key: (counters.cpu, at) for key, counters in first.items() if key not in before}
            await self._clock.sleep(PAUSE)
        self._last, self._looked = await asyncio.to_thread(self._take, supervisors), self._clock.monotonic()
        self._measured = {
            key: self._usage(counters, *before[key]) for key, counters in self._last.items() if key in before
        }

    def _usage(self, counters: Counters, cpu: float, since: float) -> Usage:
        window = max(self._looked - since, PAUSE / 2)
        return Usage(max(counters.cpu - cpu, 0.0) / window, counters.memory, self._clock.now(), window)
