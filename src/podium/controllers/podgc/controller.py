"""The Pod garbage collector: ends Pods whose node is gone, and those that are deleted before they had one,
since no agent will say that they have ended, and removes the oldest finished Pods where there are too many.

A node that went may come back under its name, so it is given 40 seconds, and the API is asked, not the cache.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers import pods as pod_rules
from podium.controllers import status
from podium.controllers.context import Context, Key
from podium.controllers.node.controller import NODE, node_of
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import conditions, core_v1, meta_v1

QUARANTINE = 40.0
MOST_FINISHED = 12500
"""How many finished Pods there may be (kube-controller-manager's --terminated-pod-gc-threshold)."""
PERIOD = 20.0
"""Seconds until it is looked whether there are more."""
_FINISHED: Key = ("", "")
"""The key for that look: no Pod has it."""


class PodGarbageCollector:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._nodes = context.informers.of(core_v1.Node)
        self._pods = context.informers.of(core_v1.Pod)
        self._pods.add_index(NODE, node_of)
        self._finished: set[Key] = set()
        context.on_change(self._nodes, self._node_changed)
        context.on_change(self._pods, self._pod_changed)

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is None and old is not None:
            for pod in self._pods.by_index(NODE, old.metadata.name):
                self._queue.add_after((pod.metadata.namespace, pod.metadata.name), QUARANTINE)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        """Pods that are finished, and those that were bound to a node that had gone already or were found so."""
        self._count(old, new)
        if new is not None and _ends_unscheduled(new):
            self._queue.add((new.metadata.namespace, new.metadata.name))
        if new is None or not new.spec.nodeName or (old is not None and old.spec.nodeName == new.spec.nodeName):
            return
        if self._nodes.get("", new.spec.nodeName) is None:
            self._queue.add_after((new.metadata.namespace, new.metadata.name), QUARANTINE)

    def _count(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None and pod_rules.is_finished(new):
            self._finished.add((new.metadata.namespace, new.metadata.name))
            if len(self._finished) > MOST_FINISHED:
                self._queue.add_after(_FINISHED, PERIOD)
        elif old is not None and pod_rules.is_finished(old):
            self._finished.discard((old.metadata.namespace, old.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        if key == _FINISHED:
            return await self._make_room()
        pod = self._pods.get(*key)
        if pod is not None and _ends_unscheduled(pod):
            with contextlib.suppress(errors.NotFound):
                await status.write_shared(self._client, pod, replace(pod.status, phase="Failed"))
            return DONE
        if pod is None or not pod.spec.nodeName or self._nodes.get("", pod.spec.nodeName) is not None:
            return DONE
        if await self._node_exists(pod.spec.nodeName):
            return DONE
        await self._remove(pod)
        return DONE

    async def _make_room(self) -> Result:
        found = [pod for key in self._finished if (pod := self._pods.get(*key)) is not None]
        for pod in surplus(found, MOST_FINISHED):
            await self._remove(pod)
        return DONE

    async def _remove(self, pod: core_v1.Pod) -> None:
        metadata = pod.metadata
        options = meta_v1.DeleteOptions(gracePeriodSeconds=0, preconditions=meta_v1.Preconditions(uid=metadata.uid))
        with contextlib.suppress(errors.NotFound):
            if not pod_rules.is_finished(pod):
                await status.write_shared(self._client, pod, failed(pod, self._context.now()))
            await self._client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)

    async def _node_exists(self, name: str) -> bool:
        try:
            await self._client.get(core_v1.Node, "", name)
        except errors.NotFound:
            return False
        return True


def _ends_unscheduled(pod: core_v1.Pod) -> bool:
    """Deleted without a node, and held by a finalizer, such as that of a Job which waits for the Pod's end."""
    unscheduled = pod.metadata.deletionTimestamp is not None and not pod.spec.nodeName
    return unscheduled and not pod_rules.is_finished(pod)


def surplus(finished: Sequence[core_v1.Pod], most: int) -> Sequence[core_v1.Pod]:
    """Those that have to go: evicted ones first, which leave nothing to be read, then the oldest."""

    def rank(pod: core_v1.Pod) -> tuple[object, ...]:
        created = pod.metadata.creationTimestamp
        return (
            pod.status.reason != "Evicted",
            created.timestamp() if created is not None else 0.0,
            pod.metadata.namespace,
            pod.metadata.name,
        )

    return sorted(finished, key=rank)[: max(len(finished) - most, 0)]


def failed(pod: core_v1.Pod, now: datetime) -> core_v1.PodStatus:
    """The status of a Pod whose node is no more."""
    disrupted = core_v1.PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="DeletionByPodGC",
        message="PodGC: node no longer exists",
    )
    return replace(pod.status, phase="Failed", conditions=conditions.put(pod.status.conditions, disrupted, now))
