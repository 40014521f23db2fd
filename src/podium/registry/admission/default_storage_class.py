"""DefaultStorageClass: a claim that names no class gets the default one. "" asks for none."""

from __future__ import annotations

from podium.models import storage_classes
from podium.models.core_v1 import PersistentVolumeClaim
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

CLASSES = "storageclasses.storage.k8s.io"


class DefaultStorageClass(Base):
    resources = ("persistentvolumeclaims",)

    def admit(self, attributes: Attributes) -> None:
        claim: PersistentVolumeClaim = attributes.obj
        if not storage_classes.names_class(claim):
            found = storage_classes.default(entry.object for entry in attributes.core.live(CLASSES))
            if found is not None:
                claim.spec.storageClassName = found.metadata.name
