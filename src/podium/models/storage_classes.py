"""Storage classes: which one is the default, and what a claim's class is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim
from podium.models.storage_v1 import StorageClass

IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_IS_DEFAULT_BETA = "storageclass.beta.kubernetes.io/is-default-class"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

DIRECTORY_CLASS = "standard"
DIRECTORY_PROVISIONER = "podium.dev/directory"
"""Who makes the volumes of the class that every cluster has: directories on the nodes."""


def default(classes: Iterable[StorageClass]) -> StorageClass | None:
    """The default class; of several the newest, then the first by name."""
    return min((one for one in classes if is_default(one)), key=_age, default=None)


def is_default(one: StorageClass) -> bool:
    annotations = one.metadata.annotations
    return "true" in (annotations.get(IS_DEFAULT), annotations.get(_IS_DEFAULT_BETA))


def _age(one: StorageClass) -> tuple[float, str]:
    created = one.metadata.creationTimestamp or _BEGINNING
    return (-created.timestamp(), one.metadata.name)


def class_of(obj: PersistentVolumeClaim | PersistentVolume) -> str:
    """Its class, "" for none; an annotation of old comes first."""
    annotated = obj.metadata.annotations.get(BETA_CLASS)
    return (obj.spec.storageClassName or "") if annotated is None else annotated


def names_class(claim: PersistentVolumeClaim) -> bool:
    """Whether the claim says which class it wants, be it none."""
    return claim.spec.storageClassName is not None or BETA_CLASS in claim.metadata.annotations
