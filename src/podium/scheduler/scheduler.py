"""The scheduler at work: follows nodes and Pods, decides for one Pod after the other, and binds.

Deciding never waits (schedule.py). A Pod that got a node is assumed to be there while the binding is written, so the
next decision counts it; should the API refuse, it is forgotten and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.client.informers import Informers
from podium.clock import Clock
from podium.machinery import errors
from podium.models import codec, conditions, core_v1, meta_v1
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import FitError, Placement
from podium.scheduler.pods import PodInfo
from podium.scheduler.queue import QueuedPod, SchedulingQueue
from podium.scheduler.rules.base import NodeChange, PodChange
from podium.scheduler.schedule import Decider

NAME = "default-scheduler"
WRITES_AT_ONCE = 100
DECISIONS_AT_ONCE = 50
"""After so many, everything else in the process gets a turn."""

_log = logging.getLogger(__name__)


class Scheduler:
    """Serves the Pods that name it in spec.schedulerName. Runs once."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, rng: Random, name: str = NAME) -> None:
        self.name = name
        self.cache = Cache()
        self.queue = SchedulingQueue(clock)
        self._client = client
        self._clock = clock
        self._informers = informers
        self._decider = Decider(self.cache, rng)
        self._recorder = EventRecorder(client, clock, rng, name)
        self._writers = Writers(WRITES_AT_ONCE)
        self._nodes = informers.of(core_v1.Node)
        self._namespaces = informers.of(core_v1.Namespace)
        self._services = informers.of(core_v1.Service)
        self._pods = informers.of(core_v1.Pod)

    async def run(self) -> None:
        """Schedule until cancelled."""
        await self._informers.synced()
        ends = [
            self._nodes.on_change(self._node_changed),
            self._namespaces.on_change(self._namespace_changed),
            self._services.on_change(self._service_changed),
            self._pods.on_change(self._pod_changed),
        ]
        try:
            async with asyncio.TaskGroup() as tasks:
                self._writers.start(tasks)
                while True:
                    await self.queue.ready()
                    self._schedule_some()
                    await self._clock.sleep(0)
        finally:
            for end in ends:
                end()
            self.queue.stop()
            await self._recorder.close()

    # Deciding

    def _schedule_some(self) -> None:
        for _ in range(DECISIONS_AT_ONCE):
            queued = self.queue.pop()
            if queued is None:
                return
            self._schedule(queued)

    def _schedule(self, queued: QueuedPod) -> None:
        pod = queued.info.pod
        if pod.metadata.deletionTimestamp is not None:
            name = f"{pod.metadata.namespace}/{pod.metadata.name}"
            self._recorder.event(pod, "Warning", "FailedScheduling", f"skip schedule deleting pod: {name}")
            self.queue.done(queued)
            return
        outcome = self._decider.decide(queued.info)
        if isinstance(outcome, Placement):
            self.queue.done(queued)
            self.cache.withdraw(queued.info)
            self.cache.assume(queued.info, outcome.node)
            self._writers.submit(lambda: self._bind(queued, outcome.node))
        else:
            self._unschedulable(queued, outcome)

    def _unschedulable(self, queued: QueuedPod, why: FitError) -> None:
        self.queue.park(queued, why.rules)
        self._tell(queued.info.pod, "Unschedulable", why.message)

    async def _bind(self, queued: QueuedPod, node: str) -> None:
        info, meta = queued.info, queued.info.pod.metadata
        binding = core_v1.Binding(
            metadata=meta_v1.ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            target=core_v1.ObjectReference(kind="Node", name=node),
        )
        try:
            await self._client.create_subresource(core_v1.Pod, meta.namespace, meta.name, "binding", binding)
        except errors.StatusError as error:
            self._not_bound(queued, error)
        else:
            message = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
            self._recorder.event(info.pod, "Normal", "Scheduled", message)

    def _not_bound(self, queued: QueuedPod, error: errors.StatusError) -> None:
        info = queued.info
        if not self.cache.forget(info):
            return  # it is gone, or on a node, as the informer has shown already
        self.queue.on_event(PodChange(info, None))
        if isinstance(error, errors.NotFound):
            return  # it is gone, as the informer will show
        latest = self._pods.get(info.pod.metadata.namespace, info.pod.metadata.name)
        if latest is not None and latest.metadata.uid == info.uid:
            queued.info = self.cache.templates.info(latest)  # its changes were not looked at meanwhile
        self.queue.retry(queued)
        self._tell(
            info.pod, "SchedulerError", f'binding rejected: running Bind plugin "DefaultBinder": {error.message}'
        )

    def _tell(self, pod: core_v1.Pod, reason: str, message: str) -> None:
        """The FailedScheduling Event, and the condition if it says something new."""
        self._recorder.event(pod, "Warning", "FailedScheduling", message)
        before = conditions.get(pod.status.conditions, "PodScheduled")
        if before is not None and (before.status, before.reason, before.message) == ("False", reason, message):
            return
        same_status = before is not None and before.status == "False"
        condition = core_v1.PodCondition(
            type="PodScheduled",
            status="False",
            reason=reason,
            message=message,
            observedGeneration=pod.metadata.generation,
            lastTransitionTime=before.lastTransitionTime if before and same_status else self._clock.now(),
        )
        self._patch_status(pod, {"conditions": [codec.to_tree(condition)]})

    def _patch_status(self, pod: core_v1.Pod, status: dict[str, Any]) -> None:
        meta = pod.metadata
        # With the uid, so that it doesn't hit another Pod of that name.
        patch = {"metadata": {"uid": meta.uid}, "status": status}

        async def write() -> None:
            try:
                await self._client.patch(core_v1.Pod, meta.namespace, meta.name, patch, "strategic", "status")
            except errors.StatusError as error:
                _log.info("status of Pod %s/%s is not written: %s", meta.namespace, meta.name, error.message)

        self._writers.submit(write)

    # What changes around it

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is None:
            assert old is not None
            gone = self.cache.remove_node(old.metadata.name)
            if gone is not None:
                self.queue.on_event(NodeChange(gone, None))
            return
        change = self.cache.set_node(new)
        if change is not None:
            self.queue.on_event(NodeChange(*change))

    def _namespace_changed(self, old: core_v1.Namespace | None, new: core_v1.Namespace | None) -> None:
        namespace = new or old
        assert namespace is not None
        if self.cache.set_namespace(namespace.metadata.name, new.metadata.labels if new else None) and old and new:
            self.queue.wake_all()  # its labels changed: affinity may mean other Pods now

    def _service_changed(self, old: core_v1.Service | None, new: core_v1.Service | None) -> None:
        service = new or old
        assert service is not None
        meta = service.metadata
        self.cache.set_service(meta.namespace, meta.name, new.spec.selector if new else None)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None:
            assert old is not None
            self._gone(old)
        elif new.status.phase in ("Succeeded", "Failed"):
            self._gone(new)
        elif new.spec.nodeName:
            self._placed(old, new)
        elif new.spec.schedulerName in ("", self.name):
            self._pending(old, new)

    def _gone(self, pod: core_v1.Pod) -> None:
        """It is deleted or has ended: whatever it used is free."""
        uid = pod.metadata.uid
        queued = self.queue.get(uid)
        if queued is not None:
            self.cache.withdraw(queued.info)
            self.queue.remove(uid)
        before = self.cache.remove_pod(uid)
        if before is not None:
            self.queue.on_event(PodChange(before, None))

    def _placed(self, old: core_v1.Pod | None, new: core_v1.Pod) -> None:
        uid = new.metadata.uid
        known = self.cache.pods.get(uid)
        assumed = uid in self.cache.assumed
        if known is not None and not assumed and old is not None and _looks_the_same(old, new):
            known.pod = new  # by far the most frequent change is one of status
            return
        queued = self.queue.get(uid)
        if queued is not None:  # somebody else has bound it
            self.cache.withdraw(queued.info)
            self.queue.remove(uid)
        info = self.cache.templates.info(new)
        before = self.cache.set_pod(info)
        self.queue.on_event(PodChange(None if assumed else before, info))

    def _pending(self, old: core_v1.Pod | None, new: core_v1.Pod) -> None:
        if new.metadata.uid in self.cache.assumed:
            return
        info = self.cache.templates.info(new)
        self.queue.put(info)
        self.cache.renew_nominee(info)
        nominated = new.status.nominatedNodeName
        if nominated != (old.status.nominatedNodeName if old is not None else ""):
            self._nominate(info, nominated)

    def _nominate(self, info: PodInfo, node: str) -> None:
        self.cache.withdraw(info)
        if node:
            self.cache.nominate(info, node)


def _looks_the_same(old: core_v1.Pod, new: core_v1.Pod) -> bool:
    """Whether no rule sees a difference."""
    before, after = old.metadata, new.metadata
    return (
        bool(old.spec.nodeName)
        and before.labels == after.labels
        and (before.deletionTimestamp is None) == (after.deletionTimestamp is None)
        and old.spec == new.spec
    )


class Writers:
    """Carries out writes, so many at a time, in the order they were submitted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy = 0
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def submit(self, write: Callable[[], Awaitable[None]]) -> None:
        assert self._tasks is not None
        self._waiting.append(write)
        if self._busy < self._limit:
            self._busy += 1
            self._tasks.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()()
        finally:
            self._busy -= 1
