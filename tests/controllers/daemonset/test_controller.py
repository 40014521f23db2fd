"""The DaemonSet controller on a real registry, and in a whole cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import pytest

from podium.controllers.daemonset import node
from podium.controllers.daemonset.eligibility import Verdict
from podium.controllers.daemonset.pods import target_node
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from podium.testing.virtual import VirtualCluster
from tests.controllers.cluster import Cluster, run
from tests.controllers.daemonset.build import daemon_set
from tests.controllers.daemonset.test_invariants import change_set, create_node

ONLY = ("daemonset",)


async def status(cluster: Cluster) -> apps_v1.DaemonSetStatus:
    return (await cluster.client.get(apps_v1.DaemonSet, "default", "logs")).status


async def run_pods(cluster: Cluster) -> None:
    for pod in await cluster.pods():
        if pod.metadata.deletionTimestamp is not None:
            await cluster.remove_pod(pod)
        elif pod.status.phase == "Pending":
            if not pod.spec.nodeName:
                await cluster.bind(pod, target_node(pod))
            await cluster.set_pod(pod)
    await cluster.settle()


async def started(cluster: Cluster, nodes: int, owner: apps_v1.DaemonSet) -> apps_v1.DaemonSet:
    for number in range(nodes):
        await create_node(cluster, f"n{number}", {"logs": "yes"})
    created = await cluster.client.create(owner)
    await cluster.settle()
    await run_pods(cluster)
    return created


def test_what_is_adopted_counts_at_once() -> None:
    """The cache shows Pods as the set's own only later: until then their nodes must not get others."""

    async def body(cluster: Cluster) -> None:
        await started(cluster, 3, daemon_set())
        before = {pod.metadata.uid for pod in await cluster.pods()}
        await cluster.client.delete(apps_v1.DaemonSet, "default", "logs")
        for pod in await cluster.pods():
            patch = {"metadata": {"ownerReferences": None}}
            await cluster.client.patch(core_v1.Pod, "default", pod.metadata.name, patch, "merge")
        await cluster.settle()
        cluster.transport.hold("pods")
        created = await cluster.client.create(daemon_set())
        await cluster.settle()
        pods = await cluster.pods()
        assert {pod.metadata.uid for pod in pods} == before
        assert all(owners.is_controlled_by(pod, created) for pod in pods)
        cluster.transport.let_go("pods")
        await cluster.settle()
        assert {pod.metadata.uid for pod in await cluster.pods()} == before

    run(body, ONLY)


def test_every_node_has_one_and_the_history_tells_of_it() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await started(cluster, 3, daemon_set())
        pods = await cluster.pods()
        assert sorted(map(target_node, pods)) == ["n0", "n1", "n2"]
        (revision,) = await cluster.client.list(apps_v1.ControllerRevision)
        name_hash = revision.metadata.labels["controller-revision-hash"]
        assert revision.metadata.name == f"logs-{name_hash}"
        assert owners.is_controlled_by(revision, owner)
        assert {pod.metadata.labels["controller-revision-hash"] for pod in pods} == {name_hash}
        assert {pod.metadata.labels["pod-template-generation"] for pod in pods} == {"1"}
        counts = await status(cluster)
        assert (counts.desiredNumberScheduled, counts.numberReady, counts.numberUnavailable) == (3, 3, None)

    run(body, ONLY)


def test_a_pod_that_keeps_failing_is_replaced_ever_later() -> None:
    async def body(cluster: Cluster) -> None:
        await started(cluster, 1, daemon_set())
        seen: list[float] = []
        names: set[str] = set()
        while len(seen) < 6:
            for pod in await cluster.pods():
                if pod.metadata.name not in names:
                    names.add(pod.metadata.name)
                    seen.append(cluster.clock.elapsed)
                    await cluster.set_pod(pod, "Failed", ready=False)
                if pod.metadata.deletionTimestamp is not None:
                    await cluster.remove_pod(pod)
            await cluster.clock.advance(0.1)
        waits = [later - earlier for earlier, later in pairwise(seen)]
        assert [round(wait) for wait in waits[1:]] == [1, 2, 4, 8]
        reasons = {reason for kind, reason, _ in await cluster.events() if kind == "DaemonSet"}
        assert "FailedDaemonPod" in reasons

    run(body, ONLY)


def test_the_history_is_kept_within_its_limit() -> None:
    async def body(cluster: Cluster) -> None:
        await started(cluster, 1, daemon_set(revisionHistoryLimit=2))
        for number in range(2, 7):
            await change_set(cluster, f"logs:{number}")
            for _ in range(4):
                await cluster.settle()
                await run_pods(cluster)
        found = await cluster.client.list(apps_v1.ControllerRevision)
        assert sorted(one.revision for one in found) == [4, 5, 6]
        await change_set(cluster, "logs:5")
        for _ in range(4):
            await cluster.settle()
            await run_pods(cluster)
        found = await cluster.client.list(apps_v1.ControllerRevision)
        assert sorted(one.revision for one in found) == [4, 6, 7]

    run(body, ONLY)


def test_two_revisions_of_the_same_template_become_one() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await started(cluster, 2, daemon_set())
        (revision,) = await cluster.client.list(apps_v1.ControllerRevision)
        twin = codec.copy(revision)
        twin.metadata = meta_v1.ObjectMeta(
            name="logs-twin",
            namespace="default",
            labels={**revision.metadata.labels, "controller-revision-hash": "twin"},
            ownerReferences=(owners.new_controller_ref(owner),),
        )
        twin.revision = 2
        await cluster.client.create(twin)
        await cluster.settle()
        assert len(await cluster.client.list(apps_v1.ControllerRevision)) == 2  # nothing happened to the set itself
        again = {"metadata": {"annotations": {"again": "true"}}}
        await cluster.client.patch(apps_v1.DaemonSet, "default", "logs", again, patch_type="merge")
        await cluster.settle()
        (left,) = await cluster.client.list(apps_v1.ControllerRevision)
        assert left.metadata.name == "logs-twin"
        hashes = {pod.metadata.labels["controller-revision-hash"] for pod in await cluster.pods()}
        assert hashes == {"twin"}

    run(body, ONLY)


def test_a_pod_counts_as_available_at_the_very_second() -> None:
    async def body(cluster: Cluster) -> None:
        await started(cluster, 1, daemon_set(minReadySeconds=30))
        ready = cluster.clock.elapsed
        await cluster.advance(28 - (cluster.clock.elapsed - ready))
        assert ((await status(cluster)).numberReady, (await status(cluster)).numberAvailable) == (1, None)
        await cluster.advance(3)
        assert (await status(cluster)).numberAvailable == 1

    run(body, ONLY)


def test_what_happens_to_one_pod_costs_one_node_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    assess = node.assess

    def counted(
        terms: node.Terms,
        verdict: Verdict | None,
        pods: Sequence[core_v1.Pod],
        failed_until: datetime | None,
        now: datetime,
    ) -> node.NodeState:
        looked.extend(map(target_node, pods))
        return assess(terms, verdict, pods, failed_until, now)

    async def body(cluster: Cluster) -> None:
        await started(cluster, 40, daemon_set())
        pod = (await cluster.pods())[7]
        looked.clear()
        await cluster.set_pod(pod, ready=False)
        await cluster.settle()
        assert set(looked) == {target_node(pod)}
        assert (await status(cluster)).numberReady == 39

    monkeypatch.setattr(node, "assess", counted)
    run(body, ONLY)


LOGS = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: logs}
spec:
  selector: {matchLabels: {app: logs}}
  template:
    metadata: {labels: {app: logs}}
    spec:
      nodeSelector: {logs: "yes"}
      containers: [{name: logs, image: "logs:1"}]
"""


def label(cluster: VirtualCluster, name: str, value: str | None) -> None:
    patch = {"metadata": {"labels": {"logs": value}}}
    cluster.run(cluster.client.patch(core_v1.Node, "", name, patch, "merge"))


def where(cluster: VirtualCluster) -> list[str]:
    return sorted(pod.spec.nodeName for pod in cluster.list(core_v1.Pod))


def test_labels_of_nodes_say_where_pods_run(podium_clusters: Callable[..., VirtualCluster]) -> None:
    cluster = podium_clusters(nodes=3)
    label(cluster, "node-1", "yes")
    cluster.apply(LOGS)
    cluster.wait(apps_v1.DaemonSet, "logs", lambda one: one.status.numberAvailable == 1)
    assert where(cluster) == ["node-1"]
    label(cluster, "node-2", "yes")
    label(cluster, "node-1", None)
    cluster.wait_until(lambda: where_now(cluster) == ["node-2"])
    cluster.advance(60)
    assert where(cluster) == ["node-2"]


def where_now(cluster: VirtualCluster) -> list[str]:
    """While the cluster's loop runs."""
    pods = cluster.cluster.registry.core.live("pods").entries.values()
    return sorted(entry.object.spec.nodeName for entry in pods)
