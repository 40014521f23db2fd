"""DaemonSets: how they are updated, and how often their template changed."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import numbers, selectors
from podium.models.apps_v1 import DaemonSet, DaemonSetStatus, DaemonSetUpdateStrategy, RollingUpdateDaemonSet
from podium.registry.strategies import checks, pod_defaults, pod_template
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_HISTORY = 10
_TEMPLATE = SPEC.child("template")
_TYPES = ("RollingUpdate", "OnDelete")
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _default(obj: DaemonSet) -> None:
    strategy = obj.spec.updateStrategy
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rollingUpdate = strategy.rollingUpdate or RollingUpdateDaemonSet()
        rolling.maxUnavailable = 1 if rolling.maxUnavailable is None else rolling.maxUnavailable
        rolling.maxSurge = 0 if rolling.maxSurge is None else rolling.maxSurge
    if obj.spec.revisionHistoryLimit is None:
        obj.spec.revisionHistoryLimit = _HISTORY
    pod_defaults.default_template(obj.spec.template)


def _template_generation(obj: DaemonSet) -> int:
    return numbers.natural(obj.metadata.annotations.get(_TEMPLATE_GENERATION, "")) or 0


def _prepare_create(obj: DaemonSet) -> None:
    obj.status = DaemonSetStatus()
    _set_template_generation(obj, max(_template_generation(obj), 1))


def _prepare_update(new: DaemonSet, old: DaemonSet) -> None:
    """Count how often the template changed, as old clients and the labels of Pods know it."""
    keep_status(new, old)
    _set_template_generation(new, _template_generation(old) + (new.spec.template != old.spec.template))


def _set_template_generation(obj: DaemonSet, number: int) -> None:
    if number:
        obj.metadata.annotations = {**obj.metadata.annotations, _TEMPLATE_GENERATION: str(number)}


def _validate(obj: DaemonSet) -> Errors:
    spec = obj.spec
    errors = pod_template.selector(SPEC.child("selector"), spec.selector, "daemonset")
    selector = checks.compiled(spec.selector)
    matcher = selectors.EVERYTHING if selector is None else selector
    errors += pod_template.for_replicas(_TEMPLATE, spec.template, matcher, "DaemonSet")
    errors += checks.not_negative(SPEC, spec, "minReadySeconds")
    errors += _strategy(SPEC.child("updateStrategy"), spec.updateStrategy)
    return errors + checks.not_negative(SPEC, spec, "revisionHistoryLimit")


def _strategy(path: Path, strategy: DaemonSetUpdateStrategy) -> Errors:
    if strategy.type == "OnDelete":
        return []
    if strategy.type != "RollingUpdate":
        return [field.not_supported(path, strategy, _TYPES)]
    rolling = strategy.rollingUpdate
    if rolling is None:
        return [field.required(path.child("rollingUpdate"))]
    unavailable, surge = path.child("rollingUpdate", "maxUnavailable"), path.child("rollingUpdate", "maxSurge")
    errors = checks.int_or_percent(unavailable, rolling.maxUnavailable)
    errors += checks.int_or_percent(surge, rolling.maxSurge)
    errors += checks.not_more_than_100_percent(unavailable, rolling.maxUnavailable)
    errors += checks.not_more_than_100_percent(surge, rolling.maxSurge)
    some_unavailable = checks.count_or_percent(rolling.maxUnavailable) != 0
    some_surge = checks.count_or_percent(rolling.maxSurge) != 0
    if some_unavailable and some_surge:
        errors.append(field.invalid(surge, rolling.maxSurge, "may not be set when maxUnavailable is non-zero"))
    elif not some_unavailable and not some_surge:
        errors.append(field.required(unavailable, "cannot be 0 when maxSurge is 0"))
    return errors


def _validate_update(new: DaemonSet, old: DaemonSet) -> Errors:
    return _validate(new) + field.immutable(SPEC.child("selector"), new.spec.selector, old.spec.selector)


def _validate_status(new: DaemonSet, old: DaemonSet) -> Errors:
    counts = (
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    )
    errors = checks.not_negative(STATUS, new.status, *counts)
    where = STATUS.child("collisionCount")
    return errors + checks.not_decremented(where, new.status.collisionCount, old.status.collisionCount)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    warnings=pod_template.warnings,
)
