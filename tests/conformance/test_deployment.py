"""What Kubernetes' conformance tests say about Deployments, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.models import apps_v1, core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters, workload

Deployment = apps_v1.Deployment
ReplicaSet = apps_v1.ReplicaSet
REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def complete(it: apps_v1.Deployment) -> bool:
    wanted, status = it.spec.replicas, it.status
    counts = (status.replicas, status.updatedReplicas, status.availableReplicas)
    return counts == (wanted,) * 3 and status.observedGeneration == it.metadata.generation


def up(cluster: VirtualCluster, spec: str = "replicas: 1", annotations: str = "") -> apps_v1.Deployment:
    cluster.apply(workload("Deployment", spec, annotations=annotations))
    return cluster.wait(Deployment, "test", complete)


def set_image(cluster: VirtualCluster, image: str) -> None:
    tree = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    steps.patch(cluster, cluster.get(Deployment, "test"), tree, type_="strategic")


def replica_sets(cluster: VirtualCluster) -> dict[str, apps_v1.ReplicaSet]:
    return {it.spec.template.spec.containers[0].image: it for it in cluster.list(ReplicaSet)}


def test_rolling_update_should_delete_old_pods_and_create_new_ones(cluster: VirtualCluster) -> None:
    (adopted,) = cluster.apply(workload("ReplicaSet", "replicas: 1", name="old"))
    steps.patch(cluster, adopted, {"metadata": {"annotations": {REVISION: "3546343826724305832"}}})
    cluster.wait(ReplicaSet, "old", lambda it: it.status.availableReplicas == 1)
    cluster.apply(workload("Deployment", "replicas: 1").replace("httpd:1", "httpd:2"))
    owner = cluster.wait(Deployment, "test", complete)
    steps.until(cluster, lambda: [pod.spec.containers[0].image for pod in steps.pods(cluster)] == ["httpd:2"])
    found = replica_sets(cluster)
    assert {ref.uid for it in found.values() for ref in it.metadata.ownerReferences} == {owner.metadata.uid}
    assert (found["httpd:1"].metadata.uid, found["httpd:1"].status.replicas) == (adopted.metadata.uid, 0)
    revisions = [it.metadata.annotations[REVISION] for it in (cluster.get(Deployment, "test"), found["httpd:2"])]
    assert revisions == ["3546343826724305833"] * 2


def test_recreate_should_delete_old_pods_and_create_new_ones(cluster: VirtualCluster) -> None:
    slowly = "podium.dev/simulate-stop-delay: '5'"
    text = workload("Deployment", "replicas: 2\n  strategy: {type: Recreate}", annotations=slowly)
    cluster.apply(text.replace("terminationGracePeriodSeconds: 0", "terminationGracePeriodSeconds: 30"))
    owner = cluster.wait(Deployment, "test", complete)
    since = steps.revision(cluster, core_v1.Pod)
    set_image(cluster, "httpd:2")
    cluster.advance(30)
    assert complete(cluster.get(Deployment, "test"))
    told = [
        (type_, pod.spec.containers[0].image)
        for type_, pod in steps.events(cluster, core_v1.Pod, since)
        if type_ != "MODIFIED"
    ]
    assert told == [("DELETED", "httpd:1")] * 2 + [("ADDED", "httpd:2")] * 2
    assert owner.metadata.annotations[REVISION] == "1"


def test_should_delete_old_replica_sets(cluster: VirtualCluster) -> None:
    cluster.apply(workload("ReplicaSet", "replicas: 1", name="old"))
    cluster.wait(ReplicaSet, "old", lambda it: it.status.availableReplicas == 1)
    cluster.apply(workload("Deployment", "replicas: 1\n  revisionHistoryLimit: 0").replace("httpd:1", "httpd:2"))
    cluster.wait(Deployment, "test", complete)
    steps.until(cluster, lambda: set(replica_sets(cluster)) == {"httpd:2"})


def test_should_support_rollover(cluster: VirtualCluster) -> None:
    cluster.apply(workload("ReplicaSet", "replicas: 1", name="old"))
    cluster.wait(ReplicaSet, "old", lambda it: it.status.availableReplicas == 1)
    rolling = "strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}"
    cluster.apply(
        workload("Deployment", f"replicas: 1\n  minReadySeconds: 10\n  {rolling}").replace("httpd:1", "missing")
    )
    steps.until(
        cluster, lambda: "missing" in replica_sets(cluster) and replica_sets(cluster)["missing"].spec.replicas == 1
    )
    set_image(cluster, "httpd:3")

    def sizes() -> dict[str, int]:
        return {image: it.status.replicas for image, it in replica_sets(cluster).items()}

    cluster.advance(8)
    assert sizes() == {"httpd:1": 1, "missing": 0, "httpd:3": 1}  # it stays until the newest one is available
    cluster.wait(Deployment, "test", complete)
    steps.until(cluster, lambda: sizes() == {"httpd:1": 0, "missing": 0, "httpd:3": 1})


def test_should_support_proportional_scaling(cluster: VirtualCluster) -> None:
    up(cluster, "replicas: 10\n  strategy: {rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}")
    set_image(cluster, "missing")
    cluster.advance(30)
    found = replica_sets(cluster)
    assert (found["httpd:1"].spec.replicas, found["missing"].spec.replicas) == (8, 5)
    assert found["httpd:1"].status.availableReplicas == 8
    assert not found["missing"].status.availableReplicas
    steps.patch(cluster, cluster.get(Deployment, "test"), {"spec": {"replicas": 30}})
    cluster.advance(30)
    found = replica_sets(cluster)
    assert (found["httpd:1"].spec.replicas, found["missing"].spec.replicas) == (20, 13)


def test_should_have_a_working_scale_subresource(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.scales(cluster, Deployment)


def test_should_run_the_lifecycle(cluster: VirtualCluster) -> None:
    steps.other(cluster, "Deployment")
    created = up(cluster, "replicas: 2")
    since = created.metadata.resourceVersion
    steps.patch(cluster, created, {"metadata": {"labels": {"test-deployment": "patched"}}, "spec": {"replicas": 1}})
    patched = cluster.wait(Deployment, "test", complete)
    assert (patched.metadata.labels["test-deployment"], patched.status.replicas) == ("patched", 1)
    assert steps.names(cluster.list(Deployment, namespace="", label_selector="test-deployment=patched")) == {"test"}

    def changed(it: apps_v1.Deployment) -> None:
        it.spec.replicas = 2
        it.metadata.labels["test-deployment"] = "updated"

    steps.change(cluster, Deployment, "test", changed)
    cluster.wait(Deployment, "test", complete)
    written = steps.patch(cluster, created, {"status": {"readyReplicas": 0, "availableReplicas": 0}}, "status")
    assert (written.status.readyReplicas, written.status.availableReplicas) == (0, 0)
    written = cluster.run(cluster.client.get(Deployment, "default", "test", "status"))
    assert written.metadata.uid == created.metadata.uid
    cluster.wait(Deployment, "test", lambda it: it.status.readyReplicas == it.status.availableReplicas == 2)
    steps.delete_collection(cluster, Deployment, "test-deployment=updated")
    assert steps.changes(cluster, Deployment, since)[-1] == ("DELETED", "test")
    assert steps.names(cluster.list(Deployment)) == {"other"}
    steps.until(cluster, lambda: not steps.pods(cluster, "app=test"))
    assert len(steps.running(cluster)) == 1


def test_should_validate_status_endpoints(cluster: VirtualCluster) -> None:
    up(cluster)
    steps.statuses(cluster, Deployment)
