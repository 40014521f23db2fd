"""What Kubernetes' conformance tests say about DaemonSets, on simulated Pods."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podium.models import apps_v1, codec, core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters, workload

DaemonSet = apps_v1.DaemonSet


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=3)


def text(spec: str = "") -> str:
    return workload("DaemonSet", spec)


def ready(count: int) -> Callable[[apps_v1.DaemonSet], bool]:
    def holds(it: apps_v1.DaemonSet) -> bool:
        status = it.status
        fresh = status.observedGeneration == it.metadata.generation
        return fresh and (status.desiredNumberScheduled, status.numberReady) == (count, count)

    return holds


def nodes_of(cluster: VirtualCluster) -> list[str]:
    return sorted(pod.spec.nodeName for pod in steps.running(cluster, "app=test"))


def up(cluster: VirtualCluster, spec: str = "") -> apps_v1.DaemonSet:
    cluster.apply(text(spec))
    steps.until(cluster, lambda: len(nodes_of(cluster)) == 3)
    return cluster.wait(DaemonSet, "test", ready(3))


def label_node(cluster: VirtualCluster, name: str, color: str | None) -> None:
    cluster.run(cluster.client.patch(core_v1.Node, "", name, {"metadata": {"labels": {"color": color}}}, "merge"))


def test_should_run_and_stop_simple_daemon(cluster: VirtualCluster) -> None:
    up(cluster)
    every = sorted(steps.names(cluster.list(core_v1.Node, namespace="")))
    assert nodes_of(cluster) == every
    gone = steps.running(cluster)[0].metadata.name
    cluster.delete(core_v1.Pod, gone)
    steps.until(cluster, lambda: nodes_of(cluster) == every)
    assert gone not in steps.names(steps.pods(cluster))


def test_should_run_and_stop_complex_daemon(cluster: VirtualCluster) -> None:
    (created,) = cluster.apply(text())
    tree = {"spec": {"template": {"spec": {"nodeSelector": {"color": "blue"}}}}}
    steps.patch(cluster, created, tree)
    cluster.wait(DaemonSet, "test", ready(0))
    steps.until(cluster, lambda: not steps.pods(cluster))
    node = min(steps.names(cluster.list(core_v1.Node, namespace="")))
    label_node(cluster, node, "blue")
    steps.until(cluster, lambda: nodes_of(cluster) == [node])
    cluster.wait(DaemonSet, "test", ready(1))
    label_node(cluster, node, "green")
    steps.until(cluster, lambda: not steps.pods(cluster))
    green = {"updateStrategy": {"type": "RollingUpdate"}, "template": {"spec": {"nodeSelector": {"color": "green"}}}}
    steps.patch(cluster, created, {"spec": green})
    steps.until(cluster, lambda: nodes_of(cluster) == [node])
    cluster.wait(DaemonSet, "test", ready(1))


def test_should_retry_creating_failed_daemon_pods(cluster: VirtualCluster) -> None:
    up(cluster)
    failed = codec.copy(steps.running(cluster)[0])
    failed.status.phase = "Failed"
    cluster.run(cluster.client.update_status(failed))
    steps.until(cluster, lambda: len(nodes_of(cluster)) == 3)
    steps.until(cluster, lambda: failed.metadata.name not in steps.names(steps.pods(cluster)))


def set_image(cluster: VirtualCluster, image: str) -> None:
    tree = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    steps.patch(cluster, cluster.get(DaemonSet, "test"), tree, type_="strategic")


def test_should_update_pod_when_spec_was_updated_and_strategy_is_rolling_update(cluster: VirtualCluster) -> None:
    up(cluster)
    (first,) = cluster.list(apps_v1.ControllerRevision)
    set_image(cluster, "httpd:2")
    images = ["httpd:2"] * 3
    steps.until(cluster, lambda: [pod.spec.containers[0].image for pod in steps.running(cluster)] == images)
    key = "controller-revision-hash"
    newest = max(cluster.list(apps_v1.ControllerRevision), key=lambda it: it.revision)
    assert (first.revision, newest.revision) == (1, 2)
    assert {pod.metadata.labels[key] for pod in steps.pods(cluster)} == {newest.metadata.labels[key]}


def test_should_rollback_without_unnecessary_restarts(cluster: VirtualCluster) -> None:
    up(cluster, "updateStrategy: {type: RollingUpdate}")
    before = {pod.metadata.uid for pod in steps.pods(cluster)}
    set_image(cluster, "missing")
    steps.until(cluster, lambda: any(pod.spec.containers[0].image == "missing" for pod in steps.pods(cluster)))
    kept = {pod.metadata.uid for pod in steps.running(cluster)}
    assert len(kept) == 2
    assert kept < before
    set_image(cluster, "httpd:1")
    cluster.wait(DaemonSet, "test", ready(3))
    steps.until(cluster, lambda: len(nodes_of(cluster)) == 3)
    after = steps.running(cluster)
    assert kept < {pod.metadata.uid for pod in after}
    assert {status.restartCount for pod in after for status in pod.status.containerStatuses} == {0}


def test_should_list_and_delete_a_collection(cluster: VirtualCluster) -> None:
    steps.other(cluster, "DaemonSet", "")
    up(cluster)
    assert steps.names(cluster.list(DaemonSet, namespace="", label_selector="app=test")) == {"test"}
    steps.delete_collection(cluster, DaemonSet, "app=test")
    assert steps.names(cluster.list(DaemonSet)) == {"other"}
    steps.until(cluster, lambda: not steps.pods(cluster, "app=test"))
    assert len(steps.running(cluster)) == 3


def test_should_verify_changes_to_a_daemon_set_status(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.statuses(cluster, DaemonSet)


def test_controller_revision_should_manage_its_lifecycle(cluster: VirtualCluster) -> None:
    def names(count: int) -> set[str]:
        cluster.advance(30)
        found = cluster.list(apps_v1.ControllerRevision, namespace="", label_selector="app=test")
        assert len(found) == count
        return steps.names(found)

    steps.other(cluster, "DaemonSet", "")
    owner = up(cluster)
    names(1)
    (first,) = cluster.list(apps_v1.ControllerRevision, label_selector="app=test")
    assert [(ref.kind, ref.uid) for ref in first.metadata.ownerReferences] == [("DaemonSet", owner.metadata.uid)]
    key = first.metadata.name
    assert steps.patch(cluster, first, {"metadata": {"labels": {key: "patched"}}}).metadata.labels[key] == "patched"

    second = codec.copy(first)
    meta = first.metadata
    second.metadata = type(meta)(
        name="second", namespace=meta.namespace, labels=meta.labels, ownerReferences=meta.ownerReferences
    )
    second.revision = first.revision + 1
    cluster.create(second)
    assert names(2) == {key, "second"}
    cluster.delete(apps_v1.ControllerRevision, key)
    assert names(1) == {"second"}

    def updated(it: apps_v1.ControllerRevision) -> None:
        it.metadata.labels = {**it.metadata.labels, "second": "updated"}

    changed = steps.change(cluster, apps_v1.ControllerRevision, "second", updated)
    assert changed.metadata.labels["second"] == "updated"
    tree = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    steps.patch(cluster, cluster.get(DaemonSet, "test"), tree, type_="strategic")
    assert "second" in names(2)
    steps.delete_collection(cluster, apps_v1.ControllerRevision, "second=updated")
    assert "second" not in names(1)
    (third,) = cluster.list(apps_v1.ControllerRevision, label_selector="app=test")
    assert len(cluster.list(apps_v1.ControllerRevision)) == 2
    assert third.revision == 3
