"""Which Pods the garbage collector takes away, and when."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podium.controllers.podgc import controller
from podium.controllers.podgc.controller import surplus
from podium.models import core_v1, meta_v1
from tests.controllers import build
from tests.controllers.cluster import Cluster, run, template


def made(name: str, *, phase: str, age: float, reason: str = "") -> core_v1.Pod:
    pod = build.pod(name, phase=phase, age=age)
    return replace(pod, status=replace(pod.status, reason=reason))


def test_the_oldest_go_and_evicted_ones_before_them() -> None:
    pods = [
        made("young", phase="Succeeded", age=10),
        made("old", phase="Failed", age=1000),
        made("evicted", phase="Failed", age=1, reason="Evicted"),
        made("older", phase="Succeeded", age=2000),
    ]
    assert [pod.metadata.name for pod in surplus(pods, 4)] == []
    assert [pod.metadata.name for pod in surplus(pods, 2)] == ["evicted", "older"]
    assert [pod.metadata.name for pod in surplus(pods, 0)] == ["evicted", "older", "old", "young"]


async def create(cluster: Cluster, name: str, node: str = "") -> core_v1.Pod:
    spec = replace(template().spec, nodeName=node)
    return await cluster.client.create(
        core_v1.Pod(metadata=meta_v1.ObjectMeta(name=name, namespace="default"), spec=spec)
    )


def test_too_many_finished_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "MOST_FINISHED", 3)

    async def body(cluster: Cluster) -> None:
        for index in range(6):
            pod = await create(cluster, f"p{index}")
            if index != 1:
                await cluster.set_pod(pod, "Succeeded", ready=False)
            await cluster.advance(1)
        await cluster.advance(25)
        assert [pod.metadata.name for pod in await cluster.pods()] == ["p1", "p3", "p4", "p5"]

    run(body, ("podgc",))


def test_pods_of_a_node_that_is_gone() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")))
        await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n2")))
        await create(cluster, "stays", "n1")
        await create(cluster, "goes", "n2")
        await create(cluster, "waits")
        await cluster.client.delete(core_v1.Node, "", "n2")
        seen: list[core_v1.PodStatus] = []
        cluster.truth.of(core_v1.Pod).on_change(lambda _old, new: seen.append(new.status) if new else None)
        await cluster.advance(39)
        assert len(await cluster.pods()) == 3
        await cluster.advance(2)
        assert [pod.metadata.name for pod in await cluster.pods()] == ["stays", "waits"]
        (status,) = [one for one in seen if one.phase == "Failed"]
        (condition,) = [one for one in status.conditions if one.type == "DisruptionTarget"]
        assert (condition.reason, condition.message) == ("DeletionByPodGC", "PodGC: node no longer exists")

    run(body, ("podgc",))


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")))
        await create(cluster, "stays", "n1")
        await cluster.client.delete(core_v1.Node, "", "n1")
        await cluster.advance(30)
        await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")))
        await cluster.advance(60)
        assert len(await cluster.pods()) == 1

    run(body, ("podgc",))


def test_a_pod_that_had_ended_before_its_node_went_ended_so() -> None:
    """News of its end is late."""

    async def body(cluster: Cluster) -> None:
        pod = await create(cluster, "ended", "n1")
        pod = await cluster.client.update(
            replace(pod, metadata=replace(pod.metadata, finalizers=("example.com/look",)))
        )
        await cluster.settle()
        cluster.transport.hold("pods")
        await cluster.set_pod(pod, "Succeeded", ready=False)
        await cluster.advance(60)
        cluster.transport.let_go("pods")
        await cluster.advance(60)
        (found,) = await cluster.pods()
        assert found.metadata.deletionTimestamp is not None
        assert found.status.phase == "Succeeded"

    run(body, ("podgc",))
