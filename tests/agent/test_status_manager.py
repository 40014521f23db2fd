"""How Pod statuses reach the API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from msgspec import structs

from podium.agent.status_manager import StatusManager
from podium.machinery.errors import NotFound
from podium.models import codec
from podium.models.core_v1 import Pod, PodCondition, PodStatus
from podium.testing.virtual import VirtualCluster


class Stale:
    """An informer that shows a Pod as it was."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod

    def get(self, namespace: str, name: str) -> Pod | None:
        return self.pod


def unbound(cluster: VirtualCluster) -> Pod:
    """A Pod that no scheduler and no agent looks at."""
    tree = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"schedulerName": "none", "containers": [{"name": "c", "image": "i"}]},
    }
    return cluster.create(codec.from_tree(tree, Pod))


def writing(
    cluster: VirtualCluster, pod: Pod, work: Callable[[StatusManager], Coroutine[Any, Any, None]]
) -> StatusManager:
    """Let a manager do something, and settle."""
    manager = StatusManager(cluster.client, cluster.clock, Stale(pod))  # type: ignore[arg-type]

    async def run() -> None:
        await work(manager)
        await cluster.clock.settle()
        await manager.close()

    cluster.run(run())
    return manager


def status(pod: Pod, phase: str, ready: str = "False") -> PodStatus:
    conditions = (PodCondition(type="Ready", status=ready), *pod.status.conditions)
    return structs.replace(pod.status, phase=phase, conditions=conditions)


def versions(pod: Pod) -> int:
    return int(pod.metadata.resourceVersion)


def test_a_conflict_is_resolved_in_favour_of_what_others_own(podium_cluster: VirtualCluster) -> None:
    stale = unbound(podium_cluster)
    patch = {"status": {"nominatedNodeName": "n9", "conditions": [{"type": "example.com/other", "status": "True"}]}}
    podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic", "status"))

    async def work(manager: StatusManager) -> None:
        manager.set(stale, status(stale, "Running", "True"))

    writing(podium_cluster, stale, work)
    pod = podium_cluster.get(Pod, "p")
    assert pod.status.phase == "Running"
    assert pod.status.nominatedNodeName == "n9"
    assert {c.type: c.status for c in pod.status.conditions} == {"Ready": "True", "example.com/other": "True"}


def test_only_the_newest_status_is_written_and_only_once(podium_cluster: VirtualCluster) -> None:
    pod = unbound(podium_cluster)

    async def work(manager: StatusManager) -> None:
        for phase in ("Pending", "Running", "Failed", "Running"):
            manager.set(pod, status(pod, phase))
        await podium_cluster.clock.settle()
        manager.set(pod, status(pod, "Running"))

    before = podium_cluster.store.revision
    writing(podium_cluster, pod, work)
    assert podium_cluster.get(Pod, "p").status.phase == "Running"
    assert podium_cluster.store.revision == before + 1


def test_the_last_status_is_written_before_the_pod_is_removed(podium_cluster: VirtualCluster) -> None:
    pod = codec.copy(unbound(podium_cluster))
    pod.metadata.finalizers = ("example.com/look",)
    pod = podium_cluster.run(podium_cluster.client.update(pod))

    async def work(manager: StatusManager) -> None:
        manager.remove(pod, status(pod, "Failed"))

    writing(podium_cluster, pod, work)
    found = podium_cluster.get(Pod, "p")
    assert found.status.phase == "Failed"
    assert found.metadata.deletionTimestamp is not None


def test_a_pod_that_is_gone_needs_no_status(podium_cluster: VirtualCluster) -> None:
    pod = unbound(podium_cluster)
    podium_cluster.delete(Pod, "p")

    async def work(manager: StatusManager) -> None:
        manager.set(pod, status(pod, "Running"))
        manager.remove(pod)

    writing(podium_cluster, pod, work)
    with pytest.raises(NotFound):
        podium_cluster.get(Pod, "p")


def test_another_pod_of_that_name_is_left_alone(podium_cluster: VirtualCluster) -> None:
    first = unbound(podium_cluster)
    podium_cluster.delete(Pod, "p")
    second = unbound(podium_cluster)

    async def work(manager: StatusManager) -> None:
        manager.remove(first, status(first, "Failed"))

    writing(podium_cluster, first, work)
    assert podium_cluster.get(Pod, "p").status == second.status


def test_what_others_say_of_its_readiness_is_put_right(podium_cluster: VirtualCluster) -> None:
    """The node controller took the node for lost, and marked its Pods, when the agent had just come back."""
    tree = {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    podium_cluster.create(codec.from_tree(tree, Pod))
    podium_cluster.advance(5)
    assert ready(podium_cluster) == "True"
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    marked = podium_cluster.run(podium_cluster.client.patch(Pod, "default", "p", patch, "strategic", "status"))
    podium_cluster.advance(5)
    assert versions(podium_cluster.get(Pod, "p")) > versions(marked)
    assert ready(podium_cluster) == "True"
    before = versions(podium_cluster.get(Pod, "p"))
    podium_cluster.advance(600)
    assert versions(podium_cluster.get(Pod, "p")) == before


def test_that_is_put_right_by_an_agent_that_had_nothing_to_say(podium_cluster: VirtualCluster) -> None:
    """It has started anew, and found everything as the agent before it had said."""
    pod = unbound(podium_cluster)
    running = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    client = podium_cluster.client
    pod = podium_cluster.run(client.patch(Pod, "default", "p", running, "strategic", "status"))
    said = pod.status

    async def work(manager: StatusManager) -> None:
        manager.set(pod, said)
        assert not manager.is_overwritten(pod)
        patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        marked = await client.patch(Pod, "default", "p", patch, "strategic", "status")
        assert manager.is_overwritten(marked)
        manager.set(marked, said)

    writing(podium_cluster, pod, work)
    assert ready(podium_cluster) == "True"


def test_what_others_wrote_before_the_agent_had_its_answer_is_put_right(podium_cluster: VirtualCluster) -> None:
    """The informer may be quicker than the answer to a write."""
    pod = unbound(podium_cluster)
    client = podium_cluster.client

    class Overtaken:
        """A client that has its first answer late."""

        async def update_status(self, changed: Pod) -> Pod:
            written = await client.update_status(changed)
            if informer.pod is pod:
                patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
                informer.pod = await client.patch(Pod, "default", "p", patch, "strategic", "status")
            return written

    informer = Stale(pod)

    async def run() -> None:
        manager = StatusManager(Overtaken(), podium_cluster.clock, informer)  # type: ignore[arg-type]
        manager.set(pod, status(pod, "Running", "True"))
        await podium_cluster.clock.settle()
        await manager.close()

    podium_cluster.run(run())
    assert ready(podium_cluster) == "True"


def ready(cluster: VirtualCluster) -> str:
    return next(condition.status for condition in cluster.get(Pod, "p").status.conditions if condition.type == "Ready")
