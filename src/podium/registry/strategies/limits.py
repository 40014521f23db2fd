"""Quotas, limit ranges, priorities and runtime classes: how much Pods may have, and who goes first."""

from __future__ import annotations

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaStatus
from podium.models.node_v1 import RuntimeClass
from podium.models.quantity import Quantity
from podium.models.scheduling_v1 import PriorityClass
from podium.registry.strategies import checks, compute, placement, quota_scopes
from podium.registry.strategies.checks import METADATA, SPEC, STATUS, Errors
from podium.registry.strategies.replica_set import keep_status
from podium.registry.strategy import Strategy, keep_only_spec

_LIMIT_TYPES = ("Container", "PersistentVolumeClaim", "Pod")


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


def _prepare_quota(obj: ResourceQuota) -> None:
    obj.status = ResourceQuotaStatus()


def _validate_quota(obj: ResourceQuota) -> Errors:
    return _amounts(SPEC.child("hard"), obj.spec.hard) + quota_scopes.validate(SPEC, obj.spec)


def _validate_quota_update(new: ResourceQuota, old: ResourceQuota) -> Errors:
    errors = _validate_quota(new)
    if set(new.spec.scopes) != set(old.spec.scopes):
        errors.append(field.invalid(SPEC.child("scopes"), new.spec.scopes, field.IMMUTABLE))
    return errors


def _validate_quota_status(new: ResourceQuota, _old: ResourceQuota) -> Errors:
    return _amounts(STATUS.child("hard"), new.status.hard) + _amounts(STATUS.child("used"), new.status.used)


QUOTA_STRATEGY = Strategy(
    prepare_create=_prepare_quota,
    prepare_update=keep_status,
    validate=_validate_quota,
    validate_update=_validate_quota_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_quota_status,
    generation=False,
)


# --- LimitRange -------------------------------------------------------------------------------------------------


def _default_range(obj: LimitRange) -> None:
    """What containers get when they don't say follows from the bounds."""
    for item in obj.spec.limits:
        if item.type == "Container":
            item.default = {**item.max, **item.default}
            item.defaultRequest = {**item.min, **item.default, **item.defaultRequest}


def _validate_range(obj: LimitRange) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, item in enumerate(obj.spec.limits):
        where = SPEC.child("limits").index(position)
        errors += _limit_type(where.child("type"), item.type)
        if item.type in seen:
            errors.append(field.duplicate(where.child("type"), item.type))
        seen.add(item.type)
        errors += _range(where, item)
    return errors


def _limit_type(path: Path, value: str) -> Errors:
    wrong = tuple(names.label_key(value))
    if not wrong and "/" not in value and value not in _LIMIT_TYPES:
        wrong = ("must be a standard limit type or fully qualified",)
    return field.each(path, value, wrong)


def _range(path: Path, item: LimitRangeItem) -> Errors:
    errors: Errors = []
    for name in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        given = getattr(item, name)
        for resource, amount in given.items():
            errors += field.each(path.child(name).key(resource), resource, compute.resource_messages(resource))
            errors += compute.amount(path.child(name).key(resource), resource, amount)
        if given and item.type == "Pod" and name in ("default", "defaultRequest"):
            errors.append(field.forbidden(path.child(name), "may not be specified when `type` is 'Pod'"))
    if item.type == "PersistentVolumeClaim" and "storage" not in item.min and "storage" not in item.max:
        why = "either minimum or maximum storage value is required, but neither was provided"
        errors.append(field.required(path.child("limits"), why))
    for low, high, shown in (
        ("min", "max", "min value {} is greater than max value {}"),
        ("min", "default", "min value {} is greater than default value {}"),
        ("min", "defaultRequest", "min value {} is greater than default request value {}"),
        ("defaultRequest", "max", "default request value {} is greater than max value {}"),
        ("defaultRequest", "default", "default request value {} is greater than default limit value {}"),
        ("default", "max", "default value {} is greater than max value {}"),
    ):
        for resource, amount in getattr(item, low).items():
            most = getattr(item, high).get(resource)
            if most is not None and quantity.number(amount) > quantity.number(most):
                place = high if low == "min" and high != "max" else low
                errors.append(field.invalid(path.child(place).key(resource), amount, shown.format(amount, most)))
    for resource, ratio in item.maxLimitRequestRatio.items():
        if quantity.number(ratio) < 1:
            why = f"ratio {ratio} is less than 1"
            errors.append(field.invalid(path.child("maxLimitRequestRatio").key(resource), ratio, why))
        least, highest = item.min.get(resource), item.max.get(resource)
        if least is None or highest is None or not quantity.number(least):
            continue
        most = quantity.number(highest) / quantity.number(least)
        if quantity.number(ratio) > most:
            why = f"ratio {ratio} is greater than max/min = {most:.6f}"
            errors.append(field.invalid(path.child("maxLimitRequestRatio").key(resource), ratio, why))
    for resource, amount in item.defaultRequest.items():
        default = item.default.get(resource)
        if default is None or compute.may_overcommit(resource):
            continue
        if quantity.number(default) != quantity.number(amount):
            why = f"default value {default} must equal to defaultRequest value {amount} in {resource}"
            errors.append(field.invalid(path.child("defaultRequest").key(resource), amount, why))
    return errors


RANGE_STRATEGY = Strategy(
    default=_default_range,
    validate=_validate_range,
    validate_update=lambda new, _old: _validate_range(new),
    generation=False,
    create_on_update=True,
)


# --- PriorityClass and RuntimeClass -----------------------------------------------------------------------------

_HIGHEST = 1_000_000_000
_SYSTEM = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def _default_priority(obj: PriorityClass) -> None:
    obj.preemptionPolicy = obj.preemptionPolicy or "PreemptLowerPriority"
    obj.value = obj.value or 0


def _validate_priority(obj: PriorityClass) -> Errors:
    errors: Errors = []
    name, value = obj.metadata.name, obj.value or 0
    if name.startswith("system-"):
        if _SYSTEM.get(name) != value:
            why = "priority class names with 'system-' prefix are reserved for system use only"
            errors.append(
                field.forbidden(METADATA.child("name"), f"{why}. error: {name} is not a known system priority class")
            )
    elif value > _HIGHEST:
        why = f"maximum allowed value of a user defined priority is {_HIGHEST}"
        errors.append(field.forbidden(Path("value"), why))
    policies = ("PreemptLowerPriority", "Never")
    return errors + checks.enum(Path("preemptionPolicy"), obj.preemptionPolicy, policies)


def _validate_priority_update(new: PriorityClass, old: PriorityClass) -> Errors:
    errors: Errors = []
    if (new.value or 0) != (old.value or 0):
        errors.append(field.forbidden(Path("value"), "may not be changed in an update."))
    return errors + field.immutable(Path("preemptionPolicy"), new.preemptionPolicy, old.preemptionPolicy)


PRIORITY_STRATEGY = Strategy(
    default=_default_priority,
    validate=_validate_priority,
    validate_update=_validate_priority_update,
)


def _validate_runtime(obj: RuntimeClass) -> Errors:
    errors = checks.dns_label(Path("handler"), obj.handler, needed=True)
    if obj.overhead is not None:
        for name, amount in obj.overhead.podFixed.items():
            errors += compute.amount(Path("overhead").child("podFixed").key(name), name, amount)
    if obj.scheduling is not None:
        where = Path("scheduling")
        errors += checks.labels(where.child("nodeSelector"), obj.scheduling.nodeSelector)
        errors += placement.tolerations(where.child("tolerations"), obj.scheduling.tolerations)
    return errors


RUNTIME_STRATEGY = Strategy(
    validate=_validate_runtime,
    validate_update=lambda new, old: (
        _validate_runtime(new) + field.immutable(Path("handler"), new.handler, old.handler)
    ),
    generation=False,
    update_unconditional=False,
)
