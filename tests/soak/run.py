"""One run: a story with or without trouble, what broke on the way, and what was left in the end."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from podium.clock import VirtualClock, VirtualLoop
from podium.models import codec, core_v1
from podium.store.port import Change
from tests.soak.outcome import orphans, outcome
from tests.soak.story import SETUP, create, no_more_ticks, plan
from tests.soak.trouble import Trouble
from tests.soak.watchers import Watchers
from tests.soak.world import World, running

NODES = 4
OPERATIONS = 25
QUIET = 900.0
"""Seconds without a write: longer than the longest back-off of a Pod or a Job."""


@dataclass(slots=True)
class Run:
    broken: list[str]
    outcome: dict[str, Any]
    seconds: float
    """How long it took, in the cluster."""
    writes: int
    checked: Counter[str]
    """How often each invariant was put to the test."""


class Writes:
    """Counts the writes that mean something: heartbeats and Events come and go."""

    def __init__(self, world: World) -> None:
        self.last = ""
        self.total = 0
        self.when = 0.0
        self._world = world
        self._nodes: dict[str, bytes] = {}
        world.store.subscribe(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            key = change.record.key
            if key.startswith(("/leases.", "/events/")) or (key.startswith("/nodes/") and self._is_heartbeat(change)):
                continue
            self.last, self.when = key, self._world.clock.elapsed
            self.total += 1

    def _is_heartbeat(self, change: Change) -> bool:
        node = codec.decode(change.record.value, core_v1.Node)
        for condition in node.status.conditions:
            condition.lastHeartbeatTime = None
        said, before = codec.encode(node), self._nodes.get(change.record.key)
        self._nodes[change.record.key] = said
        return said == before and not change.deleted


async def _run(seed: int, world: World, troubled: bool, operations: int) -> Run:
    watchers, writes = Watchers(world), Writes(world)
    async with running(world):
        await create(world, SETUP)
        await world.clock.sleep(60)
        trouble = Trouble(world, watchers, Random(f"trouble {seed}"))
        task = asyncio.create_task(trouble.run()) if troubled else None
        for operation in plan(seed, world.nodes, operations):
            await world.clock.sleep(operation.wait)
            await operation.act(world)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            await trouble.heal()
        await no_more_ticks(world)
        broken = [*world.problem]
        began = world.clock.elapsed
        while world.clock.elapsed - writes.when < QUIET and world.clock.elapsed - began < 20 * QUIET:
            await world.clock.sleep(60)
        if world.clock.elapsed - writes.when < QUIET:
            broken.append(f"something writes although all is settled: {writes.last}")
        broken += [*watchers.broken, *world.problem, *await orphans(world)]
        return Run(broken, await outcome(world), world.clock.elapsed, writes.total, Counter(watchers.counts))


def run(seed: int, *, troubled: bool = True, operations: int = OPERATIONS) -> Run:
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    with tempfile.TemporaryDirectory(prefix="podium-soak-") as directory:
        late = 1.0 if troubled else 0.0
        world = World(seed, clock, Path(directory), nodes=NODES, late=late)
        try:
            return loop.run_until_complete(_run(seed, world, troubled, operations))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {one.get(name)} instead of {other.get(name)}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of a seed: a run in trouble compared with a calm one."""

    problems: list[str]
    checked: Counter[str]
    seconds: float
    writes: int


def soak(seed: int, operations: int = OPERATIONS) -> Soak:
    calm = run(seed, troubled=False, operations=operations)
    troubled = run(seed, operations=operations)
    problems = [f"in the calm run: {one}" for one in calm.broken] + troubled.broken
    problems += [f"at the end, {one}" for one in differences(troubled.outcome, calm.outcome)]
    return Soak(problems, troubled.checked, troubled.seconds, troubled.writes)
