"""Claims, volumes and what holds them, on a cluster of simulated Pods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podium.machinery.errors import Forbidden, Invalid, NotFound
from podium.models import codec, core_v1, storage_v1
from podium.testing.virtual import VirtualCluster

CLAIM = core_v1.PersistentVolumeClaim
VOLUME = core_v1.PersistentVolume

DATA = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: "nginx:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


def static(name: str, size: str = "1Gi", policy: str = "Retain", storage_class: str = "", extra: str = "") -> str:
    return f"""
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: {size}}}
  hostPath: {{path: /nowhere/{name}}}
  persistentVolumeReclaimPolicy: {policy}
  storageClassName: "{storage_class}"
  {extra}
"""


def plain(name: str = "data", more: str = "") -> str:
    """A claim that wants no class."""
    changed = DATA.replace("name: data", f"name: {name}")
    return changed.replace("spec: {", f'spec: {{storageClassName: "", {more}')


def events(cluster: VirtualCluster, name: str = "data") -> list[tuple[str, str]]:
    found = [one for one in cluster.list(core_v1.Event) if one.involvedObject.name == name]
    return [(one.reason, one.message) for one in found]


def volume(cluster: VirtualCluster, name: str) -> core_v1.PersistentVolume:
    return cluster.get(VOLUME, name, "")


def claim(cluster: VirtualCluster, name: str = "data") -> core_v1.PersistentVolumeClaim:
    return cluster.get(CLAIM, name)


def gone(cluster: VirtualCluster, model: type[Any], name: str, namespace: str = "default") -> bool:
    try:
        cluster.get(model, name, namespace)
    except NotFound:
        return True
    return False


@pytest.fixture
def cluster(podium_clusters: Callable[..., VirtualCluster]) -> VirtualCluster:
    return podium_clusters(nodes=2)


class TestProvisioning:
    def test_a_claim_waits_for_its_first_pod(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.advance(60)
        made = claim(cluster)
        assert (made.status.phase, made.spec.storageClassName) == ("Pending", "standard")
        assert ("WaitForFirstConsumer", "waiting for first consumer to be created before binding") in events(cluster)
        assert not cluster.list(VOLUME, "")

    def test_then_it_gets_a_directory_on_the_node(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.apply(POD)
        pod = cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
        made = claim(cluster)
        assert made.status.phase == "Bound"
        assert made.status.capacity == {"storage": "1Gi"}
        assert made.status.accessModes == ("ReadWriteOnce",)
        assert made.metadata.annotations["volume.kubernetes.io/selected-node"] == pod.spec.nodeName
        (one,) = cluster.list(VOLUME, "")
        assert one.metadata.name == made.spec.volumeName == f"pvc-{made.metadata.uid}"
        assert (one.status.phase, one.spec.persistentVolumeReclaimPolicy) == ("Bound", "Delete")
        assert one.spec.nodeAffinity is not None
        assert one.spec.nodeAffinity.required is not None
        (term,) = one.spec.nodeAffinity.required.nodeSelectorTerms
        assert term.matchExpressions[0].values == (pod.spec.nodeName,)
        assert one.spec.local is not None
        path = Path(one.spec.local.path)
        assert path.is_dir()
        assert path.stat().st_mode & 0o777 == 0o777
        assert any(reason == "ProvisioningSucceeded" for reason, _ in events(cluster))

    def test_all_goes_with_the_claim_once_no_pod_uses_it(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.apply(POD)
        cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
        (one,) = cluster.list(VOLUME, "")
        assert one.spec.local is not None
        path = Path(one.spec.local.path)
        (path / "below" / "further").mkdir(parents=True)
        (path / "below" / "file").write_text("x")
        kept = path.parent.parent / "kept"
        kept.mkdir()
        (path / "link").symlink_to(kept)
        cluster.delete(CLAIM, "data")
        cluster.advance(60)
        assert claim(cluster).metadata.deletionTimestamp is not None
        assert claim(cluster).metadata.finalizers == ("kubernetes.io/pvc-protection",)
        assert path.is_dir()
        cluster.delete(core_v1.Pod, "web")
        cluster.advance(60)
        assert not path.exists()
        assert kept.is_dir()
        assert gone(cluster, CLAIM, "data")
        assert gone(cluster, VOLUME, one.metadata.name, "")

    def test_it_comes_to_the_pod_that_is_on_a_node_already(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.advance(10)
        cluster.apply(POD.replace("spec:\n", "spec:\n  nodeName: node-2\n"))
        cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
        assert claim(cluster).metadata.annotations["volume.kubernetes.io/selected-node"] == "node-2"

    def test_also_to_one_whose_claim_was_made_after_it(self, cluster: VirtualCluster) -> None:
        cluster.apply(POD.replace("spec:\n", "spec:\n  nodeName: node-2\n"))
        cluster.advance(10)
        assert cluster.get(core_v1.Pod, "web").status.phase == "Pending"
        cluster.apply(DATA)
        cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")

    @pytest.mark.parametrize("pod", [POD, POD.replace("spec:\n", "spec:\n  nodeName: node-2\n")])
    def test_a_disk_that_is_full_for_a_while(self, cluster: VirtualCluster, pod: str) -> None:
        disk = cluster.cluster.config.data_dir / "volumes"
        disk.write_text("no folder can be made in a file")
        cluster.apply(DATA)
        cluster.apply(pod)
        cluster.advance(120)
        assert claim(cluster).status.phase == "Pending"
        assert any(reason == "ProvisioningFailed" for reason, _ in events(cluster))
        disk.unlink()
        cluster.advance(120)
        assert claim(cluster).status.phase == "Bound"

    def test_a_second_pod_follows_the_volume(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.apply(POD)
        first = cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
        for index in range(4):
            cluster.apply(POD.replace("name: web}", f"name: web-{index}}}", 1))
            again = cluster.wait(core_v1.Pod, f"web-{index}", lambda pod: pod.status.phase == "Running")
            assert again.spec.nodeName == first.spec.nodeName

    def test_it_grows_when_more_is_asked_for(self, cluster: VirtualCluster) -> None:
        more = {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
        cluster.apply(DATA)
        with pytest.raises(Invalid, match="spec is immutable after creation"):  # until it is bound
            cluster.run(cluster.client.patch(CLAIM, "default", "data", more, "merge"))
        cluster.apply(POD)
        cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
        cluster.run(cluster.client.patch(CLAIM, "default", "data", more, "merge"))
        cluster.wait(CLAIM, "data", lambda one: one.status.capacity == {"storage": "3Gi"})
        assert volume(cluster, claim(cluster).spec.volumeName).spec.capacity == {"storage": "3Gi"}

    def test_at_once_if_the_class_says_so(self, cluster: VirtualCluster) -> None:
        cluster.apply(
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: now}, "
            "provisioner: podium.dev/directory, reclaimPolicy: Retain}"
        )
        cluster.apply(DATA.replace("spec: {", "spec: {storageClassName: now, "))
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        (one,) = cluster.list(VOLUME, "")
        assert one.spec.nodeAffinity is None
        assert one.spec.hostPath is not None
        cluster.delete(CLAIM, "data")
        cluster.advance(10)
        assert volume(cluster, one.metadata.name).status.phase == "Released"
        assert Path(one.spec.hostPath.path).is_dir()

    def test_who_else_is_to_make_it(self, cluster: VirtualCluster) -> None:
        cluster.apply(
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: far}, provisioner: example.com/far}"
        )
        cluster.apply(DATA.replace("spec: {", "spec: {storageClassName: far, "))
        cluster.advance(30)
        made = claim(cluster)
        assert made.metadata.annotations["volume.kubernetes.io/storage-provisioner"] == "example.com/far"
        ((reason, message),) = events(cluster)
        assert reason == "ExternalProvisioning"
        assert "external provisioner 'example.com/far'" in message

    def test_directories_are_no_block_devices(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA.replace("spec: {", "spec: {volumeMode: Block, "))
        cluster.apply(
            POD.replace(
                "volumeMounts: [{name: data, mountPath: /data}]", "volumeDevices: [{name: data, devicePath: /dev/x}]"
            )
        )
        cluster.advance(30)
        assert claim(cluster).status.phase == "Pending"
        told = [message for reason, message in events(cluster) if reason == "ProvisioningFailed"]
        assert told[0] == (
            'Failed to provision volume with StorageClass "standard": '
            "podium.dev/directory does not support block volume provisioning"
        )

    def test_a_class_that_is_not_there(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA.replace("spec: {", "spec: {storageClassName: gold, "))
        cluster.advance(30)
        assert events(cluster) == [("ProvisioningFailed", 'storageclass.storage.k8s.io "gold" not found')]
        cluster.apply(
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: gold}, "
            "provisioner: podium.dev/directory}"
        )
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")

    def test_a_default_class_that_comes_later(self, cluster: VirtualCluster) -> None:
        cluster.delete(storage_v1.StorageClass, "standard", "")
        cluster.apply(DATA)
        cluster.advance(30)
        assert claim(cluster).spec.storageClassName is None
        why = "no persistent volumes available for this claim and no storage class is set"
        assert events(cluster) == [("FailedBinding", why)]
        cluster.apply(
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: podium.dev/directory, metadata: "
            '{name: new, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}}'
        )
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        assert claim(cluster).spec.storageClassName == "new"


class TestStatic:
    def test_the_smallest_that_fits(self, cluster: VirtualCluster) -> None:
        for name, size in (("large", "10Gi"), ("right", "2Gi"), ("small", "500Mi")):
            cluster.apply(static(name, size))
        cluster.apply(plain())
        made = cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        assert made.spec.volumeName == "right"
        assert made.status.capacity == {"storage": "2Gi"}
        one = volume(cluster, "right")
        assert one.status.phase == "Bound"
        assert one.spec.claimRef is not None
        assert one.spec.claimRef.uid == made.metadata.uid
        assert one.metadata.annotations == {"pv.kubernetes.io/bound-by-controller": "yes"}
        assert set(made.metadata.annotations) >= {
            "pv.kubernetes.io/bind-completed",
            "pv.kubernetes.io/bound-by-controller",
        }
        assert volume(cluster, "small").status.phase == volume(cluster, "large").status.phase == "Available"

    def test_a_claim_that_waits_gets_the_volume_that_comes(self, cluster: VirtualCluster) -> None:
        cluster.apply(plain())
        cluster.advance(30)
        assert claim(cluster).status.phase == "Pending"
        cluster.apply(static("late"))
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")

    def test_two_claims_never_share_a_volume(self, cluster: VirtualCluster) -> None:
        for index in range(5):
            cluster.apply(plain(f"c{index}"))
        for index in range(3):
            cluster.apply(static(f"v{index}"))
        cluster.advance(60)
        claims = cluster.list(CLAIM)
        assert sorted(one.status.phase for one in claims) == ["Bound"] * 3 + ["Pending"] * 2
        assert len({one.spec.volumeName for one in claims if one.spec.volumeName}) == 3

    def test_a_volume_kept_for_a_claim(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("kept", "5Gi", extra="claimRef: {namespace: default, name: data}"))
        cluster.apply(static("free"))
        cluster.apply(plain("other"))
        cluster.wait(CLAIM, "other", lambda one: one.spec.volumeName == "free")
        cluster.apply(plain())
        cluster.wait(CLAIM, "data", lambda one: one.spec.volumeName == "kept" and one.status.phase == "Bound")
        assert "pv.kubernetes.io/bound-by-controller" not in volume(cluster, "kept").metadata.annotations

    def test_a_claim_for_a_volume(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a"))
        cluster.apply(static("b", "5Gi"))
        cluster.apply(plain(more="volumeName: b, "))
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        assert volume(cluster, "a").status.phase == "Available"
        cluster.apply(plain("second", "volumeName: b, "))
        cluster.advance(30)
        assert claim(cluster, "second").status.phase == "Pending"

    def test_that_does_not_fit(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a", "1Mi"))
        cluster.apply(plain(more="volumeName: a, "))
        cluster.advance(30)
        assert events(cluster) == [("VolumeMismatch", 'Cannot bind to requested volume "a": requested PV is too small')]

    def test_released_is_not_free(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a"))
        cluster.apply(plain())
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        cluster.delete(CLAIM, "data")
        cluster.advance(30)
        assert volume(cluster, "a").status.phase == "Released"
        cluster.apply(plain())
        cluster.advance(30)
        assert claim(cluster).status.phase == "Pending"
        freed = codec.copy(volume(cluster, "a"))
        freed.spec.claimRef = None
        cluster.run(cluster.client.update(freed))
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")

    def test_a_bound_volume_is_held_and_a_lost_one_is_told_of(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a"))
        cluster.apply(plain())
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        cluster.delete(VOLUME, "a", "")
        cluster.advance(30)
        assert volume(cluster, "a").metadata.deletionTimestamp is not None
        held = codec.copy(volume(cluster, "a"))
        held.metadata.finalizers = ()
        cluster.run(cluster.client.update(held))
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Lost")
        assert events(cluster)[-1] == (
            "ClaimLost",
            "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
        )

    def test_it_cannot_grow(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a"))
        cluster.apply(plain())
        cluster.wait(CLAIM, "data", lambda one: one.status.phase == "Bound")
        more = {"spec": {"resources": {"requests": {"storage": "3Gi"}}}}
        with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized"):
            cluster.run(cluster.client.patch(CLAIM, "default", "data", more, "merge"))

    def test_a_free_volume_goes_at_once(self, cluster: VirtualCluster) -> None:
        cluster.apply(static("a"))
        cluster.advance(5)
        assert volume(cluster, "a").metadata.finalizers == ("kubernetes.io/pv-protection",)
        cluster.delete(VOLUME, "a", "")
        cluster.advance(5)
        assert gone(cluster, VOLUME, "a", "")


class TestProtection:
    def test_a_claim_that_nobody_uses_goes_at_once(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.advance(5)
        cluster.delete(CLAIM, "data")
        cluster.advance(5)
        assert gone(cluster, CLAIM, "data")

    def test_a_finished_pod_holds_nothing(self, cluster: VirtualCluster) -> None:
        cluster.apply(DATA)
        cluster.apply(
            POD.replace("spec:", "spec:\n  restartPolicy: Never").replace('nginx:1"', 'busybox", command: ["true"]')
        )
        cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Succeeded")
        cluster.delete(CLAIM, "data")
        cluster.advance(10)
        assert gone(cluster, CLAIM, "data")


def test_an_ephemeral_volume_is_a_claim_of_the_pod(cluster: VirtualCluster) -> None:
    cluster.apply(
        POD.replace(
            "persistentVolumeClaim: {claimName: data}",
            "ephemeral: {volumeClaimTemplate: {metadata: {labels: {a: b}}, spec: {accessModes: [ReadWriteOnce], "
            "resources: {requests: {storage: 1Gi}}}}}",
        )
    )
    cluster.wait(core_v1.Pod, "web", lambda pod: pod.status.phase == "Running")
    made = claim(cluster, "web-data")
    assert (made.status.phase, made.metadata.labels) == ("Bound", {"a": "b"})
    assert made.metadata.ownerReferences[0].name == "web"
    cluster.delete(core_v1.Pod, "web")
    cluster.advance(120)
    assert gone(cluster, CLAIM, "web-data")
    assert not cluster.list(VOLUME, "")
