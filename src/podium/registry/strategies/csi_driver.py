"""CSIDrivers: what a driver wants from those who call it."""

from __future__ import annotations

from podium.machinery import field
from podium.models.storage_v1 import CSIDriver
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _default(obj: CSIDriver) -> None:
    spec = obj.spec
    spec.attachRequired = True if spec.attachRequired is None else spec.attachRequired
    for name in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        if getattr(spec, name) is None:
            setattr(spec, name, False)
    spec.fsGroupPolicy = spec.fsGroupPolicy or "ReadWriteOnceWithFSType"
    spec.volumeLifecycleModes = spec.volumeLifecycleModes or ("Persistent",)


def _validate(obj: CSIDriver) -> Errors:
    errors = checks.enum(
        SPEC.child("fsGroupPolicy"), obj.spec.fsGroupPolicy, ("File", "None", "ReadWriteOnceWithFSType")
    )
    for mode in obj.spec.volumeLifecycleModes:
        errors += checks.enum(SPEC.child("volumeLifecycleModes"), mode, ("Ephemeral", "Persistent"))
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, old: (
        _validate(new)
        + field.immutable(SPEC.child("attachRequired"), new.spec.attachRequired, old.spec.attachRequired)
        + field.immutable(
            SPEC.child("volumeLifecycleModes"), new.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes
        )
    ),
    update_unconditional=False,
)
