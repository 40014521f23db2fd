"""What Kubernetes' conformance tests say about ReplicaSets, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.models import apps_v1, core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters, workload


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def up(cluster: VirtualCluster, replicas: int = 1) -> apps_v1.ReplicaSet:
    cluster.apply(workload("ReplicaSet", f"replicas: {replicas}"))
    return cluster.wait(apps_v1.ReplicaSet, "test", lambda it: it.status.availableReplicas == replicas)


def test_should_serve_a_basic_image_on_each_replica(cluster: VirtualCluster) -> None:
    steps.serves(cluster, up(cluster, 3), "httpd:1")


def test_should_adopt_matching_pods_on_creation_and_release_no_longer_matching_pods(cluster: VirtualCluster) -> None:
    cluster.apply(steps.orphan())
    cluster.wait(core_v1.Pod, "orphan", lambda pod: pod.status.phase == "Running")
    owner = up(cluster)
    (pod,) = steps.pods(cluster)
    assert (pod.metadata.name, steps.owner(pod)) == ("orphan", owner.metadata.uid)
    steps.patch(cluster, pod, {"metadata": {"labels": {"app": "other"}}})
    cluster.wait(core_v1.Pod, "orphan", lambda it: steps.owner(it) is None)
    steps.until(cluster, lambda: len(steps.running(cluster, "app=test")) == 1)


def test_should_have_a_working_scale_subresource(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.scales(cluster, apps_v1.ReplicaSet)


def test_replace_and_patch(cluster: VirtualCluster) -> None:
    up(cluster)

    def two(it: apps_v1.ReplicaSet) -> None:
        it.spec.replicas = 2

    steps.change(cluster, apps_v1.ReplicaSet, "test", two)
    owner = cluster.wait(apps_v1.ReplicaSet, "test", lambda it: it.status.readyReplicas == 2)
    since = owner.metadata.resourceVersion
    template = {"spec": {"terminationGracePeriodSeconds": 7, "containers": [{"name": "web", "image": "httpd:2"}]}}
    tree = {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 3, "template": template}}
    steps.patch(cluster, owner, tree, type_="strategic")
    owner = cluster.wait(apps_v1.ReplicaSet, "test", lambda it: it.status.readyReplicas == 3)
    assert owner.metadata.labels["test-rs"] == "patched"
    assert (owner.spec.template.spec.terminationGracePeriodSeconds, owner.spec.template.metadata.labels) == (
        7,
        {"app": "test"},
    )
    assert sorted(pod.spec.containers[0].image for pod in steps.pods(cluster)) == ["httpd:1", "httpd:1", "httpd:2"]
    assert ("MODIFIED", "test") in steps.changes(cluster, apps_v1.ReplicaSet, since)


def test_should_list_and_delete_a_collection(cluster: VirtualCluster) -> None:
    steps.other(cluster, "ReplicaSet")
    up(cluster, 3)
    assert steps.names(cluster.list(apps_v1.ReplicaSet, namespace="", label_selector="app=test")) == {"test"}
    steps.delete_collection(cluster, apps_v1.ReplicaSet, "app=test")
    assert steps.names(cluster.list(apps_v1.ReplicaSet, namespace="")) == {"other"}
    steps.until(cluster, lambda: not steps.pods(cluster, "app=test"))
    assert len(steps.running(cluster, "app=other")) == 1


def test_should_validate_status_endpoints(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.statuses(cluster, apps_v1.ReplicaSet)


def test_pods_that_a_node_rejects_are_not_made_as_fast_as_possible(cluster: VirtualCluster) -> None:
    """No conformance test, but what a cluster has to stand."""
    port = 'image: "httpd:1", ports: [{name: conflict, containerPort: 21017, hostPort: 21017}]'
    there = steps.orphan("there", labels="app: other").replace("spec: {", "spec: {nodeName: node-1, ")
    cluster.apply(there.replace('image: "httpd:1"', port))
    cluster.wait(core_v1.Pod, "there", lambda it: it.status.phase == "Running")
    text = workload("ReplicaSet", "replicas: 1").replace('image: "httpd:1"', port)
    cluster.apply(text.replace("containers:", "nodeName: node-1\n      containers:"))
    cluster.advance(600)
    assert 3 < len(steps.pods(cluster, "app=test")) < 30
    cluster.delete(core_v1.Pod, "there")
    cluster.wait(apps_v1.ReplicaSet, "test", lambda it: it.status.readyReplicas == 1)
