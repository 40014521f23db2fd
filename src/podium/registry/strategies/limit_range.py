"""LimitRanges: bounds and defaults that don't contradict each other."""

from __future__ import annotations

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import LimitRange, LimitRangeItem
from podium.registry.strategies import compute
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy

_TYPES = ("Container", "PersistentVolumeClaim", "Pod")


def _default(obj: LimitRange) -> None:
    """What containers get when they don't say follows from the bounds."""
    for item in obj.spec.limits:
        if item.type == "Container":
            item.default = {**item.max, **item.default}
            item.defaultRequest = {**item.min, **item.default, **item.defaultRequest}


def _validate(obj: LimitRange) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, item in enumerate(obj.spec.limits):
        where = SPEC.child("limits").index(position)
        errors += _type(where.child("type"), item.type)
        if item.type in seen:
            errors.append(field.duplicate(where.child("type"), item.type))
        seen.add(item.type)
        errors += _range(where, item)
    return errors


def _type(path: Path, value: str) -> Errors:
    wrong = tuple(names.label_key(value))
    if not wrong and "/" not in value and value not in _TYPES:
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


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    generation=False,
    create_on_update=True,
)
