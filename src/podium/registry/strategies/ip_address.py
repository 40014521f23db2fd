"""IPAddresses: named by the address, and of one parent for good."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _validate(obj: Any) -> Errors:
    errors = checks.ip_address(Path("metadata").child("name"), obj.metadata.name)
    return errors + checks.needed(SPEC.child("parentRef"), obj.spec.parentRef, "name", "resource")


STRATEGY = Strategy(
    validate=_validate,
    validate_update=lambda new, old: (
        _validate(new) + field.immutable(SPEC.child("parentRef"), new.spec.parentRef, old.spec.parentRef)
    ),
)
