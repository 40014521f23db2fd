"""What the scheduler writes, apart from bindings: statuses of Pods, evictions; all in the background, in order.

A decision never waits for a write. What a write finds gone is no error: the informer will show it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.clock import Clock
from podium.machinery import errors
from podium.models import codec, conditions, core_v1
from podium.scheduler import preemption
from podium.scheduler.cache import Cache
from podium.scheduler.pods import PodInfo
from podium.scheduler.queue import SchedulingQueue

_log = logging.getLogger(__name__)


class Writers:
    """Carries out writes, so many at a time, in the order they were submitted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy = 0
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    @property
    def tasks(self) -> asyncio.TaskGroup:
        assert self._tasks is not None, "the scheduler doesn't run"
        return self._tasks

    def submit(self, write: Callable[[], Awaitable[None]]) -> None:
        self._waiting.append(write)
        if self._busy < self._limit:
            self._busy += 1
            self.tasks.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()()
        finally:
            self._busy -= 1


class PodWriter:
    """Writes statuses of Pods and deletes Pods."""

    def __init__(self, client: Client, clock: Clock, writers: Writers) -> None:
        self._client = client
        self._clock = clock
        self.writers = writers

    def patch_status(
        self,
        pod: core_v1.Pod,
        condition: core_v1.PodCondition | None,
        status: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        """In the background; nothing if neither the condition nor the fields say anything new."""
        patch = self._patch(pod, condition, status)
        if patch is not None:
            self.writers.submit(lambda: self._logged(pod, patch))

    async def set_condition(self, pod: core_v1.Pod, condition: core_v1.PodCondition) -> None:
        patch = self._patch(pod, condition, {})
        if patch is not None:
            await self._write(pod, patch)

    async def delete(self, pod: core_v1.Pod) -> None:
        await self._client.delete(core_v1.Pod, pod.metadata.namespace, pod.metadata.name)

    def _patch(
        self, pod: core_v1.Pod, condition: core_v1.PodCondition | None, status: Mapping[str, str | None]
    ) -> dict[str, Any] | None:
        changes: dict[str, Any] = dict(status)
        if condition is not None:
            before = conditions.get(pod.status.conditions, condition.type)
            condition = replace(
                condition,
                observedGeneration=pod.metadata.generation,
                lastTransitionTime=before.lastTransitionTime
                if before is not None and before.status == condition.status
                else self._clock.now().replace(microsecond=0),
            )
            if condition != before:
                changes["conditions"] = [codec.to_tree(condition)]
        # With the uid, so that it doesn't hit another Pod of that name.
        return {"metadata": {"uid": pod.metadata.uid}, "status": changes} if changes else None

    async def _write(self, pod: core_v1.Pod, patch: dict[str, Any]) -> None:
        meta = pod.metadata
        await self._client.patch(core_v1.Pod, meta.namespace, meta.name, patch, "strategic", "status")

    async def _logged(self, pod: core_v1.Pod, patch: dict[str, Any]) -> None:
        try:
            await self._write(pod, patch)
        except errors.StatusError as error:
            meta = pod.metadata
            _log.info("status of Pod %s/%s is not written: %s", meta.namespace, meta.name, error.message)


class Evictions:
    """Carries out nominations: sends the victims away. Until that is done, the Pod it is for isn't tried again."""

    def __init__(
        self, cache: Cache, queue: SchedulingQueue, api: PodWriter, recorder: EventRecorder, scheduler: str
    ) -> None:
        self._cache = cache
        self._queue = queue
        self._api = api
        self._recorder = recorder
        self._scheduler = scheduler
        self.running: set[str] = set()
        """The Pods, by uid, that victims are being sent away for."""
        self.missed: set[str] = set()
        """Those of them whose turn came meanwhile."""

    def begin(self, pod: PodInfo, nomination: preemption.Nomination) -> None:
        for other in preemption.lower_nominees(self._cache, pod, nomination.node):
            self._cache.withdraw(other)
            self._api.patch_status(other.pod, None, {"nominatedNodeName": None})
            self._queue.wake(other.uid)
        self._cache.nominate(pod, nomination.node)
        victims = [victim.pod for victim in nomination.victims if not victim.terminating]
        if victims:
            self.running.add(pod.uid)
            self._api.writers.submit(lambda: self._send_away(pod, nomination.node, victims))

    async def _send_away(self, pod: PodInfo, node: str, victims: list[core_v1.Pod]) -> None:
        again = False
        try:
            for victim in victims:
                await self._evict(victim, pod, node)
        except errors.StatusError as error:
            _log.warning("room for Pod %s on %s is not made: %s", pod.pod.metadata.name, node, error.message)
            again = True
        finally:
            self.running.discard(pod.uid)
        if again or pod.uid in self.missed:
            self.missed.discard(pod.uid)
            self._queue.wake(pod.uid)

    async def _evict(self, victim: core_v1.Pod, pod: PodInfo, node: str) -> None:
        condition = core_v1.PodCondition(
            type=preemption.CONDITION,
            status="True",
            reason=preemption.REASON,
            message=f"{self._scheduler}: preempting to accommodate a higher priority pod",
        )
        try:
            await self._api.set_condition(victim, condition)
            await self._api.delete(victim)
        except errors.NotFound:
            return
        self._recorder.event(victim, "Normal", "Preempted", f"Preempted by pod {pod.uid} on node {node}")
