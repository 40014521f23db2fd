"""What Kubernetes' conformance tests say about ReplicationControllers, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.models import core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters, workload

RC = core_v1.ReplicationController


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def up(cluster: VirtualCluster, replicas: int = 1) -> RC:
    cluster.apply(workload("ReplicationController", f"replicas: {replicas}"))
    return cluster.wait(RC, "test", lambda it: it.status.availableReplicas == replicas)


def test_should_serve_a_basic_image_on_each_replica(cluster: VirtualCluster) -> None:
    steps.serves(cluster, up(cluster, 2), "httpd:1")


def test_should_surface_a_failure_condition_on_exceeded_quota(cluster: VirtualCluster) -> None:
    cluster.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: few}\nspec: {hard: {pods: 2}}")
    cluster.wait(core_v1.ResourceQuota, "few", lambda it: it.status.hard)
    cluster.apply(workload("ReplicationController", "replicas: 3"))
    failed = cluster.wait(RC, "test", lambda it: "ReplicaFailure" in steps.said(it))
    status, reason, message = steps.said(failed)["ReplicaFailure"]
    assert (status, reason) == ("True", "FailedCreate")
    assert "exceeded quota: few" in message

    def two(it: RC) -> None:
        it.spec.replicas = 2

    steps.change(cluster, RC, "test", two)
    cluster.wait(RC, "test", lambda it: it.status.replicas == 2 and "ReplicaFailure" not in steps.said(it))


def test_should_adopt_matching_pods_on_creation(cluster: VirtualCluster) -> None:
    cluster.apply(steps.orphan())
    cluster.wait(core_v1.Pod, "orphan", lambda pod: pod.status.phase == "Running")
    owner = up(cluster)
    assert [(pod.metadata.name, steps.owner(pod)) for pod in steps.pods(cluster)] == [("orphan", owner.metadata.uid)]


def test_should_release_no_longer_matching_pods(cluster: VirtualCluster) -> None:
    up(cluster)
    (pod,) = steps.pods(cluster)
    steps.patch(cluster, pod, {"metadata": {"labels": {"app": "other"}}})
    cluster.wait(core_v1.Pod, pod.metadata.name, lambda it: steps.owner(it) is None)
    steps.until(cluster, lambda: len(steps.running(cluster, "app=test")) == 1)


def test_should_get_and_update_a_scale(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.scales(cluster, RC)


def test_the_lifecycle(cluster: VirtualCluster) -> None:
    steps.other(cluster, "ReplicationController")
    (created,) = cluster.apply(workload("ReplicationController", "replicas: 1"))
    cluster.wait(RC, "test", lambda it: it.status.readyReplicas == 1)
    steps.patch(cluster, created, {"metadata": {"labels": {"test-rc": "patched"}}})
    assert cluster.get(RC, "test").metadata.labels["test-rc"] == "patched"
    shown = steps.patch(cluster, created, {"status": {"readyReplicas": 0, "availableReplicas": 0}}, "status")
    assert (shown.status.readyReplicas, shown.status.availableReplicas) == (0, 0)
    assert cluster.run(cluster.client.get(RC, "default", "test", "status")).metadata.uid == created.metadata.uid
    cluster.wait(RC, "test", lambda it: it.status.readyReplicas == 1)
    steps.patch(cluster, created, {"spec": {"replicas": 2}}, "scale")
    cluster.wait(RC, "test", lambda it: it.status.readyReplicas == 2)

    def one(it: RC) -> None:
        it.spec.replicas = 1

    steps.change(cluster, RC, "test", one)
    cluster.wait(RC, "test", lambda it: it.status.replicas == 1)
    assert steps.names(cluster.list(RC, namespace="", label_selector="test-rc=patched")) == {"test"}
    steps.delete_collection(cluster, RC, "test-rc=patched")
    assert ("DELETED", "test") in steps.changes(cluster, RC, created.metadata.resourceVersion)
    assert steps.names(cluster.list(RC)) == {"other"}
    steps.until(cluster, lambda: [steps.owner(pod) for pod in steps.running(cluster, "app=test")] == [None])
