"""What becomes of an object, given how its owners and dependents stand. Pure (API concepts: garbage collection)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from podium.models import meta_v1

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class Standing(Enum):
    """What there is to say about one of an object's owners."""

    SOLID = auto()
    """It exists: reason enough to keep the object."""
    GONE = auto()
    WAITING = auto()
    """It is being deleted in the foreground: it waits for the object to go."""


@dataclass(frozen=True, slots=True)
class Plan:
    delete: str = ""
    """The propagation policy to delete the object with; empty: it stays."""
    drop: frozenset[str] = frozenset()
    """The uids of owners to take out of its references."""
    unblock: bool = False
    """Whether its references stop holding back their owners."""


KEEP = Plan()


def is_deleting(metadata: meta_v1.ObjectMeta, finalizer: str) -> bool:
    return metadata.deletionTimestamp is not None and finalizer in metadata.finalizers


def standing_of(owner: Any) -> Standing:
    """Of an owner that exists."""
    return Standing.WAITING if is_deleting(owner.metadata, FOREGROUND) else Standing.SOLID


def decide(
    metadata: meta_v1.ObjectMeta, standings: Mapping[str, Standing], dependents: Collection[meta_v1.ObjectMeta]
) -> Plan:
    """For an object that isn't being deleted. `standings` is by the owner's uid."""
    if metadata.deletionTimestamp is not None or not standings:
        return KEEP
    lost = frozenset(uid for uid, standing in standings.items() if standing is not Standing.SOLID)
    if not lost:
        return KEEP
    if len(lost) < len(standings):
        return Plan(drop=lost)
    if Standing.WAITING in standings.values() and dependents:
        # Owners that wait for each other would wait for ever.
        circular = any(is_deleting(dependent, FOREGROUND) for dependent in dependents)
        return Plan(delete="Foreground", unblock=circular)
    if ORPHAN in metadata.finalizers:
        return Plan(delete="Orphan")
    return Plan(delete="Foreground" if FOREGROUND in metadata.finalizers else "Background")


def blocks(dependent: meta_v1.ObjectMeta, owner: str) -> bool:
    """Whether the owner's foreground deletion waits for the dependent."""
    return any(reference.uid == owner and reference.blockOwnerDeletion for reference in dependent.ownerReferences)


def without_owners(
    references: tuple[meta_v1.OwnerReference, ...], uids: Collection[str]
) -> tuple[meta_v1.OwnerReference, ...]:
    return tuple(reference for reference in references if reference.uid not in uids)
