"""What happens to a volume: it is free, bound, or released by its claim and then kept or deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from podium.controllers.persistentvolume.names import BOUND_BY_CONTROLLER, PROVISIONED_BY
from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim

Unbind = Literal["", "all", "uid"]


@dataclass(frozen=True, slots=True)
class Plan:
    phase: str = ""
    """What the phase is to be; "" leaves it."""
    unbind: Unbind = ""
    """Take back the reference to the claim, or only its uid where the user has set the rest."""
    delete: bool = False
    bind: bool = False
    """Look at the claim: the binding isn't complete."""
    message: str = ""
    """Why, for a phase that tells of a failure."""
    reason: str = ""


AVAILABLE = Plan("Available")
RECYCLER = "No recycler plugin found for the volume!"


def decide(volume: PersistentVolume, claim: PersistentVolumeClaim | None) -> Plan:
    """`claim` is the one that the volume refers to, None if it is gone or another one of that name took its place."""
    reference = volume.spec.claimRef
    if reference is None:
        return AVAILABLE
    if not reference.uid:
        return Plan("Available", bind=True)
    if claim is None:
        return _released(volume)
    if not claim.spec.volumeName:
        return Plan(bind=True)
    if claim.spec.volumeName == volume.metadata.name:
        return Plan("Bound")
    if PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistentVolumeReclaimPolicy == "Delete":
        return _released(volume)  # made for the claim, which got another one meanwhile
    return Plan("Available", unbind="all" if BOUND_BY_CONTROLLER in volume.metadata.annotations else "uid")


def _released(volume: PersistentVolume) -> Plan:
    policy = volume.spec.persistentVolumeReclaimPolicy
    if policy == "Recycle":
        return Plan("Failed", message=RECYCLER, reason="VolumeFailedRecycle")
    return Plan("Failed" if volume.status.phase == "Failed" else "Released", delete=policy == "Delete")
