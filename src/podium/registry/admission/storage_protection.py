"""StorageObjectInUseProtection: claims and volumes are held by a finalizer until nobody uses them any more."""

from __future__ import annotations

from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}


class StorageProtection(Base):
    resources = tuple(FINALIZERS)

    def admit(self, attributes: Attributes) -> None:
        metadata = attributes.obj.metadata
        finalizer = FINALIZERS[attributes.resource.group_resource]
        if finalizer not in metadata.finalizers:
            metadata.finalizers = (*metadata.finalizers, finalizer)
