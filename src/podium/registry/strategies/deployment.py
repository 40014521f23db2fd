"""Deployments: how a rollout may proceed, and a selector that never changes."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.apps_v1 import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    DeploymentStrategy,
    RollingUpdateDeployment,
)
from podium.registry.strategies import checks, pod_defaults, pod_template, replica_counts
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_spec, keep_status

_STEP = "25%"
_HISTORY = 10
_PROGRESS_SECONDS = 600
_TYPES = ("Recreate", "RollingUpdate")
_TEMPLATE = SPEC.child("template")


def _default(obj: Deployment) -> None:
    spec, strategy = obj.spec, obj.spec.strategy
    if spec.replicas is None:
        spec.replicas = 1
    strategy.type = strategy.type or "RollingUpdate"
    if strategy.type == "RollingUpdate":
        rolling = strategy.rollingUpdate = strategy.rollingUpdate or RollingUpdateDeployment()
        rolling.maxUnavailable = _STEP if rolling.maxUnavailable is None else rolling.maxUnavailable
        rolling.maxSurge = _STEP if rolling.maxSurge is None else rolling.maxSurge
    if spec.revisionHistoryLimit is None:
        spec.revisionHistoryLimit = _HISTORY
    if spec.progressDeadlineSeconds is None:
        spec.progressDeadlineSeconds = _PROGRESS_SECONDS
    pod_defaults.default_template(spec.template)


def _prepare_create(obj: Deployment) -> None:
    obj.status = DeploymentStatus()


def _validate(obj: Deployment) -> Errors:
    spec = obj.spec
    errors = checks.not_negative(SPEC, spec, "replicas")
    errors += pod_template.selector(SPEC.child("selector"), spec.selector, "deployment")
    selector = checks.compiled(spec.selector)
    if selector is None:
        errors.append(field.invalid(SPEC.child("selector"), spec.selector, "invalid label selector"))
    else:
        errors += pod_template.for_replicas(_TEMPLATE, spec.template, selector, "ReplicaSet")
    errors += _strategy(SPEC.child("strategy"), spec.strategy)
    errors += checks.not_negative(SPEC, spec, "minReadySeconds", "revisionHistoryLimit")
    return errors + _deadline(spec)


def _deadline(spec: DeploymentSpec) -> Errors:
    errors = checks.not_negative(SPEC, spec, "progressDeadlineSeconds")
    if spec.progressDeadlineSeconds is not None and spec.progressDeadlineSeconds <= (spec.minReadySeconds or 0):
        where = SPEC.child("progressDeadlineSeconds")
        errors.append(field.invalid(where, spec.progressDeadlineSeconds, "must be greater than minReadySeconds"))
    return errors


def _strategy(path: Path, strategy: DeploymentStrategy) -> Errors:
    where = path.child("rollingUpdate")
    if strategy.type == "Recreate":
        if strategy.rollingUpdate is not None:
            return [field.forbidden(where, "may not be specified when strategy `type` is 'Recreate'")]
        return []
    if strategy.type == "RollingUpdate":
        if strategy.rollingUpdate is None:
            return [field.required(where, "this should be defaulted and never be nil")]
        return _rolling_update(where, strategy.rollingUpdate)
    return [field.not_supported(path, strategy, _TYPES)]


def _rolling_update(path: Path, rolling: RollingUpdateDeployment) -> Errors:
    unavailable = path.child("maxUnavailable")
    errors = checks.int_or_percent(unavailable, rolling.maxUnavailable)
    errors += checks.int_or_percent(path.child("maxSurge"), rolling.maxSurge)
    if not checks.count_or_percent(rolling.maxUnavailable) and not checks.count_or_percent(rolling.maxSurge):
        errors.append(field.invalid(unavailable, rolling.maxUnavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + checks.not_more_than_100_percent(unavailable, rolling.maxUnavailable)


def _validate_update(new: Deployment, old: Deployment) -> Errors:
    return _validate(new) + field.immutable(SPEC.child("selector"), new.spec.selector, old.spec.selector)


def _validate_status(new: Deployment, old: Deployment) -> Errors:
    status = new.status
    errors = checks.not_negative(
        STATUS,
        status,
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "collisionCount",
    )
    errors += checks.at_most(STATUS, status, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    errors += replica_counts.available_within_ready(status)
    return errors + checks.not_decremented(
        STATUS.child("collisionCount"), status.collisionCount, old.status.collisionCount
    )


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_spec,
    validate_status_update=_validate_status,
    warnings=pod_template.warnings,
)
