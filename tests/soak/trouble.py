"""What goes wrong: Pods fail, are deleted and evicted, nodes are lost, controllers die, writes fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from random import Random
from typing import Any

from podium.machinery import errors
from podium.models import core_v1, meta_v1, policy_v1
from tests.soak.watchers import Watchers
from tests.soak.world import CONTROLLERS, SCHEDULER, World


class Trouble:
    def __init__(self, world: World, watchers: Watchers, chance: Random) -> None:
        self._world = world
        self._watchers = watchers
        self._chance = chance
        self._pending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        some = [self.delete, self.burst, self.lose_node, self.restart, self.fail_writes]
        deeds = [self.fail, self.fail, self.evict, self.evict, *some]
        while True:
            await self._world.clock.sleep(self._chance.choice([0, 0.3, 5, 20]))
            await self._chance.choice(deeds)()

    async def heal(self) -> None:
        """All that is down comes up again, in its own time; from now on nothing fails."""
        while self._pending:
            await asyncio.wait(self._pending)

    def _pod(self) -> core_v1.Pod | None:
        pods = sorted(self._world.pods(), key=lambda pod: pod.metadata.name)
        pods = [pod for pod in pods if pod.metadata.deletionTimestamp is None and pod.spec.nodeName]
        return self._chance.choice(pods) if pods else None

    async def fail(self) -> None:
        """The node fails the Pod as a whole."""
        pod = self._pod()
        if pod is not None:
            self._watchers.mine.add(pod.metadata.uid)
            with contextlib.suppress(errors.NotFound, errors.Invalid):
                change = {"spec": {"activeDeadlineSeconds": 1}, "metadata": {"uid": pod.metadata.uid}}
                await self._world.client.patch(core_v1.Pod, pod.metadata.namespace, pod.metadata.name, change)

    async def delete(self) -> None:
        pod = self._pod()
        if pod is not None:
            self._watchers.mine.add(pod.metadata.uid)
            with contextlib.suppress(errors.NotFound):
                await self._world.client.delete(core_v1.Pod, pod.metadata.namespace, pod.metadata.name)

    async def evict(self) -> None:
        pod = self._pod()
        if pod is not None:
            await self._evict(pod)

    async def burst(self) -> None:
        """Several at once."""
        pods = [pod for pod in (self._pod(), self._pod(), self._pod(), self._pod()) if pod is not None]
        await asyncio.gather(*map(self._evict, pods))

    async def _evict(self, pod: core_v1.Pod) -> None:
        name, namespace = pod.metadata.name, pod.metadata.namespace
        options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=pod.metadata.uid))
        eviction = policy_v1.Eviction(
            metadata=meta_v1.ObjectMeta(name=name, namespace=namespace), deleteOptions=options
        )
        self._watchers.evicting.add(pod.metadata.uid)
        with contextlib.suppress(errors.NotFound, errors.TooManyRequests, errors.Conflict):
            await self._world.client.create_subresource(core_v1.Pod, namespace, name, "eviction", eviction)

    async def lose_node(self) -> None:
        nodes = [name for name in self._world.nodes if name not in self._world.dead]
        if len(nodes) <= len(self._world.nodes) - 2:
            return
        name = self._chance.choice(nodes)
        self._soon(self._node_is_away(name, self._chance.choice([5, 60, 500]), self._chance.random() < 0.3))
        await asyncio.sleep(0)

    async def _node_is_away(self, name: str, seconds: float, deleted: bool) -> None:
        await self._world.stop_part(name)
        await self._world.clock.sleep(seconds)
        if deleted:
            with contextlib.suppress(errors.NotFound):
                await self._world.client.delete(core_v1.Node, "", name)
            await self._world.clock.sleep(seconds)
        self._world.start_part(name)

    async def restart(self) -> None:
        name = self._chance.choice([CONTROLLERS, CONTROLLERS, SCHEDULER])
        if name not in self._world.dead:
            self._soon(self._part_is_away(name, self._chance.choice([0, 1, 15])))
            await asyncio.sleep(0)

    async def _part_is_away(self, name: str, seconds: float) -> None:
        await self._world.stop_part(name)
        await (self._world.impair if name == CONTROLLERS else self._world.clock.sleep)(seconds)
        self._world.start_part(name)

    async def fail_writes(self) -> None:
        self._soon(self._world.fail_writes(self._chance.choice([1, 20])))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
