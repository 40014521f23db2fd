"""The status of ResourceQuotas, and that it agrees with what admission lets through."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery.errors import NotFound
from podium.models import apps_v1, core_v1
from podium.testing.virtual import VirtualCluster

QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec:
  hard: {pods: "3", requests.cpu: "1", count/deployments.apps: "2", secrets: "5", services.nodeports: "1"}
"""
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1", resources: {requests: {cpu: 250m}}}]
"""


def used(cluster: VirtualCluster) -> dict[str, Any]:
    return dict(cluster.get(core_v1.ResourceQuota, "q").status.used)


def settled(cluster: VirtualCluster) -> None:
    cluster.advance(5)


@pytest.fixture
def cluster(podium_cluster: VirtualCluster) -> VirtualCluster:
    podium_cluster.apply(QUOTA)
    settled(podium_cluster)
    return podium_cluster


def test_everything_that_is_limited_is_told_of(cluster: VirtualCluster) -> None:
    quota = cluster.get(core_v1.ResourceQuota, "q")
    assert quota.status.hard == quota.spec.hard
    assert quota.status.used == dict.fromkeys(quota.spec.hard, "0")


def test_a_deployment_gets_as_far_as_the_quota(cluster: VirtualCluster) -> None:
    cluster.apply(WEB)
    cluster.advance(120)
    assert len(cluster.list(core_v1.Pod)) == 3
    assert used(cluster) == {
        "pods": "3",
        "requests.cpu": "750m",
        "count/deployments.apps": "1",
        "secrets": "0",
        "services.nodeports": "0",
    }
    (replica_set,) = cluster.list(apps_v1.ReplicaSet)
    (failure,) = replica_set.status.conditions
    assert (failure.type, failure.reason) == ("ReplicaFailure", "FailedCreate")
    assert "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3" in failure.message


def test_what_is_freed_is_used_again(cluster: VirtualCluster) -> None:
    cluster.apply(WEB)
    cluster.advance(30)
    cluster.run(cluster.client.patch(apps_v1.Deployment, "default", "web", {"spec": {"replicas": 1}}, "merge"))
    cluster.advance(60)
    assert used(cluster)["pods"] == "1"
    assert used(cluster)["requests.cpu"] == "250m"
    cluster.run(cluster.client.patch(core_v1.ResourceQuota, "default", "q", {"spec": {"hard": {"pods": "5"}}}, "merge"))
    cluster.run(cluster.client.patch(apps_v1.Deployment, "default", "web", {"spec": {"replicas": 4}}, "merge"))
    cluster.advance(60)
    assert used(cluster)["pods"] == "4"
    quota = cluster.get(core_v1.ResourceQuota, "q")
    assert quota.status.hard == quota.spec.hard


def test_finished_pods_are_not_counted(cluster: VirtualCluster) -> None:
    cluster.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {restartPolicy: Never, containers: "
        '[{name: a, image: busybox, command: ["true"], resources: {requests: {cpu: 1}}}]}}'
    )
    cluster.wait(core_v1.Pod, "a", lambda pod: pod.status.phase == "Succeeded")
    settled(cluster)
    assert used(cluster)["pods"] == "0"
    assert used(cluster)["requests.cpu"] == "0"


def test_it_is_written_only_when_something_changes(cluster: VirtualCluster) -> None:
    before = cluster.get(core_v1.ResourceQuota, "q").metadata.resourceVersion
    cluster.advance(3600)
    assert cluster.get(core_v1.ResourceQuota, "q").metadata.resourceVersion == before
    cluster.delete(core_v1.ResourceQuota, "q")
    settled(cluster)
    with pytest.raises(NotFound):
        used(cluster)
