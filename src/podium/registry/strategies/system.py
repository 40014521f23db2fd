"""Kinds that few people write: certificate requests, API priority and fairness, devices, address ranges."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.certificates_v1 import CertificateSigningRequest, CertificateSigningRequestStatus
from podium.models.flowcontrol_v1 import (
    FlowSchema,
    FlowSchemaStatus,
    LimitResponse,
    PriorityLevelConfiguration,
    PriorityLevelConfigurationStatus,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategies.replica_set import keep_status
from podium.registry.strategy import Strategy, keep_only_spec, keep_spec

_SHORTEST_CERTIFICATE = 600


# --- CertificateSigningRequest ----------------------------------------------------------------------------------


def _prepare_request(obj: CertificateSigningRequest) -> None:
    obj.status = CertificateSigningRequestStatus()


def _keep_request(new: CertificateSigningRequest, old: CertificateSigningRequest) -> None:
    """A request is never changed: another one is made."""
    new.spec, new.status = old.spec, old.status


def _validate_request(obj: CertificateSigningRequest) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if b"CERTIFICATE REQUEST" not in spec.request:
        why = "PEM block type must be CERTIFICATE REQUEST"
        errors.append(field.invalid(SPEC.child("request"), spec.request, why))
    if not spec.usages:
        errors.append(field.required(SPEC.child("usages"), "usages are required"))
    if not spec.signerName:
        errors.append(field.required(SPEC.child("signerName")))
    elif "/" not in spec.signerName:
        why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(field.invalid(SPEC.child("signerName"), spec.signerName, why))
    if spec.expirationSeconds is not None and spec.expirationSeconds < _SHORTEST_CERTIFICATE:
        why = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(field.invalid(SPEC.child("expirationSeconds"), spec.expirationSeconds, why))
    return errors


REQUEST_STRATEGY = Strategy(
    prepare_create=_prepare_request,
    prepare_update=_keep_request,
    validate=_validate_request,
    prepare_status_update=keep_only_spec,
    generation=False,
)


# --- API priority and fairness ----------------------------------------------------------------------------------


def _default_schema(obj: FlowSchema) -> None:
    if not obj.spec.matchingPrecedence:
        obj.spec.matchingPrecedence = 1000


def _prepare_schema(obj: FlowSchema) -> None:
    obj.status = FlowSchemaStatus()


def _validate_schema(obj: FlowSchema) -> Errors:
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


SCHEMA_STRATEGY = Strategy(
    default=_default_schema,
    prepare_create=_prepare_schema,
    prepare_update=keep_status,
    validate=_validate_schema,
    validate_update=lambda new, _old: _validate_schema(new),
    prepare_status_update=keep_spec,
    update_unconditional=False,
)


def _default_level(obj: PriorityLevelConfiguration) -> None:
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


def _prepare_level(obj: PriorityLevelConfiguration) -> None:
    obj.status = PriorityLevelConfigurationStatus()


def _validate_level(obj: PriorityLevelConfiguration) -> Errors:
    spec = obj.spec
    errors = checks.enum(SPEC.child("type"), spec.type, ("Exempt", "Limited"))
    if spec.type == "Limited" and spec.limited is None:
        errors.append(field.required(SPEC.child("limited"), "must not be empty when type is Limited"))
    if spec.type == "Exempt" and spec.limited is not None:
        errors.append(field.forbidden(SPEC.child("limited"), "must be nil if the type is not Limited"))
    return errors


LEVEL_STRATEGY = Strategy(
    default=_default_level,
    prepare_create=_prepare_level,
    prepare_update=keep_status,
    validate=_validate_level,
    validate_update=lambda new, _old: _validate_level(new),
    prepare_status_update=keep_spec,
    update_unconditional=False,
)


# --- address ranges and devices ---------------------------------------------------------------------------------


def _validate_range(obj: Any) -> Errors:
    where = SPEC.child("cidrs")
    if not obj.spec.cidrs:
        return [field.required(where, "at least one CIDR required")]
    errors: Errors = []
    for position, cidr in enumerate(obj.spec.cidrs):
        errors += checks.cidr(where.index(position), cidr)
    return errors


SERVICE_CIDR_STRATEGY = Strategy(
    prepare_update=keep_status,
    validate=_validate_range,
    validate_update=lambda new, old: _validate_range(new) + field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
)


def _validate_address(obj: Any) -> Errors:
    errors = checks.ip_address(Path("metadata").child("name"), obj.metadata.name)
    return errors + checks.needed(SPEC.child("parentRef"), obj.spec.parentRef, "name", "resource")


ADDRESS_STRATEGY = Strategy(
    validate=_validate_address,
    validate_update=lambda new, old: (
        _validate_address(new) + field.immutable(SPEC.child("parentRef"), new.spec.parentRef, old.spec.parentRef)
    ),
)


def _default_claim(spec: Any) -> None:
    for request in spec.devices.requests if spec.devices is not None else ():
        for one in (request.exactly, *request.firstAvailable):
            if one is None:
                continue
            one.allocationMode = one.allocationMode or "ExactCount"
            if one.allocationMode == "ExactCount" and not one.count:
                one.count = 1


def _claim_errors(path: Path, spec: Any) -> Errors:
    errors: Errors = []
    for position, request in enumerate(spec.devices.requests if spec.devices is not None else ()):
        where = path.child("devices", "requests").index(position)
        errors += checks.dns_label(where.child("name"), request.name, needed=True)
        if request.exactly is None and not request.firstAvailable:
            errors.append(field.required(where, "exactly one of `exactly` or `firstAvailable` is required"))
        elif request.exactly is not None:
            errors += checks.needed(where.child("exactly"), request.exactly, "deviceClassName")
    return errors


CLAIM_STRATEGY = Strategy(
    default=lambda obj: _default_claim(obj.spec),
    prepare_update=keep_status,
    validate=lambda obj: _claim_errors(SPEC, obj.spec),
    validate_update=lambda new, old: field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
    generation=False,
)
CLAIM_TEMPLATE_STRATEGY = Strategy(
    default=lambda obj: _default_claim(obj.spec.spec),
    validate=lambda obj: _claim_errors(SPEC.child("spec"), obj.spec.spec),
    validate_update=lambda new, old: field.immutable(SPEC, new.spec, old.spec),
    generation=False,
)
SLICE_STRATEGY = Strategy(
    validate=lambda obj: checks.needed(SPEC, obj.spec, "driver"),
    validate_update=lambda new, old: (
        field.immutable(SPEC.child("driver"), new.spec.driver, old.spec.driver)
        + field.immutable(SPEC.child("nodeName"), new.spec.nodeName, old.spec.nodeName)
    ),
)
