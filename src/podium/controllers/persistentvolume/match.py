"""Which volume a claim gets: one that is kept for it, else the smallest free one that has all it asks for."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from podium.controllers.persistentvolume.names import is_for
from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim
from podium.models.quantity import number
from podium.models.selectors import compile
from podium.models.storage_classes import class_of


def best(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], *, only_kept: bool
) -> PersistentVolume | None:
    """`only_kept`: the claim waits for its first consumer, so the scheduler chooses among free volumes."""
    fitting = []
    for volume in volumes:
        if volume.metadata.deletionTimestamp is not None or _mode(volume) != _mode(claim):
            continue
        if is_for(volume, claim):
            if capacity(volume) >= wanted(claim):
                return volume
        elif not only_kept and _is_free(volume) and mismatch(volume, claim) is None and _is_selected(volume, claim):
            fitting.append(volume)
    return min(fitting, key=lambda volume: (capacity(volume), volume.metadata.name), default=None)


def mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str | None:
    """What a volume that the claim asks for by name doesn't have of what the claim asks for."""
    if capacity(volume) < wanted(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _mode(volume) != _mode(claim):
        return "incompatible volumeMode"
    if not set(claim.spec.accessModes) <= set(volume.spec.accessModes):
        return "incompatible accessMode"
    return None


def capacity(volume: PersistentVolume) -> Decimal:
    return number(volume.spec.capacity.get("storage", "0"))


def wanted(claim: PersistentVolumeClaim) -> Decimal:
    return number(claim.spec.resources.requests.get("storage", "0"))


def _mode(obj: PersistentVolume | PersistentVolumeClaim) -> str:
    return obj.spec.volumeMode or "Filesystem"


def _is_free(volume: PersistentVolume) -> bool:
    return volume.spec.claimRef is None and volume.status.phase == "Available"


def _is_selected(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    selector = claim.spec.selector
    return selector is None or compile(selector).matches(volume.metadata.labels)
