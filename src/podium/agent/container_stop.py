"""How the containers of a Pod end: preStop hooks, then the signal, all within the grace period; sidecars come last.

`waits_for` is the order; `ContainerStops` acts. What is under way can be hurried, since the time that a Pod has for its
end may become shorter at any moment.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from podium.agent import restart
from podium.agent.container_views import ContainerViews
from podium.agent.containers import everything
from podium.agent.driver import NodeContext
from podium.agent.events import WARNING
from podium.agent.probes import handlers
from podium.agent.runtime import Runtime
from podium.models.core_v1 import Container, Pod

T = TypeVar("T")
MINIMUM_GRACE = 2.0
"""Seconds between the signal and the end by force, however long the hook took or others were waited for."""


def waits_for(pod: Pod) -> Mapping[str, tuple[str, ...]]:
    """For whose end each sidecar waits before its own: that of all containers and of later sidecars (KEP-753)."""
    first = tuple(container.name for container in pod.spec.containers)
    sidecars = [container.name for container in pod.spec.initContainers if restart.is_sidecar(container)]
    return {name: (*first, *sidecars[number + 1 :]) for number, name in enumerate(sidecars)}


class ContainerStops:
    def __init__(self, context: NodeContext, runtime: Runtime, views: ContainerViews) -> None:
        self._context = context
        self._runtime = runtime
        self._views = views
        self._deadline = math.inf
        """When everything has to have ended, by the monotonic clock."""
        self._starting: set[asyncio.Task[Any]] = set()
        """Hooks of containers that have just started."""
        self._waiting: set[asyncio.Task[Any]] = set()
        """What containers that are to end wait for: hooks, others' ends."""
        self._told: set[str] = set()
        """Containers that have got the signal."""
        self._hurrying: set[asyncio.Task[None]] = set()

    def hurry(self, grace: float) -> None:
        """The whole Pod is to end, and within so many seconds."""
        clock = self._context.clock
        self._deadline = min(self._deadline, clock.monotonic() + grace)
        for start in tuple(self._starting):
            start.cancel()
        for wait in tuple(self._waiting):
            clock.call_later(grace, wait.cancel)
        for container_id in self._told:
            task = asyncio.get_running_loop().create_task(self._runtime.stop_container(container_id, grace))
            self._hurrying.add(task)
            task.add_done_callback(self._hurrying.discard)

    def close(self) -> None:
        for task in self._hurrying:
            task.cancel()

    async def post_start(self, pod: Pod, container: Container, container_id: str, grace: float) -> None:
        """The hook has all the time in the world, but for the end of the Pod. If it fails, that ends the container."""
        hook = container.lifecycle.postStart if container.lifecycle is not None else None
        if hook is None:
            return
        target = self._views.target(pod, container, container_id)
        outcome = await _to_its_end(handlers.hook(target, hook), self._starting)
        if outcome is not None and not outcome.success:
            self._tell(pod, container, "FailedPostStartHook", "PostStartHook failed")
            self._views.observe(pod)
            await self.kill(pod, container, grace, "FailedPostStartHook")

    async def stop_all(self, pod: Pod, grace: float) -> None:
        """End all containers for good. Hooks run at once, signals come in the order of `waits_for`."""
        self._views.ending = True
        ended = {container.name: asyncio.Event() for container in everything(pod)}
        order = waits_for(pod)

        async def stop(container: Container) -> None:
            try:
                others = [ended[name] for name in order.get(container.name, ())]
                await self.kill(pod, container, grace, others=others)
            finally:
                ended[container.name].set()

        await asyncio.gather(*(stop(container) for container in everything(pod)))
        self._views.observe(pod)

    async def kill(
        self, pod: Pod, container: Container, grace: float, message: str = "", *, others: Sequence[asyncio.Event] = ()
    ) -> None:
        """End a container, if it runs: its preStop hook, the end of `others`, then the signal. `message`: why."""
        current = self._views.running(container)
        if current is None:
            return
        self._views.stop_probes(current.id, "liveness", "startup")
        self._context.events.killing(pod, container, message)
        until = self._context.clock.monotonic() + grace
        hook = container.lifecycle.preStop if container.lifecycle is not None else None
        if hook is not None and grace > 0:
            outcome = await self._until(until, handlers.hook(self._views.target(pod, container, current.id), hook))
            if outcome is not None and not outcome.success:
                self._tell(pod, container, "FailedPreStopHook", "PreStopHook failed")
        if others:
            await self._until(until, _all(others))
        await self._stop(current.id, max(self._left(until), MINIMUM_GRACE))
        self._views.observe(pod)

    async def _stop(self, container_id: str, grace: float) -> None:
        self._told.add(container_id)
        try:
            await self._runtime.stop_container(container_id, grace)
        finally:
            self._told.discard(container_id)

    def _tell(self, pod: Pod, container: Container, reason: str, message: str) -> None:
        """Not what the hook said: Events are read by many, and it may have had a secret in it."""
        self._context.events.container(pod, container, WARNING, reason, message)

    def _left(self, until: float) -> float:
        return min(until, self._deadline) - self._context.clock.monotonic()

    async def _until(self, until: float, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work returns; None if it isn't done in time, which may become shorter."""
        task = asyncio.ensure_future(work)
        handle = self._context.clock.call_later(self._left(until), task.cancel)
        try:
            return await _to_its_end(task, self._waiting)
        finally:
            handle.cancel()


async def _to_its_end(work: Coroutine[Any, Any, T] | asyncio.Future[T], among: set[asyncio.Task[Any]]) -> T | None:
    """What the work returns; None if it was cancelled, for which it is among others while it goes on."""
    task = asyncio.ensure_future(work)
    assert isinstance(task, asyncio.Task)
    among.add(task)
    try:
        await asyncio.wait([task])
    finally:
        among.discard(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return None if task.cancelled() else task.result()


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()
