"""Claims, volumes and storage classes as the scheduler sees them, and what it has promised to whom meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from podium.models import core_v1, storage_v1

ClaimKey = tuple[str, str]
"""Namespace and name."""

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """What has to happen to a Pod's claims before it can be bound to its node."""

    node: str
    static: tuple[tuple[str, ClaimKey], ...] = ()
    """Volumes that are there, and the claims they are for."""
    provision: tuple[ClaimKey, ...] = ()
    """Claims that a volume is to be made for, on the node."""

    @property
    def claims(self) -> tuple[ClaimKey, ...]:
        return (*(claim for _, claim in self.static), *self.provision)


class Volumes:
    def __init__(self) -> None:
        self.claims: dict[ClaimKey, core_v1.PersistentVolumeClaim] = {}
        self.volumes: dict[str, core_v1.PersistentVolume] = {}
        self.classes: dict[str, storage_v1.StorageClass] = {}
        self.promised: dict[str, ClaimKey] = {}
        """Volumes that are being bound to a claim."""
        self.selected: dict[ClaimKey, str] = {}
        """Claims that are being provisioned, with the node."""

    def assume(self, plan: VolumePlan) -> None:
        self.promised |= dict(plan.static)
        self.selected |= dict.fromkeys(plan.provision, plan.node)

    def forget(self, plan: VolumePlan) -> None:
        """What is promised was done, or won't be."""
        for volume, _ in plan.static:
            self.promised.pop(volume, None)
        for claim in plan.provision:
            self.selected.pop(claim, None)

    def selected_node(self, key: ClaimKey) -> str:
        """The node that the claim is being provisioned on, if any."""
        assumed = self.selected.get(key)
        return assumed or self.claims[key].metadata.annotations.get(SELECTED_NODE, "")

    def waits_for_consumer(self, claim: core_v1.PersistentVolumeClaim) -> bool:
        """Whether the claim is bound only once a Pod that uses it has a node."""
        found = self.classes.get(claim.spec.storageClassName or "")
        return not claim.spec.volumeName and found is not None and found.volumeBindingMode == "WaitForFirstConsumer"


def is_bound(claim: core_v1.PersistentVolumeClaim) -> bool:
    return bool(claim.spec.volumeName) and (
        BIND_COMPLETED in claim.metadata.annotations or claim.status.phase == "Bound"
    )


def put(known: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        known.pop(key, None)
    else:
        known[key] = value


def topology_allowed(found: storage_v1.StorageClass, labels: Mapping[str, str]) -> bool:
    """allowedTopologies: any of the terms; none at all allows every node."""
    return not found.allowedTopologies or any(
        all(labels.get(one.key) in one.values for one in term.matchLabelExpressions) for term in found.allowedTopologies
    )
