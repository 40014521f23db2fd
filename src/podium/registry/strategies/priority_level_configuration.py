"""PriorityLevelConfigurations: limited or exempt, with the sizes of their queues."""

from __future__ import annotations

from podium.machinery import field
from podium.models.flowcontrol_v1 import LimitResponse, PriorityLevelConfiguration, PriorityLevelConfigurationStatus
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _default(obj: PriorityLevelConfiguration) -> None:
    limited, exempt = obj.spec.limited, obj.spec.exempt
    if exempt is not None:
        exempt.nominalConcurrencyShares = exempt.nominalConcurrencyShares or 0
        exempt.lendablePercent = exempt.lendablePercent or 0
    if limited is None:
        return
    if limited.nominalConcurrencyShares is None:
        limited.nominalConcurrencyShares = 30
    limited.lendablePercent = limited.lendablePercent or 0
    limited.limitResponse = limited.limitResponse or LimitResponse(type="Reject")
    queuing = limited.limitResponse.queuing
    if queuing is not None:
        queuing.handSize = queuing.handSize or 8
        queuing.queues = queuing.queues or 64
        queuing.queueLengthLimit = queuing.queueLengthLimit or 50


def _prepare_create(obj: PriorityLevelConfiguration) -> None:
    obj.status = PriorityLevelConfigurationStatus()


def _validate(obj: PriorityLevelConfiguration) -> Errors:
    spec = obj.spec
    errors = checks.enum(SPEC.child("type"), spec.type, ("Exempt", "Limited"))
    if spec.type == "Limited" and spec.limited is None:
        errors.append(field.required(SPEC.child("limited"), "must not be empty when type is Limited"))
    if spec.type == "Exempt" and spec.limited is not None:
        errors.append(field.forbidden(SPEC.child("limited"), "must be nil if the type is not Limited"))
    return errors


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_spec,
    update_unconditional=False,
)
