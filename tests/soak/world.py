"""A cluster whose parts are as if in processes of their own: each has its own caches, hears late, and can die alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from podium.agent.agent import Agent
from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.inprocess import InProcessTransport
from podium.clock import VirtualClock
from podium.controllers.manager import ControllerManager
from podium.machinery.usage import NodeUsage
from podium.models import core_v1, meta_v1
from podium.models.resources import ResourceType
from podium.registry.registry import Registry
from podium.scheduler.scheduler import Scheduler
from podium.store.memory import MemoryStore
from tests.controllers.cluster import UnreliableTransport

CONTROLLERS, SCHEDULER = "controllers", "scheduler"


class PartTransport(UnreliableTransport):
    """Tells, too, who removes Pods at once."""

    def __init__(self, world: World, part: str, chance: Random) -> None:
        super().__init__(world.registry, world.clock, chance, world.late)
        self._world = world
        self._part = part

    async def delete(
        self, resource: ResourceType, namespace: str, name: str, options: meta_v1.DeleteOptions | None = None
    ) -> None:
        if resource.plural == "pods" and options is not None and options.gracePeriodSeconds == 0:
            for tell in self._world.on_removal:
                tell(self._part, namespace, name)
        await super().delete(resource, namespace, name, options)


class World:
    def __init__(self, seed: int, clock: VirtualClock, directory: Path, *, nodes: int, late: float) -> None:
        """`late`: by how many seconds at most the parts hear late of a change."""
        self.clock = clock
        self.store = MemoryStore()
        self.registry = Registry(self.store, clock, Random(seed))
        self.client = Client(InProcessTransport(self.registry))
        """The users' and the tests' own, which is never late and never fails."""
        self.truth = Informers(self.client, clock)
        self.nodes = [f"node-{number + 1}" for number in range(nodes)]
        self.late = late
        self.dead: set[str] = set()
        """The parts that don't run."""
        self.silent: set[str] = set()
        """Those of them of which nothing is under way any more."""
        self.on_removal: list[Callable[[str, str, str], None]] = []
        """Told which part removes which Pod (namespace, name) without a grace period."""
        self.transports: dict[str, PartTransport] = {}
        self.impaired: list[tuple[float, float]] = []
        """From when to when the controllers were away, or their writes failed."""
        self.problem: list[str] = []
        self.registry.provide_metrics(self)
        self._agents: dict[str, Agent] = {}
        self._seed = seed
        self._directory = directory
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}

    async def start(self) -> None:
        await self.registry.start()
        self._tasks["truth"] = [self._task("truth", self.truth.run())]
        await self.truth.synced()
        for name in (*self.nodes, SCHEDULER, CONTROLLERS):
            self.start_part(name)
        await self.clock.sleep(30)

    async def stop(self) -> None:
        for name in tuple(self._tasks):
            await self.stop_part(name)
        await self.registry.stop()

    def start_part(self, name: str) -> None:
        """Begin a part anew: it knows nothing of what it did before."""
        rng = Random(f"{self._seed} {name}")
        transport = self.transports[name] = PartTransport(self, name, rng)
        client = Client(transport)
        informers = Informers(client, self.clock)
        part: ControllerManager | Scheduler | Agent
        if name == CONTROLLERS:
            rows = [row for row in self.registry.resources() if {"list", "watch", "delete"} <= set(row.verbs)]
            resources = [row.type for row in rows if row.view is None]
            part = ControllerManager(
                client, informers, self.clock, rng, resources=resources, volumes=self._directory / "volumes"
            )
        elif name == SCHEDULER:
            part = Scheduler(client, informers, self.clock, rng)
        else:
            part = Agent(client, informers, self.clock, rng, name, index=self.nodes.index(name), lease_seconds=40)
            self._agents[name] = part
        self._tasks[name] = [self._task(name, part.run()), self._task(name, informers.run())]
        self.dead.discard(name)
        self.silent.discard(name)

    async def stop_part(self, name: str) -> None:
        """As if its process were killed."""
        self.dead.add(name)
        tasks = self._tasks.pop(name)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.silent.add(name)

    def _task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled():
                self.problem.append(f"{name} ended: {task.exception()!r}")

        task = asyncio.create_task(work, name=name)
        task.add_done_callback(ended)
        return task

    async def usage(self, node: str) -> NodeUsage | None:
        """machinery.usage.UsageAccess."""
        return None if node in self.dead else await self._agents[node].usage()

    async def fail_writes(self, seconds: float) -> None:
        """Let some of the writes of the controllers fail for a while."""
        transport = self.transports[CONTROLLERS]
        transport.failing = 0.3
        await self.impair(seconds)
        transport.failing = 0.0

    async def impair(self, seconds: float) -> None:
        """Wait, and remember that the controllers weren't themselves meanwhile."""
        self.impaired.append((self.clock.elapsed, self.clock.elapsed + seconds))
        await self.clock.sleep(seconds)

    def pods(self) -> list[core_v1.Pod]:
        return list(self.truth.of(core_v1.Pod).list())


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    await world.start()
    try:
        yield
    finally:
        await world.stop()
