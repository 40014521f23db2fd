from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec, core_v1, storage_v1
from podium.scheduler.cache import Cache
from podium.scheduler.outcome import Placement
from podium.scheduler.volumes import VolumePlan

from .build import cluster, decide, info, node, placed_on, pod, refused
from .world import World


def claim(name: str = "data", *, bound_to: str = "", cls: str = "late", **more: Any) -> core_v1.PersistentVolumeClaim:
    tree: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", **more.get("metadata", {})},
        "spec": {
            "accessModes": more.get("modes", ["ReadWriteOnce"]),
            "storageClassName": cls,
            "resources": {"requests": {"storage": more.get("size", "1Gi")}},
        },
        "status": {"phase": more.get("phase", "Bound" if bound_to else "Pending")},
    }
    if bound_to:
        tree["spec"]["volumeName"] = bound_to
    return codec.from_tree(tree, core_v1.PersistentVolumeClaim)


def volume(name: str, *, on: str = "", cls: str = "late", size: str = "1Gi", **more: Any) -> core_v1.PersistentVolume:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": cls,
        "capacity": {"storage": size},
        "hostPath": {"path": "/data"},
        **more.get("spec", {}),
    }
    if on:
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [on]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    tree = {
        "metadata": {"name": name, "labels": more.get("labels", {})},
        "spec": spec,
        "status": {"phase": more.get("phase", "Available")},
    }
    return codec.from_tree(tree, core_v1.PersistentVolume)


def storage_class(provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> storage_v1.StorageClass:
    tree = {
        "metadata": {"name": "late"},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
        **more,
    }
    return codec.from_tree(tree, storage_v1.StorageClass)


def using(*names: str) -> dict[str, Any]:
    return {"volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]}


def storage(*objects: Any) -> Cache:
    cache = cluster(node("a"), node("b"))
    for one in objects:
        match one:
            case core_v1.PersistentVolumeClaim():
                cache.set_claim((one.metadata.namespace, one.metadata.name), one)
            case core_v1.PersistentVolume():
                cache.set_volume(one.metadata.name, one)
            case storage_v1.StorageClass():
                cache.set_class(one.metadata.name, one)
    return cache


DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim(metadata=DELETED)], 'persistentvolumeclaim "data" is being deleted'),
        (
            [claim(bound_to="v", phase="Lost")],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"',
        ),
        ([claim(cls="early"), storage_class()], "pod has unbound immediate PersistentVolumeClaims"),
        (
            [claim(bound_to="v")],
            "2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
        ),
        ([claim(bound_to="v"), volume("v", on="c")], "2 node(s) didn't match PersistentVolume's node affinity"),
        ([claim(), storage_class()], "2 node(s) didn't find available persistent volumes to bind"),
    ],
)
def test_why_not(objects: list[Any], message: str) -> None:
    assert refused(storage(*objects), pod(spec=using("data"))) == message


def test_a_pod_goes_where_its_volume_is() -> None:
    cache = storage(claim(bound_to="v"), volume("v", on="b"))
    assert placed_on(cache, pod(spec=using("data"))) == "b"


def test_ephemeral_claims_are_named_after_the_pod() -> None:
    volumes = {"volumes": [{"name": "scratch", "ephemeral": {}}]}
    assert refused(storage(), pod("p", spec=volumes)) == (
        'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"'
    )


@pytest.mark.parametrize(
    ("candidate", "fits"),
    [
        (volume("v", on="b"), True),
        (volume("v", on="b", size="2Gi"), True),
        (volume("v", on="b", size="1Mi"), False),
        (volume("v", on="b", cls="other"), False),
        (volume("v", on="b", phase="Released"), False),
        (volume("v", on="b", spec={"volumeMode": "Block"}), False),
        (volume("v", on="b", spec={"accessModes": ["ReadOnlyMany"]}), False),
        (volume("v", on="b", spec={"claimRef": {"namespace": "default", "name": "data"}}), True),
        (volume("v", on="b", spec={"claimRef": {"namespace": "default", "name": "other"}}), False),
        (volume("v", on="b", spec={"claimRef": {"namespace": "default", "name": "data", "uid": "x"}}), False),
    ],
)
def test_which_volumes_fit(candidate: core_v1.PersistentVolume, fits: bool) -> None:
    cache = storage(claim(), storage_class(), candidate)
    outcome = decide(cache, pod(spec=using("data")))
    if fits:
        assert outcome == Placement("b", 1, VolumePlan("b", static=(("v", ("default", "data")),)))
    else:
        assert not isinstance(outcome, Placement)


def test_the_smallest_volume_is_taken_and_no_volume_twice() -> None:
    volumes = [volume("large", on="a", size="9Gi"), volume("small", on="a", size="2Gi")]
    cache = storage(claim("one"), claim("two", size="2Gi"), storage_class(), *volumes)
    outcome = decide(cache, pod(spec=using("two", "one")))
    assert isinstance(outcome, Placement)
    assert outcome.volumes == VolumePlan("a", (("small", ("default", "one")), ("large", ("default", "two"))))
    cache.volumes.assume(VolumePlan("a", (("large", ("default", "other")),)))
    assert not isinstance(decide(cache, pod(spec=using("two", "one"))), Placement)


def test_volumes_are_made_where_the_class_allows() -> None:
    allowed = [{"matchLabelExpressions": [{"key": "kubernetes.io/hostname", "values": ["b"]}]}]
    cache = storage(claim(), storage_class("podium.dev/local", allowedTopologies=allowed))
    outcome = decide(cache, pod(spec=using("data")))
    assert outcome == Placement("b", 1, VolumePlan("b", provision=(("default", "data"),)))
    cache = storage(claim(), storage_class("podium.dev/local"))
    cache.volumes.assume(VolumePlan("a", provision=(("default", "data"),)))
    assert placed_on(cache, pod(spec=using("data"))) == "a"


def test_read_write_once_pod() -> None:
    cache = storage(claim(bound_to="v", modes=["ReadWriteOncePod"]), volume("v"))
    assert placed_on(cache, pod(spec=using("data"))) in "ab"
    cache.set_pod(info(cache, pod(on="a", spec=using("data"))))
    assert refused(cache, pod(spec=using("data"))) == (
        "2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    )


def annotations_of(world: World) -> dict[str, str]:
    return world.run(world.client.get(core_v1.PersistentVolumeClaim, "default", "data")).metadata.annotations


def patch_claim(world: World, patch: dict[str, Any], subresource: str = "") -> None:
    world.run(world.client.patch(core_v1.PersistentVolumeClaim, "default", "data", patch, "merge", subresource))
    world.settle()


def test_a_pod_is_bound_once_its_claim_is() -> None:
    with World() as world:
        world.create(node("n"), storage_class("podium.dev/local"), claim(), pod("a", spec=using("data")))
        world.create(pod("quick"))
        world.settle()
        assert annotations_of(world)["volume.kubernetes.io/selected-node"] == "n"
        assert world.node_of("a") == ""
        assert world.node_of("quick") == "n"
        patch_claim(
            world,
            {"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "v"}},
        )
        assert world.node_of("a") == "n"
        assert world.scheduler.cache.volumes.selected == {}


def test_when_provisioning_fails_another_try_is_made() -> None:
    with World() as world:
        world.create(node("n"), storage_class("podium.dev/local"), claim(), pod("a", spec=using("data")))
        world.settle()
        patch_claim(world, {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": None}}})
        assert world.scheduled("a").message == 'running PreBind plugin "VolumeBinding": provisioning failed'
        assert not world.scheduler.cache.assumed
        world.advance(1.1)
        assert annotations_of(world)["volume.kubernetes.io/selected-node"] == "n"


def test_a_volume_that_is_there_is_given_to_the_claim() -> None:
    with World() as world:
        world.create(node("n"), storage_class(), claim(), volume("v", on="n"))
        status = {"status": {"phase": "Available"}}
        world.run(world.client.patch(core_v1.PersistentVolume, "", "v", status, "merge", "status"))
        world.create(pod("a", spec=using("data")))
        world.settle()
        found = world.run(world.client.get(core_v1.PersistentVolume, "", "v"))
        reference = found.spec.claimRef
        assert reference is not None
        assert (reference.namespace, reference.name) == ("default", "data")
        assert found.metadata.annotations["pv.kubernetes.io/bound-by-controller"] == "yes"
