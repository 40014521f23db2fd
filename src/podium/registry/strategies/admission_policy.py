"""MutatingAdmissionPolicies, ValidatingAdmissionPolicies, and the bindings of both."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.models.admissionregistration_v1 import (
    MutatingAdmissionPolicy,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyStatus,
)
from podium.models.meta_v1 import LabelSelector
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status


def _default(obj: ValidatingAdmissionPolicy | MutatingAdmissionPolicy) -> None:
    obj.spec.failurePolicy = obj.spec.failurePolicy or "Fail"
    match = obj.spec.matchConstraints
    if match is not None:
        match.matchPolicy = match.matchPolicy or "Equivalent"
        match.namespaceSelector = match.namespaceSelector or LabelSelector()
        match.objectSelector = match.objectSelector or LabelSelector()
        for rule in (*match.resourceRules, *match.excludeResourceRules):
            rule.scope = rule.scope or "*"


def _prepare_create(obj: ValidatingAdmissionPolicy) -> None:
    obj.status = ValidatingAdmissionPolicyStatus()


def _validate(obj: Any) -> Errors:
    errors: Errors = []
    if obj.spec.matchConstraints is None or not obj.spec.matchConstraints.resourceRules:
        errors.append(field.required(SPEC.child("matchConstraints", "resourceRules")))
    if isinstance(obj, ValidatingAdmissionPolicy):
        if not obj.spec.validations and not obj.spec.auditAnnotations:
            why = "validations or auditAnnotations must contain at least one item"
            errors.append(field.required(SPEC.child("validations"), why))
        for position, one in enumerate(obj.spec.validations):
            if not one.expression.strip():
                where = SPEC.child("validations").index(position).child("expression")
                errors.append(field.required(where, "expression is not specified"))
    elif not obj.spec.mutations:
        errors.append(field.required(SPEC.child("mutations"), "mutations must contain at least one item"))
    return errors


VALIDATING_STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_spec,
    update_unconditional=False,
)
MUTATING_STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    update_unconditional=False,
)


def _validate_binding(obj: Any) -> Errors:
    errors = checks.needed(SPEC, obj.spec, "policyName")
    if isinstance(obj, ValidatingAdmissionPolicyBinding):
        errors += checks.needed(SPEC, obj.spec, "validationActions")
        for position, action in enumerate(obj.spec.validationActions):
            where = SPEC.child("validationActions").index(position)
            errors += checks.enum(where, action, ("Audit", "Deny", "Warn"))
    return errors


BINDING_STRATEGY = Strategy(
    validate=_validate_binding,
    validate_update=lambda new, _old: _validate_binding(new),
    update_unconditional=False,
)
