"""PriorityClasses: a priority that never changes; the highest ones are the system's."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.scheduling_v1 import PriorityClass
from podium.registry.strategies import checks
from podium.registry.strategies.checks import METADATA, Errors
from podium.registry.strategy import Strategy

_HIGHEST = 1_000_000_000
SYSTEM = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def _default(obj: PriorityClass) -> None:
    obj.preemptionPolicy = obj.preemptionPolicy or "PreemptLowerPriority"
    obj.value = obj.value or 0


def _validate(obj: PriorityClass) -> Errors:
    errors: Errors = []
    name, value = obj.metadata.name, obj.value or 0
    if name.startswith("system-"):
        if SYSTEM.get(name) != value:
            why = "priority class names with 'system-' prefix are reserved for system use only"
            errors.append(
                field.forbidden(METADATA.child("name"), f"{why}. error: {name} is not a known system priority class")
            )
    elif value > _HIGHEST:
        why = f"maximum allowed value of a user defined priority is {_HIGHEST}"
        errors.append(field.forbidden(Path("value"), why))
    policies = ("PreemptLowerPriority", "Never")
    return errors + checks.enum(Path("preemptionPolicy"), obj.preemptionPolicy, policies)


def _validate_update(new: PriorityClass, old: PriorityClass) -> Errors:
    errors: Errors = []
    if (new.value or 0) != (old.value or 0):
        errors.append(field.forbidden(Path("value"), "may not be changed in an update."))
    return errors + field.immutable(Path("preemptionPolicy"), new.preemptionPolicy, old.preemptionPolicy)


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=_validate_update,
)
