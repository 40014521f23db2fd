"""ResourceQuotas: amounts of resources that there are."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import ResourceQuota, ResourceQuotaStatus
from podium.models.quantity import Quantity
from podium.registry.strategies import compute, quota_scopes
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status


def _amounts(path: Path, amounts: dict[str, Quantity]) -> Errors:
    errors: Errors = []
    for name, amount in amounts.items():
        where = path.key(name)
        wrong = compute.resource_messages(name)
        if not wrong and "/" not in name and not compute.is_quota_resource(name) and not name.startswith("count/"):
            wrong = ("must be a standard resource for quota",)
        errors += field.each(where, name, wrong)
        errors += compute.amount(where, name, amount)
    return errors


def _prepare_create(obj: ResourceQuota) -> None:
    obj.status = ResourceQuotaStatus()


def _validate(obj: ResourceQuota) -> Errors:
    return _amounts(SPEC.child("hard"), obj.spec.hard) + quota_scopes.validate(SPEC, obj.spec)


def _validate_update(new: ResourceQuota, old: ResourceQuota) -> Errors:
    errors = _validate(new)
    if set(new.spec.scopes) != set(old.spec.scopes):
        errors.append(field.invalid(SPEC.child("scopes"), new.spec.scopes, field.IMMUTABLE))
    return errors


def _validate_status(new: ResourceQuota, _old: ResourceQuota) -> Errors:
    return _amounts(STATUS.child("hard"), new.status.hard) + _amounts(STATUS.child("used"), new.status.used)


STRATEGY = Strategy(
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    generation=False,
)
