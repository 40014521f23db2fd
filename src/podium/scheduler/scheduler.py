"""The scheduler at work: follows nodes and Pods, decides for one Pod after the other, and binds.

Deciding never waits (schedule.py). A Pod that got a node is assumed to be there while the binding is written, so the
next decision counts it; should the API refuse, it is forgotten and tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from msgspec.structs import replace

from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.client.informers import Informers
from podium.clock import Clock
from podium.machinery import errors
from podium.models import core_v1, meta_v1, policy_v1, storage_v1
from podium.scheduler.bind_volumes import VolumeBinder, VolumesNotBound
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import FitError, Placement
from podium.scheduler.pods import PodInfo
from podium.scheduler.preemption import Nomination, Preemption
from podium.scheduler.queue import QueuedPod, SchedulingQueue
from podium.scheduler.rules.base import NodeChange, PodChange, VolumeChange
from podium.scheduler.schedule import Decider
from podium.scheduler.volumes import VolumePlan
from podium.scheduler.writes import Evictions, PodWriter, Writers

NAME = "default-scheduler"
WRITES_AT_ONCE = 16
"""More bind no faster, but run ahead of the Events that tell of it."""
DECISIONS_AT_ONCE = 50
"""After so many, everything else in the process gets a turn."""


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
        self._api = PodWriter(client, clock, self._writers)
        self._preemption = Preemption(self.cache, self._decider, rng)
        self._evictions = Evictions(self.cache, self.queue, self._api, self._recorder, name)
        self._nodes = informers.of(core_v1.Node)
        self._namespaces = informers.of(core_v1.Namespace)
        self._services = informers.of(core_v1.Service)
        self._pods = informers.of(core_v1.Pod)
        self._claims = informers.of(core_v1.PersistentVolumeClaim)
        self._volumes = informers.of(core_v1.PersistentVolume)
        self._classes = informers.of(storage_v1.StorageClass)
        self._volume_binder = VolumeBinder(client, self.cache.volumes)
        self._budgets = informers.of(policy_v1.PodDisruptionBudget)

    async def run(self) -> None:
        """Schedule until cancelled."""
        await self._informers.synced()
        ends = [
            self._nodes.on_change(self._node_changed),
            self._namespaces.on_change(self._namespace_changed),
            self._services.on_change(self._service_changed),
            self._classes.on_change(self._class_changed),
            self._volumes.on_change(self._volume_changed),
            self._claims.on_change(self._claim_changed),
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
        if queued.uid in self._evictions.running:
            self._evictions.missed.add(queued.uid)
            self.queue.park(queued, queued.rules)
            return
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
            self._begin_to_bind(queued, outcome)
        else:
            self._unschedulable(queued, outcome)

    def _unschedulable(self, queued: QueuedPod, why: FitError) -> None:
        """No node would do: perhaps one can be made to, by Pods of lower priority."""
        message = why.message
        status: dict[str, str | None] = {}
        pod = queued.info.pod
        if why.total:
            outcome = self._preemption.find(queued.info, why, self._budgets.list(), self._clock.now())
            if isinstance(outcome, Nomination):
                status["nominatedNodeName"] = outcome.node
                self._evictions.begin(queued.info, outcome)
            else:
                message += f" preemption: {outcome.message}"
                if pod.status.nominatedNodeName and not outcome.keep_waiting:
                    self.cache.withdraw(queued.info)
                    status["nominatedNodeName"] = None
        self.queue.park(queued, why.rules)
        self._tell(pod, "Unschedulable", message, status)

    def _begin_to_bind(self, queued: QueuedPod, placement: Placement) -> None:
        plan = placement.volumes
        if plan is None:
            self._writers.submit(lambda: self._bind(queued, placement.node))
            return
        # Binding volumes may take minutes: that must not keep others waiting.
        self.cache.volumes.assume(plan)
        self._writers.tasks.create_task(self._bind_with_volumes(queued, plan))

    async def _bind_with_volumes(self, queued: QueuedPod, plan: VolumePlan) -> None:
        try:
            await self._volume_binder.bind(plan)
        except VolumesNotBound as error:
            self._not_bound(queued, f'running PreBind plugin "VolumeBinding": {error}')
        else:
            await self._bind(queued, plan.node)
        finally:
            self.cache.volumes.forget(plan)

    async def _bind(self, queued: QueuedPod, node: str) -> None:
        info, meta = queued.info, queued.info.pod.metadata
        binding = core_v1.Binding(
            metadata=meta_v1.ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            target=core_v1.ObjectReference(kind="Node", name=node),
        )
        try:
            await self._client.create_subresource(core_v1.Pod, meta.namespace, meta.name, "binding", binding)
        except errors.StatusError as error:
            # One that is gone needs no other try; the informer will show it, too.
            self._not_bound(
                queued,
                f'binding rejected: running Bind plugin "DefaultBinder": {error.message}',
                again=not isinstance(error, errors.NotFound),
            )
        else:
            message = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
            self._recorder.event(info.pod, "Normal", "Scheduled", message)

    def _not_bound(self, queued: QueuedPod, why: str, again: bool = True) -> None:
        info = queued.info
        if not self.cache.forget(info):
            return  # it is gone, or on a node, as the informer has shown already
        self.queue.on_event(PodChange(info, None))
        if not again:
            return
        latest = self._pods.get(info.pod.metadata.namespace, info.pod.metadata.name)
        if latest is not None and latest.metadata.uid == info.uid:
            queued.info = self.cache.templates.info(latest)  # its changes were not looked at meanwhile
        self.queue.retry(queued)
        self._tell(info.pod, "SchedulerError", why)

    def _tell(
        self, pod: core_v1.Pod, reason: str, message: str, status: Mapping[str, str | None] = MappingProxyType({})
    ) -> None:
        """The FailedScheduling Event, and the condition if it says something new."""
        self._recorder.event(pod, "Warning", "FailedScheduling", message)
        condition = core_v1.PodCondition(type="PodScheduled", status="False", reason=reason, message=message)
        self._api.patch_status(pod, condition, status)

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

    def _class_changed(self, old: storage_v1.StorageClass | None, new: storage_v1.StorageClass | None) -> None:
        found = new or old
        assert found is not None
        self.cache.set_class(found.metadata.name, new)
        self.queue.on_event(VolumeChange())

    def _volume_changed(self, old: core_v1.PersistentVolume | None, new: core_v1.PersistentVolume | None) -> None:
        volume = new or old
        assert volume is not None
        self.cache.set_volume(volume.metadata.name, new)
        self.queue.on_event(VolumeChange())

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        claim = new or old
        assert claim is not None
        key = claim.metadata.namespace, claim.metadata.name
        self.cache.set_claim(key, new)
        self._volume_binder.claim_changed(key)
        self.queue.on_event(VolumeChange(key))

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
        if known is not None and assumed and _only_bound(known.pod, new):
            info = PodInfo(new, known.template)
        else:
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


def _only_bound(old: core_v1.Pod, new: core_v1.Pod) -> bool:
    """Whether the Pod is what it was when its node was chosen."""
    return old.metadata.labels == new.metadata.labels and replace(old.spec, nodeName=new.spec.nodeName) == new.spec
