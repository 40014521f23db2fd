"""FlowSchemas: which requests they are for, and which priority level they name."""

from __future__ import annotations

from podium.machinery import field
from podium.models.flowcontrol_v1 import FlowSchema, FlowSchemaStatus
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _default(obj: FlowSchema) -> None:
    if not obj.spec.matchingPrecedence:
        obj.spec.matchingPrecedence = 1000


def _prepare_create(obj: FlowSchema) -> None:
    obj.status = FlowSchemaStatus()


def _validate(obj: FlowSchema) -> Errors:
    precedence = obj.spec.matchingPrecedence or 0
    errors: Errors = []
    if not 1 <= precedence <= 10000:
        why = "must be a value between 1 and 10000"
        errors.append(field.invalid(SPEC.child("matchingPrecedence"), precedence, why))
    if not obj.spec.priorityLevelConfiguration.name:
        why = "must reference a priority level"
        errors.append(field.required(SPEC.child("priorityLevelConfiguration", "name"), why))
    for position, rule in enumerate(obj.spec.rules):
        if not rule.subjects:
            where = SPEC.child("rules").index(position).child("subjects")
            errors.append(field.required(where, "subjects must contain at least one value"))
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
