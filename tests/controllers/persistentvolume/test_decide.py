"""What happens to a claim and to a volume: tables of cases."""

from __future__ import annotations

from typing import Any

import pytest

from podium.controllers.persistentvolume import claims, match, volumes
from podium.controllers.persistentvolume.claims import Facts, Plan
from podium.models import core_v1, meta_v1
from podium.models.quantity import Quantity
from podium.models.storage_v1 import StorageClass

COMPLETED = {"pv.kubernetes.io/bind-completed": "yes"}
BY_CONTROLLER = {"pv.kubernetes.io/bound-by-controller": "yes"}
SELECTED = {"volume.kubernetes.io/selected-node": "n1"}


def claim(
    annotations: dict[str, str] | None = None, size: str = "1Gi", uid: str = "c", name: str = "data", **spec: Any
) -> core_v1.PersistentVolumeClaim:
    fields: dict[str, Any] = {
        "accessModes": ("ReadWriteOnce",),
        "resources": core_v1.VolumeResourceRequirements(requests={"storage": Quantity(size)}),
        "storageClassName": "",
        **spec,
    }
    return core_v1.PersistentVolumeClaim(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", uid=uid, annotations=annotations or {}),
        spec=core_v1.PersistentVolumeClaimSpec(**fields),
    )


def volume(
    name: str = "v",
    size: str = "1Gi",
    kept: tuple[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    phase: str = "Available",
    **spec: Any,
) -> core_v1.PersistentVolume:
    """`kept`: the name and uid of the claim it refers to."""
    reference = None
    if kept is not None:
        reference = core_v1.ObjectReference(
            kind="PersistentVolumeClaim", namespace="default", name=kept[0], uid=kept[1]
        )
    fields: dict[str, Any] = {
        "accessModes": ("ReadWriteOnce", "ReadOnlyMany"),
        "capacity": {"storage": Quantity(size)},
        "claimRef": reference,
        "persistentVolumeReclaimPolicy": "Retain",
        **spec,
    }
    return core_v1.PersistentVolume(
        metadata=meta_v1.ObjectMeta(name=name, annotations=annotations or {}),
        spec=core_v1.PersistentVolumeSpec(**fields),
        status=core_v1.PersistentVolumeStatus(phase=phase),
    )


def storage_class(name: str = "slow", mode: str = "Immediate") -> StorageClass:
    return StorageClass(metadata=meta_v1.ObjectMeta(name=name), provisioner="x", volumeBindingMode=mode)


WAITING_CLASS = storage_class("late", "WaitForFirstConsumer")
V = volume()
KEPT = volume("kept", "5Gi", ("data", ""))
BOUND = volume("b", kept=("data", "c"))


@pytest.mark.parametrize(
    ("one", "facts", "plan"),
    [
        (claim(), Facts(None, [V], None), Plan(bind=V)),
        (claim(), Facts(None, [V, KEPT], None), Plan(bind=KEPT)),
        (claim(), Facts(None, [], None), claims.NO_CLASS),
        (claim(storageClassName="slow"), Facts(None, [], storage_class()), Plan(provision=storage_class())),
        (claim(storageClassName="late"), Facts(None, [], WAITING_CLASS), claims.WAITING),
        (
            claim(storageClassName="late"),
            Facts(None, [], WAITING_CLASS, consumer="web"),
            Plan(tell=("Normal", "WaitForPodScheduled", "waiting for pod web to be scheduled")),
        ),
        (
            claim(storageClassName="late"),
            Facts(None, [], WAITING_CLASS, consumer="web", node="n1"),
            Plan(select="n1"),
        ),
        (claim(SELECTED, storageClassName="late"), Facts(None, [], WAITING_CLASS), Plan(provision=WAITING_CLASS)),
        (claim(storageClassName="late"), Facts(None, [KEPT], WAITING_CLASS), Plan(bind=KEPT)),
        (claim(storageClassName=None), Facts(None, [], None, storage_class()), Plan(assign="slow")),
        (claim(storageClassName=None), Facts(None, [], None), claims.NO_CLASS),
        (claim(volumeName="v"), Facts(None, [], None), Plan()),
        (claim(volumeName="v"), Facts(V, [], None), Plan(bind=V)),
        (claim(volumeName="kept"), Facts(KEPT, [], None), Plan(bind=KEPT)),
        (claim(BY_CONTROLLER, uid="d", volumeName="b"), Facts(BOUND, [], None), claims.MISBOUND),
        (claim(COMPLETED), Facts(None, [], None), claims.LOST_REFERENCE),
        (claim(COMPLETED, volumeName="b"), Facts(None, [], None), claims.LOST_VOLUME),
        (claim(COMPLETED, volumeName="b"), Facts(BOUND, [], None), Plan(bind=BOUND)),
        (claim(COMPLETED, uid="d", volumeName="b"), Facts(BOUND, [], None), claims.MISBOUND),
        (claim(COMPLETED, volumeName="v"), Facts(V, [], None), Plan(bind=V)),
    ],
)
def test_claims(one: core_v1.PersistentVolumeClaim, facts: Facts, plan: Plan) -> None:
    assert claims.decide(one, facts) == plan


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([volume("a", "2Gi"), volume("b", "1Gi"), volume("c", "500Mi")], "b"),
        ([volume("a", "500Mi")], None),
        ([volume("a", phase="Released")], None),
        ([volume("a", kept=("other", "x"))], None),
        ([volume("a", kept=("data", "another"))], None),
        ([volume("a", "500Mi", kept=("data", "")), volume("b")], "b"),
        ([volume("a", volumeMode="Block")], None),
        ([volume("a", storageClassName="slow")], None),
        ([volume("a", accessModes=("ReadOnlyMany",))], None),
    ],
)
def test_best(offered: list[core_v1.PersistentVolume], chosen: str | None) -> None:
    found = match.best(claim(), offered, only_kept=False)
    assert (found.metadata.name if found else None) == chosen
    assert match.best(claim(), [V], only_kept=True) is None


def test_a_selector_of_the_claim() -> None:
    wanted = claim(selector=meta_v1.LabelSelector(matchLabels={"disk": "fast"}))
    fast = volume("fast", "9Gi")
    fast.metadata.labels = {"disk": "fast"}
    assert match.best(wanted, [V, fast], only_kept=False) is fast


@pytest.mark.parametrize(
    ("one", "of", "plan"),
    [
        (V, None, volumes.AVAILABLE),
        (volume(kept=("data", "")), None, volumes.Plan("Available", bind=True)),
        (BOUND, claim(volumeName="b"), volumes.Plan("Bound")),
        (BOUND, claim(), volumes.Plan(bind=True)),
        (BOUND, None, volumes.Plan("Released")),
        (
            volume(kept=("data", "c"), persistentVolumeReclaimPolicy="Delete"),
            None,
            volumes.Plan("Released", delete=True),
        ),
        (
            volume(kept=("data", "c"), persistentVolumeReclaimPolicy="Recycle"),
            None,
            volumes.Plan("Failed", message=volumes.RECYCLER, reason="VolumeFailedRecycle"),
        ),
        (BOUND, claim(volumeName="else"), volumes.Plan("Available", unbind="uid")),
        (
            volume(kept=("data", "c"), annotations=BY_CONTROLLER),
            claim(volumeName="else"),
            volumes.Plan("Available", unbind="all"),
        ),
        (
            volume(
                kept=("data", "c"),
                annotations={**BY_CONTROLLER, "pv.kubernetes.io/provisioned-by": "x"},
                persistentVolumeReclaimPolicy="Delete",
            ),
            claim(volumeName="else"),
            volumes.Plan("Released", delete=True),
        ),
    ],
)
def test_volumes(one: core_v1.PersistentVolume, of: core_v1.PersistentVolumeClaim | None, plan: volumes.Plan) -> None:
    assert volumes.decide(one, of) == plan
