"""APIServices: a group's version that is served here, or by a Service."""

from __future__ import annotations

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.apiregistration_v1 import APIService, APIServiceCondition, APIServiceStatus
from podium.registry.strategies import checks
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status

_HTTPS = 443


def _default(obj: APIService) -> None:
    if obj.spec.service is not None and obj.spec.service.port is None:
        obj.spec.service.port = _HTTPS


def _prepare_create(obj: APIService) -> None:
    obj.status = APIServiceStatus()
    if obj.spec.service is None:
        available = APIServiceCondition(
            type="Available",
            status="True",
            reason="Local",
            message="Local APIServices are always available",
            lastTransitionTime=obj.metadata.creationTimestamp,
        )
        obj.status.conditions = (available,)


def _validate(obj: APIService) -> Errors:
    spec = obj.spec
    errors: Errors = []
    wanted = f"{spec.version}.{spec.group}"
    if obj.metadata.name != wanted:
        why = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    if spec.group == "" and spec.version != "v1":
        errors.append(
            field.required(SPEC.child("group"), "only v1 may have an empty group and it better be legacy kube")
        )
    if spec.group:
        errors += field.each(SPEC.child("group"), spec.group, names.dns_subdomain(spec.group))
    errors += field.each(SPEC.child("version"), spec.version, names.dns_label_1035(spec.version))
    for name, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = getattr(spec, name)
        if not 0 < value <= limit:
            errors.append(field.invalid(SPEC.child(name), value, f"must be positive and less than {limit}"))
    return errors + (_local(obj) if spec.service is None else _remote(obj))


def _local(obj: APIService) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if spec.caBundle:
        why = "local APIServices may not have a caBundle"
        errors.append(field.invalid(SPEC.child("caBundle"), f"{len(spec.caBundle)} bytes", why))
    if spec.insecureSkipTLSVerify:
        why = "local APIServices may not have insecureSkipTLSVerify"
        errors.append(field.invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
    return errors


def _remote(obj: APIService) -> Errors:
    spec = obj.spec
    errors = checks.needed(SPEC.child("service"), spec.service, "namespace", "name")
    if spec.insecureSkipTLSVerify and spec.caBundle:
        why = "may not be true if caBundle is present"
        errors.append(field.invalid(SPEC.child("insecureSkipTLSVerify"), True, why))
    return errors


def _validate_status(new: APIService, _old: APIService) -> Errors:
    errors: Errors = []
    for position, one in enumerate(new.status.conditions):
        where = Path("status").child("conditions").index(position).child("status")
        errors += checks.enum(where, one.status, ("True", "False", "Unknown"))
    return errors


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_spec,
    validate_status_update=_validate_status,
    name_errors=names.path_segment,
    generation=False,
    update_unconditional=False,
)
