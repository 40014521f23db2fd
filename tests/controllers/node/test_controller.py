"""Node lifecycle, taint eviction and Pod GC together on a real registry."""

from __future__ import annotations

import pytest

from podium.controllers.node import health, taints
from podium.controllers.pods import is_ready
from podium.machinery import errors
from podium.models import codec, coordination_v1, core_v1, meta_v1
from tests.controllers.cluster import Cluster, run, template

ALL = ("nodelifecycle", "taint-eviction", "podgc")
GRACE = health.GRACE.total_seconds()


async def add_node(cluster: Cluster, name: str) -> None:
    await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name=name)))
    await report(cluster, name)
    await renew(cluster, name)


async def report(cluster: Cluster, name: str, ready: str = "True") -> None:
    node = codec.copy(await cluster.client.get(core_v1.Node, "", name))
    now = cluster.clock.now().replace(microsecond=0)
    node.status.conditions = (
        core_v1.NodeCondition(type="Ready", status=ready, lastHeartbeatTime=now, lastTransitionTime=now),
    )
    await cluster.client.update_status(node)


async def renew(cluster: Cluster, name: str) -> None:
    renewed = cluster.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    try:
        lease = codec.copy(await cluster.client.get(coordination_v1.Lease, "kube-node-lease", name))
    except errors.NotFound:
        lease = coordination_v1.Lease(metadata=meta_v1.ObjectMeta(name=name, namespace="kube-node-lease"))
        lease.spec.renewTime = renewed
        await cluster.client.create(lease)
        return
    lease.spec.renewTime = renewed
    await cluster.client.update(lease)


async def live(cluster: Cluster, seconds: float, *alive: str) -> None:
    """Let time pass in which those nodes renew their leases."""
    for _ in range(int(seconds / 10)):
        for name in alive:
            await renew(cluster, name)
        await cluster.advance(10)


async def add_pod(cluster: Cluster, name: str, node: str, *tolerations: core_v1.Toleration) -> core_v1.Pod:
    spec = codec.copy(template().spec)
    spec.nodeName, spec.tolerations = node, tolerations
    pod = core_v1.Pod(metadata=meta_v1.ObjectMeta(name=name, namespace="default"), spec=spec)
    created = await cluster.client.create(pod)
    await cluster.set_pod(created)
    await cluster.settle()
    return created


async def state(cluster: Cluster, name: str) -> tuple[str, set[tuple[str, str]]]:
    node = await cluster.client.get(core_v1.Node, "", name)
    return health.ready_status(node), {(taint.key, taint.effect) for taint in node.spec.taints}


LOST = {(taints.UNREACHABLE, "NoSchedule"), (taints.UNREACHABLE, "NoExecute")}


def test_a_silent_node_is_lost_and_found_again() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_node(cluster, "n2")
        await add_pod(cluster, "a", "n1")
        await live(cluster, 100, "n1", "n2")
        assert await state(cluster, "n1") == ("True", set())
        await live(cluster, GRACE - 20, "n2")  # ten seconds had passed since it was heard of
        assert await state(cluster, "n1") == ("True", set())
        await live(cluster, 30, "n2")
        assert await state(cluster, "n1") == ("Unknown", LOST)
        assert await state(cluster, "n2") == ("True", set())
        assert not is_ready((await cluster.pods())[0])
        told = await cluster.events()
        assert ("Node", "NodeNotReady", "Node n1 status is now: NodeNotReady") in told
        assert ("Pod", "NodeNotReady", "Node is not ready") in told
        await report(cluster, "n1")
        await live(cluster, 10, "n1", "n2")
        assert await state(cluster, "n1") == ("True", set())

    run(body, ALL)


def test_a_node_that_says_it_is_not_ready_is_believed() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_node(cluster, "n2")
        await cluster.settle()
        await report(cluster, "n1", "False")
        await cluster.settle()
        assert await state(cluster, "n1") == (
            "False",
            {(taints.NOT_READY, "NoSchedule"), (taints.NOT_READY, "NoExecute")},
        )

    run(body, ALL)


def test_when_all_nodes_are_silent_no_pod_is_driven_out() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_node(cluster, "n2")
        await add_pod(cluster, "a", "n1")
        await cluster.advance(3600 / 2)
        for name in ("n1", "n2"):
            ready, found = await state(cluster, name)
            assert (ready, {effect for _, effect in found}) == ("Unknown", {"NoSchedule"})
        assert (await cluster.pods())[0].metadata.deletionTimestamp is None

    run(body, ALL)


def test_nodes_lose_their_pods_one_after_the_other() -> None:
    async def body(cluster: Cluster) -> None:
        for number in range(10):
            await add_node(cluster, f"n{number}")
        alive = [f"n{number}" for number in range(3, 10)]
        evicting: list[int] = []
        await live(cluster, GRACE, *alive)
        for _ in range(4):
            states = [await state(cluster, f"n{number}") for number in range(3)]
            evicting.append(sum(found >= LOST for _, found in states))
            await live(cluster, 10, *alive)
        assert evicting in ([0, 1, 2, 3], [1, 2, 3, 3])

    run(body, ALL)


def test_pods_leave_when_their_tolerations_end() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_node(cluster, "n2")
        for name, seconds in (("short", 30), ("long", 300)):
            toleration = core_v1.Toleration(
                key=taints.UNREACHABLE, operator="Exists", effect="NoExecute", tolerationSeconds=seconds
            )
            await add_pod(cluster, name, "n1", toleration)
        await add_pod(cluster, "for-ever", "n1", core_v1.Toleration(operator="Exists"))
        await live(cluster, GRACE + 20, "n2")
        assert (await state(cluster, "n1"))[1] == LOST
        leaving = {pod.metadata.name: pod.metadata.deletionTimestamp is not None for pod in await cluster.pods()}
        assert leaving == {"short": False, "long": False, "for-ever": False}
        await live(cluster, 40, "n2")
        leaving = {pod.metadata.name: pod.metadata.deletionTimestamp is not None for pod in await cluster.pods()}
        assert leaving == {"short": True, "long": False, "for-ever": False}
        assert ("Pod", "TaintManagerEviction", "Marking for deletion Pod default/short") in await cluster.events()
        short = await cluster.client.get(core_v1.Pod, "default", "short")
        assert [one.reason for one in short.status.conditions if one.type == "DisruptionTarget"] == [
            "DeletionByTaintManager"
        ]
        await report(cluster, "n1")
        await live(cluster, 400, "n1", "n2")
        assert ("Pod", "TaintManagerEviction", "Cancelling deletion of Pod default/long") in await cluster.events()
        long = await cluster.client.get(core_v1.Pod, "default", "long")
        assert long.metadata.deletionTimestamp is None

    run(body, ALL)


def test_pods_of_a_node_that_is_gone_go_after_forty_seconds() -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_pod(cluster, "a", "n1")
        await cluster.client.delete(core_v1.Node, "", "n1")
        await cluster.advance(39)
        assert len(await cluster.pods()) == 1
        await cluster.advance(2)
        assert await cluster.pods() == []

    run(body, ALL)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_node_that_comes_back_in_time_keeps_its_pods(restarted: bool) -> None:
    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        await add_pod(cluster, "a", "n1")
        await cluster.client.delete(core_v1.Node, "", "n1")
        await cluster.advance(10)
        if restarted:
            await cluster.stop()
            await cluster.start(ALL)
        await add_node(cluster, "n1")
        await live(cluster, 100, "n1")
        assert len(await cluster.pods()) == 1

    run(body, ALL)


def test_what_an_agent_says_meanwhile_is_not_undone() -> None:
    """News of it is late: for the controller the Pod still runs, and the node that has just come back is lost."""

    async def body(cluster: Cluster) -> None:
        for name in ("n1", "n2", "n3"):
            await add_node(cluster, name)
        ended = await add_pod(cluster, "ended", "n1")
        await live(cluster, GRACE - 10, "n2", "n3")
        for plural in ("pods", "nodes", "leases"):
            cluster.transport.hold(plural)
        await cluster.set_pod(ended, "Failed", ready=False)
        await report(cluster, "n1")
        await renew(cluster, "n1")
        await cluster.advance(15)
        assert (await state(cluster, "n1"))[0] == "True"
        cluster.transport.let_go("leases")
        cluster.transport.let_go("nodes")
        await live(cluster, GRACE + 20, "n2", "n3")
        assert (await state(cluster, "n1"))[0] == "Unknown"
        assert (await cluster.pods())[0].status.phase == "Failed"
        cluster.transport.let_go("pods")
        await live(cluster, 20, "n2", "n3")
        assert (await cluster.pods())[0].status.phase == "Failed"

    run(body, ("nodelifecycle",))


def test_a_pod_that_has_ended_when_it_is_to_leave_ended_so() -> None:
    """News of its end is late."""

    async def body(cluster: Cluster) -> None:
        await add_node(cluster, "n1")
        pod = await add_pod(cluster, "ended", "n1")
        pod = codec.copy(await cluster.client.get(core_v1.Pod, "default", "ended"))
        pod.metadata.finalizers = ("example.com/look",)
        pod = await cluster.client.update(pod)
        await cluster.settle()
        cluster.transport.hold("pods")
        await cluster.set_pod(pod, "Succeeded", ready=False)
        node = codec.copy(await cluster.client.get(core_v1.Node, "", "n1"))
        node.spec.taints = (core_v1.Taint(key="down", effect="NoExecute"),)
        await cluster.client.update(node)
        await cluster.advance(5)
        cluster.transport.let_go("pods")
        await cluster.advance(20)
        found = await cluster.client.get(core_v1.Pod, "default", "ended")
        assert found.metadata.deletionTimestamp is not None
        assert found.status.phase == "Succeeded"

    run(body, ("taint-eviction",))
