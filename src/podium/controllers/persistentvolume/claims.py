"""What happens to a claim: it is bound to a volume, gets one made, waits, or has lost the one it had."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podium.controllers.persistentvolume import match
from podium.controllers.persistentvolume.names import BIND_COMPLETED, BOUND_BY_CONTROLLER, SELECTED_NODE, is_for
from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim
from podium.models.storage_classes import class_of, names_class
from podium.models.storage_v1 import StorageClass

Told = tuple[str, str, str]
"""The type, reason and message of an Event."""


@dataclass(frozen=True, slots=True)
class Plan:
    phase: str = "Pending"
    """What the claim's phase is to be, unless it is bound."""
    bind: PersistentVolume | None = None
    provision: StorageClass | None = None
    select: str = ""
    """The node that the volume has to be made for: a Pod that uses the claim is there."""
    assign: str = ""
    """The default class, for a claim that was made before there was one."""
    tell: Told | None = None


LOST_REFERENCE = Plan(
    "Lost",
    tell=("Warning", "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"),
)
LOST_VOLUME = Plan(
    "Lost", tell=("Warning", "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
)
MISBOUND = Plan(
    "Lost",
    tell=("Warning", "ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly"),
)
NO_CLASS = Plan(
    tell=("Normal", "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
)
WAITING = Plan(tell=("Normal", "WaitForFirstConsumer", "waiting for first consumer to be created before binding"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is besides the claim."""

    named: PersistentVolume | None
    """The volume that the claim names."""
    volumes: Iterable[PersistentVolume]
    """Those that might be for it: of its class, or kept for it."""
    storage_class: StorageClass | None
    default_class: StorageClass | None = None
    consumer: str = ""
    """A Pod that uses the claim and isn't on a node yet."""
    node: str = ""
    """Where one is that uses it. The scheduler brings no Pod to a node before its claims are bound, but whoever makes
    Pods may name their node, and a claim may be replaced under a Pod: Kubernetes would let both wait for ever."""


def decide(claim: PersistentVolumeClaim, facts: Facts) -> Plan:
    if BIND_COMPLETED in claim.metadata.annotations:
        return _bound(claim, facts)
    if claim.spec.volumeName:
        return _by_name(claim, facts.named)
    if not names_class(claim) and facts.default_class is not None:
        return Plan(assign=facts.default_class.metadata.name)
    waits = is_delayed(claim, facts.storage_class)
    found = match.best(claim, facts.volumes, only_kept=waits)
    if found is not None:
        return Plan(bind=found)
    if waits:
        return Plan(select=facts.node) if facts.node else _wait(facts.consumer)
    name = class_of(claim)
    if not name:
        return NO_CLASS
    if facts.storage_class is None:
        return Plan(tell=("Warning", "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found'))
    return Plan(provision=facts.storage_class)


def is_delayed(claim: PersistentVolumeClaim, storage_class: StorageClass | None) -> bool:
    """Whether the claim gets a volume only when the scheduler has chosen a node for a Pod that uses it."""
    if storage_class is None or storage_class.volumeBindingMode != "WaitForFirstConsumer":
        return False
    return SELECTED_NODE not in claim.metadata.annotations


def _wait(consumer: str) -> Plan:
    if consumer:
        return Plan(tell=("Normal", "WaitForPodScheduled", f"waiting for pod {consumer} to be scheduled"))
    return WAITING


def _by_name(claim: PersistentVolumeClaim, volume: PersistentVolume | None) -> Plan:
    if volume is None:
        return Plan()
    if volume.spec.claimRef is None:
        why = match.mismatch(volume, claim)
        if why is None:
            return Plan(bind=volume)
        message = f'Cannot bind to requested volume "{volume.metadata.name}": {why}'
        return Plan(tell=("Warning", "VolumeMismatch", message))
    if is_for(volume, claim):
        return Plan(bind=volume)
    if BOUND_BY_CONTROLLER in claim.metadata.annotations:
        return MISBOUND
    reference = volume.spec.claimRef
    message = f'volume "{volume.metadata.name}" already bound to a different claim.'
    return Plan(tell=("Warning", "FailedBinding", message)) if reference.uid else Plan()


def _bound(claim: PersistentVolumeClaim, facts: Facts) -> Plan:
    """Once bound, a claim is never given another volume."""
    if not claim.spec.volumeName:
        return LOST_REFERENCE
    if facts.named is None:
        return LOST_VOLUME
    if facts.named.spec.claimRef is None or facts.named.spec.claimRef.uid == claim.metadata.uid:
        return Plan(bind=facts.named)
    return MISBOUND
