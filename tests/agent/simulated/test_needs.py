"""Simulated Pods wait for what they refer to, as real ones do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from podium.models.core_v1 import Event, Pod
from podium.testing.virtual import VirtualCluster, virtual_cluster

POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  nodeName: node-1
  %s
"""
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: red}\n"


@pytest.fixture
def cluster() -> Iterator[VirtualCluster]:
    with virtual_cluster() as found:
        yield found


def waiting(cluster: VirtualCluster) -> tuple[str, str]:
    state = cluster.get(Pod, "p").status.containerStatuses[0].state.waiting
    assert state is not None
    return state.reason, state.message


def told(cluster: VirtualCluster, reason: str) -> list[str]:
    return [event.message for event in cluster.list(Event) if event.reason == reason]


def test_a_volume_that_shows_what_is_not_there(cluster: VirtualCluster) -> None:
    volumes = "volumes: [{name: v, configMap: {name: settings, items: [{key: color, path: c}]}}]"
    cluster.apply(POD % f"containers: [{{name: c, image: nginx}}]\n  {volumes}")
    cluster.settle()
    assert waiting(cluster) == ("ContainerCreating", "")
    assert told(cluster, "FailedMount") == ['MountVolume.SetUp failed for volume "v" : configmap "settings" not found']
    cluster.apply(SETTINGS.replace("color: red", "size: large"))
    cluster.settle()
    missing = 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: color'
    assert missing in told(cluster, "FailedMount")
    cluster.apply(SETTINGS)
    cluster.settle()
    assert cluster.get(Pod, "p").status.phase == "Running"


def test_an_environment_that_shows_what_is_not_there(cluster: VirtualCluster) -> None:
    source = "valueFrom: {configMapKeyRef: {name: settings, key: color}}"
    cluster.apply(POD % f"containers: [{{name: c, image: nginx, env: [{{name: COLOR, {source}}}]}}]")
    cluster.settle()
    assert waiting(cluster) == ("CreateContainerConfigError", 'configmap "settings" not found')
    assert told(cluster, "Failed") == ['Error: configmap "settings" not found']
    cluster.apply(SETTINGS)
    cluster.settle()
    status = cluster.get(Pod, "p").status
    assert status.phase == "Running"
    assert status.containerStatuses[0].restartCount == 0


def test_a_claim_that_is_not_bound(cluster: VirtualCluster) -> None:
    volumes = "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]"
    cluster.apply(POD % f"containers: [{{name: c, image: nginx}}]\n  {volumes}")
    cluster.settle()
    assert waiting(cluster) == ("ContainerCreating", "")
    [message] = told(cluster, "FailedMount")
    assert message.endswith('failed to fetch PVC from API server: persistentvolumeclaims "data" not found')
    cluster.apply(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"
        "spec: {accessModes: [ReadWriteOnce], storageClassName: by-hand, resources: {requests: {storage: 1Gi}}}\n---\n"
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\n"
        "spec: {accessModes: [ReadWriteOnce], storageClassName: by-hand, capacity: {storage: 1Gi}, "
        "hostPath: {path: /data}}\n"
    )
    cluster.wait(Pod, "p", lambda pod: pod.status.phase == "Running")


def test_what_is_optional_is_not_waited_for(cluster: VirtualCluster) -> None:
    volumes = "volumes: [{name: v, secret: {secretName: none, optional: true}}]"
    cluster.apply(POD % f"containers: [{{name: c, image: nginx}}]\n  {volumes}")
    cluster.settle()
    assert cluster.get(Pod, "p").status.phase == "Running"
    assert not told(cluster, "FailedMount")
