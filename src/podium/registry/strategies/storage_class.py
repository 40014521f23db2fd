"""StorageClasses: who makes volumes, when, and what becomes of them; none of it changes."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.storage_v1 import StorageClass
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


def _default(obj: StorageClass) -> None:
    obj.reclaimPolicy = obj.reclaimPolicy or "Delete"
    obj.volumeBindingMode = obj.volumeBindingMode or "Immediate"


def _validate(obj: StorageClass) -> Errors:
    if not obj.provisioner:
        errors = [field.required(Path("provisioner"))]
    else:
        errors = checks.qualified_name(Path("provisioner"), obj.provisioner.lower())
    errors += checks.enum(Path("reclaimPolicy"), obj.reclaimPolicy, ("Delete", "Retain"))
    modes = ("Immediate", "WaitForFirstConsumer")
    return errors + checks.enum(Path("volumeBindingMode"), obj.volumeBindingMode, modes)


def _validate_update(new: StorageClass, old: StorageClass) -> Errors:
    errors: Errors = []
    for name in ("parameters", "provisioner"):
        if getattr(new, name) != getattr(old, name):
            errors.append(field.forbidden(Path(name), f"updates to {name} are forbidden."))
    if new.reclaimPolicy != old.reclaimPolicy:
        errors.append(field.forbidden(Path("reclaimPolicy"), "updates to reclaimPolicy are forbidden."))
    errors += field.immutable(Path("volumeBindingMode"), new.volumeBindingMode, old.volumeBindingMode)
    return errors + _validate(new)


STRATEGY = Strategy(default=_default, validate=_validate, validate_update=_validate_update, generation=False)
