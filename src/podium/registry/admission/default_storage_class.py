"""DefaultStorageClass: a claim that names no class gets the default one. "" asks for none."""

from __future__ import annotations

from datetime import UTC, datetime

from podium.models.core_v1 import PersistentVolumeClaim
from podium.models.storage_v1 import StorageClass
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

CLASSES = "storageclasses.storage.k8s.io"
IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_IS_DEFAULT_BETA = "storageclass.beta.kubernetes.io/is-default-class"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class DefaultStorageClass(Base):
    resources = ("persistentvolumeclaims",)

    def admit(self, attributes: Attributes) -> None:
        claim: PersistentVolumeClaim = attributes.obj
        if claim.spec.storageClassName is not None or BETA_CLASS in claim.metadata.annotations:
            return
        found = default([entry.object for entry in attributes.core.live(CLASSES)])
        if found is not None:
            claim.spec.storageClassName = found.metadata.name


def default(classes: list[StorageClass]) -> StorageClass | None:
    """The default class; of several the newest, then the first by name."""
    marked = [one for one in classes if is_default(one)]
    return min(marked, key=_age, default=None)


def is_default(one: StorageClass) -> bool:
    annotations = one.metadata.annotations
    return "true" in (annotations.get(IS_DEFAULT), annotations.get(_IS_DEFAULT_BETA))


def _age(one: StorageClass) -> tuple[float, str]:
    created = one.metadata.creationTimestamp or _BEGINNING
    return (-created.timestamp(), one.metadata.name)
