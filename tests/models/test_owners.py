"""Owner references: the one that controls, told by uid."""

from __future__ import annotations

from podium.models import apps_v1, core_v1, meta_v1, owners


def replica_set(name: str, uid: str) -> apps_v1.ReplicaSet:
    return apps_v1.ReplicaSet(metadata=meta_v1.ObjectMeta(name=name, uid=uid))


def pod(*references: meta_v1.OwnerReference) -> core_v1.Pod:
    return core_v1.Pod(metadata=meta_v1.ObjectMeta(name="p", ownerReferences=references))


def test_the_reference_of_a_controller() -> None:
    reference = owners.new_controller_ref(replica_set("web", "1"))
    assert reference == meta_v1.OwnerReference(
        apiVersion="apps/v1", kind="ReplicaSet", name="web", uid="1", controller=True, blockOwnerDeletion=True
    )


def test_only_a_controller_controls() -> None:
    plain = meta_v1.OwnerReference(kind="Node", name="n", uid="9")
    controller = owners.new_controller_ref(replica_set("web", "1"))
    assert owners.controller_of(pod()) is None
    assert owners.controller_of(pod(plain)) is None
    assert owners.controller_of(pod(plain, controller)) is controller


def test_a_namesake_is_not_the_owner() -> None:
    owned = pod(owners.new_controller_ref(replica_set("web", "1")))
    assert owners.is_controlled_by(owned, replica_set("web", "1"))
    assert not owners.is_controlled_by(owned, replica_set("web", "2"))
    assert not owners.is_controlled_by(pod(), replica_set("web", "1"))
