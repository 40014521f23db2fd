"""The taint eviction controller: deletes Pods that don't tolerate their node's NoExecute taints, or no longer."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers import status
from podium.controllers.context import Context, Key
from podium.controllers.node.controller import NODE, node_of
from podium.controllers.tainteviction import decide
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import conditions, core_v1, meta_v1


class TaintEvictionController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("taint-eviction-controller")
        self._scheduled: dict[str, datetime] = {}
        """Pods, by uid, whose eviction waits for a toleration to end, and since when it was known that it will."""
        self._nodes = context.informers.of(core_v1.Node)
        self._pods = context.informers.of(core_v1.Pod)
        self._pods.add_index(NODE, node_of)
        context.on_change(self._nodes, self._node_changed)
        context.on_change(self._pods, self._pod_changed)

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is None or (old is None and not new.spec.taints):
            return
        if old is not None and decide.no_execute(old) == decide.no_execute(new):
            return
        for pod in self._pods.by_index(NODE, new.metadata.name):
            self._queue.add((pod.metadata.namespace, pod.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None:
            if old is not None:
                self._scheduled.pop(old.metadata.uid, None)
            return
        if not new.spec.nodeName or (
            old is not None and old.spec.nodeName == new.spec.nodeName and old.spec.tolerations == new.spec.tolerations
        ):
            return
        node = self._nodes.get("", new.spec.nodeName)
        if node is not None and node.spec.taints:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        pod = self._pods.get(*key)
        if pod is None or pod.metadata.deletionTimestamp is not None:
            return DONE
        node = self._nodes.get("", pod.spec.nodeName)
        taints = [] if node is None else decide.no_execute(node)
        now = self._context.clock.now()
        uid, name = pod.metadata.uid, f"{pod.metadata.namespace}/{pod.metadata.name}"
        met = self._scheduled.get(uid, now)
        due = decide.eviction_time(pod.spec.tolerations, taints, now, met, _bound_at(pod) or met)
        if due is None:
            if self._scheduled.pop(uid, None) is not None:
                self._recorder.event(pod, "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {name}")
            return DONE
        if due > now:
            self._scheduled[uid] = met
            return Result(requeue_after=(due - now).total_seconds())
        self._recorder.event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {name}")
        await self._evict(pod)
        return DONE

    async def _evict(self, pod: core_v1.Pod) -> None:
        metadata = pod.metadata
        disrupted = core_v1.PodCondition(
            type="DisruptionTarget",
            status="True",
            reason="DeletionByTaintManager",
            message="Taint manager: deleting due to NoExecute taint",
        )
        put = conditions.put(pod.status.conditions, disrupted, self._context.now())
        options = meta_v1.DeleteOptions(preconditions=meta_v1.Preconditions(uid=metadata.uid))
        try:
            await status.write_shared(self._client, pod, replace(pod.status, conditions=put))
            await self._client.delete(core_v1.Pod, metadata.namespace, metadata.name, options)
        except errors.NotFound:
            return


def _bound_at(pod: core_v1.Pod) -> datetime | None:
    scheduled = conditions.get(pod.status.conditions, "PodScheduled")
    when = scheduled.lastTransitionTime if scheduled is not None and scheduled.status == "True" else None
    return when or pod.metadata.creationTimestamp
