"""A scheduler on a real registry in memory and virtual time; the tests play the node agents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from random import Random
from typing import Any, TypeVar

from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.inprocess import InProcessTransport
from podium.client.transport import Transport
from podium.clock import VirtualClock, VirtualLoop
from podium.machinery import errors
from podium.models import codec, conditions, core_v1, meta_v1, scheduling_v1
from podium.registry.registry import Registry
from podium.scheduler.scheduler import Scheduler
from podium.store.memory import MemoryStore

T = TypeVar("T")

NOT_READY = "node.kubernetes.io/not-ready"


class World:
    def __init__(self, seed: int = 0, wrapped: Callable[[Transport], Transport] = lambda transport: transport) -> None:
        self.clock = VirtualClock()
        self.loop = VirtualLoop(self.clock)
        self.registry = Registry(MemoryStore(), self.clock, Random(seed))
        self.client = Client(InProcessTransport(self.registry))
        scheduling = Client(wrapped(InProcessTransport(self.registry)))
        self.informers = Informers(scheduling, self.clock)
        self.scheduler = Scheduler(scheduling, self.informers, self.clock, Random(seed))
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> World:
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def _start(self) -> None:
        await self.registry.start()
        default = meta_v1.ObjectMeta(name="default", namespace="default")
        await self.client.create(core_v1.ServiceAccount(metadata=default))
        self._tasks = [asyncio.create_task(part.run()) for part in (self.informers, self.scheduler)]
        await self.clock.settle()

    async def _stop(self) -> None:
        failed = [task for task in self._tasks if task.done()]
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.registry.stop()
        assert not failed, results

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def settle(self) -> None:
        self.run(self.clock.settle())

    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    def create(self, *objects: Any) -> None:
        """Nodes are ready at once; a Pod's priority is that of a class made for it."""
        for obj in objects:
            self.run(self._create(obj))

    async def _create(self, obj: Any) -> None:
        if isinstance(obj, core_v1.Pod):
            obj.metadata.uid = ""
            await self._classify(obj)
        created = await self.client.create(obj)
        if isinstance(obj, core_v1.Node):
            taints = {"spec": {"taints": [codec.to_tree(one) for one in created.spec.taints if one.key != NOT_READY]}}
            await self.client.patch(core_v1.Node, "", obj.metadata.name, taints, "merge")

    async def _classify(self, pod: core_v1.Pod) -> None:
        priority = pod.spec.priority
        if priority:
            pod.spec.priority = None
            pod.spec.priorityClassName = f"p{priority}"
            metadata = meta_v1.ObjectMeta(name=pod.spec.priorityClassName)
            with suppress(errors.AlreadyExists):
                await self.client.create(scheduling_v1.PriorityClass(metadata=metadata, value=priority))

    def pod(self, name: str) -> core_v1.Pod:
        return self.run(self.client.get(core_v1.Pod, "default", name))

    def pods(self) -> Sequence[core_v1.Pod]:
        return self.run(self.client.list(core_v1.Pod))

    def node_of(self, name: str) -> str:
        return self.pod(name).spec.nodeName

    def delete(self, name: str, grace: int = 0) -> None:
        self.run(self.client.delete(core_v1.Pod, "default", name, meta_v1.DeleteOptions(gracePeriodSeconds=grace)))

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """(type, reason, message) of each Event about the Pod."""
        found = self.run(self.client.list(core_v1.Event))
        return [(one.type, one.reason, one.message) for one in found if one.involvedObject.name == name]

    def scheduled(self, name: str) -> core_v1.PodCondition:
        """What the Pod's condition says of it."""
        found = conditions.get(self.pod(name).status.conditions, "PodScheduled")
        assert found is not None
        return found
