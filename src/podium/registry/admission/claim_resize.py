"""PersistentVolumeClaimResize: a claim may ask for more only if it is bound and its class can give more."""

from __future__ import annotations

from decimal import Decimal

from podium.models import quantity, storage_classes
from podium.models.core_v1 import PersistentVolumeClaim
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes
from podium.registry.admission.default_storage_class import CLASSES


class ClaimResize(Base):
    resources = ("persistentvolumeclaims",)
    operations = ("UPDATE",)

    def validate(self, attributes: Attributes) -> None:
        new: PersistentVolumeClaim = attributes.obj
        old: PersistentVolumeClaim = attributes.old
        if _asked(new) <= _asked(old):
            return
        if old.status.phase != "Bound":
            raise forbidden(attributes, "Only bound persistent volume claims can be expanded")
        found = attributes.core.live(CLASSES).get("", storage_classes.class_of(new))
        if found is None or not found.object.allowVolumeExpansion:
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize"
            )
            raise forbidden(attributes, why)


def _asked(claim: PersistentVolumeClaim) -> Decimal:
    return quantity.number(claim.spec.resources.requests.get("storage", "0"))
