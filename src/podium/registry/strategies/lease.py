"""Leases: counts that make sense, and a holder with a name."""

from __future__ import annotations

from podium.machinery import field
from podium.models.coordination_v1 import Lease
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _validate(lease: Lease) -> Errors:
    spec = lease.spec
    errors: Errors = []
    if spec.leaseDurationSeconds is not None and spec.leaseDurationSeconds <= 0:
        where = SPEC.child("leaseDurationSeconds")
        errors.append(field.invalid(where, spec.leaseDurationSeconds, "must be greater than 0"))
    if spec.leaseTransitions is not None and spec.leaseTransitions < 0:
        where = SPEC.child("leaseTransitions")
        errors.append(field.invalid(where, spec.leaseTransitions, "must be greater than or equal to 0"))
    if spec.holderIdentity == "":
        errors.append(field.required(SPEC.child("holderIdentity"), "must not be empty"))
    if spec.preferredHolder and not spec.strategy:
        why = "strategy must be specified when preferredHolder is specified"
        errors.append(field.required(SPEC.child("strategy"), why))
    return errors


STRATEGY = Strategy(
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    generation=False,
    update_unconditional=False,
    create_on_update=True,
)
