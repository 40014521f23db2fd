"""ResourceClaims and their templates: requests for devices that never change."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _default(spec: Any) -> None:
    for request in spec.devices.requests if spec.devices is not None else ():
        for one in (request.exactly, *request.firstAvailable):
            if one is None:
                continue
            one.allocationMode = one.allocationMode or "ExactCount"
            if one.allocationMode == "ExactCount" and not one.count:
                one.count = 1


def _validate(path: Path, spec: Any) -> Errors:
    errors: Errors = []
    for position, request in enumerate(spec.devices.requests if spec.devices is not None else ()):
        where = path.child("devices", "requests").index(position)
        errors += checks.dns_label(where.child("name"), request.name, needed=True)
        if request.exactly is None and not request.firstAvailable:
            errors.append(field.required(where, "exactly one of `exactly` or `firstAvailable` is required"))
        elif request.exactly is not None:
            errors += checks.needed(where.child("exactly"), request.exactly, "deviceClassName")
    return errors


STRATEGY = Strategy(
    default=lambda obj: _default(obj.spec),
    prepare_update=keep_status,
    validate=lambda obj: _validate(SPEC, obj.spec),
    validate_update=lambda new, old: field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
    generation=False,
)
TEMPLATE_STRATEGY = Strategy(
    default=lambda obj: _default(obj.spec.spec),
    validate=lambda obj: _validate(SPEC.child("spec"), obj.spec.spec),
    validate_update=lambda new, old: field.immutable(SPEC, new.spec, old.spec),
    generation=False,
)
