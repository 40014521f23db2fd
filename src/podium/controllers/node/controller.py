"""The node lifecycle controller: hears leases and heartbeats, marks silent nodes, keeps the taints of all.

Silence is found by a timer per node, set to when it would be too long. health.py and taints.py say what follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from podium.client.queue import WorkQueue
from podium.controllers import status
from podium.controllers.batches import all_at_once
from podium.controllers.context import Context, Key
from podium.controllers.node import health, taints
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, coordination_v1, core_v1

LEASES = "kube-node-lease"
NODE = "node"


def node_of(pod: core_v1.Pod) -> Iterable[str]:
    return (pod.spec.nodeName,) if pod.spec.nodeName else ()


class NodeLifecycleController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("node-controller")
        self._heard: dict[str, datetime] = {}
        self._to_mark: set[str] = set()
        """Nodes that stopped being ready: their Pods are to be marked."""
        self._next_eviction: dict[str, datetime] = {}
        """By zone: when the next node may lose its Pods."""
        self._nodes = context.informers.of(core_v1.Node)
        self._leases = context.informers.of(coordination_v1.Lease, namespace=LEASES)
        self._pods = context.informers.of(core_v1.Pod)
        self._pods.add_index(NODE, node_of)
        context.on_change(self._nodes, self._node_changed)
        context.on_change(self._leases, self._lease_changed)

    def _node_changed(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is None:
            if old is not None:
                self._forget(old)
            return
        name = new.metadata.name
        if old is None:
            self._recorder.event(
                new, "Normal", "RegisteredNode", f"Node {name} event: Registered Node {name} in Controller"
            )
            created = new.metadata.creationTimestamp
            known = health.ready_status(new) != "" or created is None
            self._heard.setdefault(name, self._context.clock.now() if known or created is None else created)
        elif health.heartbeat(old) != health.heartbeat(new):
            self._heard[name] = self._context.clock.now()
        if old is not None and health.is_ready(old) != health.is_ready(new):
            if health.is_ready(old):
                self._to_mark.add(name)
                self._recorder.event(new, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
            self._tell_not_ready()
        self._queue.add(("", name))

    def _forget(self, node: core_v1.Node) -> None:
        name = node.metadata.name
        self._heard.pop(name, None)
        self._to_mark.discard(name)
        message = f"Node {name} event: Removing Node {name} from Controller"
        self._recorder.event(node, "Normal", "RemovingNode", message)

    def _tell_not_ready(self) -> None:
        """How many nodes are down decides how those that are down are treated."""
        for node in self._nodes.list():
            if not health.is_ready(node):
                self._queue.add(("", node.metadata.name))

    def _lease_changed(self, old: coordination_v1.Lease | None, new: coordination_v1.Lease | None) -> None:
        if new is None or (old is not None and old.spec.renewTime == new.spec.renewTime):
            return
        self._heard[new.metadata.name] = self._context.clock.now()

    async def reconcile(self, key: Key) -> Result:
        node = self._nodes.get(*key)
        if node is None:
            return DONE
        name = node.metadata.name
        now = self._context.clock.now()
        lease = self._leases.get(LEASES, name)
        lease_seconds = (lease.spec.leaseDurationSeconds if lease is not None else None) or 0
        overdue_at = health.overdue_at(node, self._heard.setdefault(name, now), lease_seconds)
        if now >= overdue_at:
            lost = health.lost_status(node, self._context.now())
            if lost is not node.status:
                await status.write_shared(self._client, node, lost)
                return DONE  # what follows from it is done when the informer tells
        if name in self._to_mark or health.ready_status(node) == "Unknown":
            await self._mark_pods(name)
            self._to_mark.discard(name)
        wait = await self._taint(node, now)
        if now < overdue_at:
            left = (overdue_at - now).total_seconds()
            wait = left if wait is None else min(wait, left)
        return Result(requeue_after=wait)

    async def _mark_pods(self, node_name: str) -> None:
        now = self._context.now()

        async def mark(pod: core_v1.Pod, new_status: core_v1.PodStatus) -> None:
            try:
                await status.write_shared(self._client, pod, new_status)
            except errors.NotFound:
                return
            self._recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

        marks = [
            mark(pod, new_status)
            for pod in self._pods.by_index(NODE, node_name)
            if (new_status := health.not_ready(pod, now)) is not None
        ]
        failure = await all_at_once(list(marks))
        if failure is not None:
            raise failure

    async def _taint(self, node: core_v1.Node, now: datetime) -> float | None:
        """Bring the taints in line; seconds until the node may be given what it may not be given yet."""
        evict, wait = self._may_evict(node, now)
        wanted = taints.with_taints(node, evict, self._context.now())
        if wanted is not node.spec.taints:
            changed = codec.copy(node)
            changed.spec.taints = wanted
            await self._client.update(changed)
        return wait

    def _may_evict(self, node: core_v1.Node, now: datetime) -> tuple[bool, float | None]:
        """Whether the node may lose its Pods now, and if not, in how many seconds to ask again."""
        if not taints.no_execute(node):
            return False, None
        nodes = self._nodes.list()
        if not any(map(health.is_ready, nodes)):
            return False, None  # all are down: more likely we are cut off than they
        if taints.tainted_to_evict(node):
            return True, None
        zone = taints.zone(node)
        rate = taints.rate([health.is_ready(one) for one in nodes if taints.zone(one) == zone])
        if rate == 0.0:
            return False, None
        due = self._next_eviction.get(zone, now)
        if due > now:
            return False, (due - now).total_seconds()
        self._next_eviction[zone] = now + timedelta(seconds=1 / rate)
        return True, None
