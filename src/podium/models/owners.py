"""Owner references: which controller manages an object (API reference: OwnerReference)."""

from __future__ import annotations

from typing import Any, Protocol

from podium.models import meta_v1


class Object(Protocol):
    """Anything with metadata."""

    metadata: meta_v1.ObjectMeta


def controller_of(obj: Object) -> meta_v1.OwnerReference | None:
    """The reference to the one owner that controls the object."""
    return next((owner for owner in obj.metadata.ownerReferences if owner.controller), None)


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """By identity, not by name: an owner that was deleted and created again is another one."""
    controller = controller_of(obj)
    return controller is not None and controller.uid == owner.metadata.uid


def new_controller_ref(owner: Any) -> meta_v1.OwnerReference:
    """The reference that makes the owner an object's controller and holds back its foreground deletion."""
    return meta_v1.OwnerReference(
        apiVersion=owner.apiVersion,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        blockOwnerDeletion=True,
    )
