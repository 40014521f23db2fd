"""ServiceCIDRs: address ranges that never change."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _validate(obj: Any) -> Errors:
    where = SPEC.child("cidrs")
    if not obj.spec.cidrs:
        return [field.required(where, "at least one CIDR required")]
    errors: Errors = []
    for position, cidr in enumerate(obj.spec.cidrs):
        errors += checks.cidr(where.index(position), cidr)
    return errors


STRATEGY = Strategy(
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, old: _validate(new) + field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
)
