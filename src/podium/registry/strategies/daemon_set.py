"""DaemonSets and StatefulSets: their update strategies, and what of a StatefulSet may change at all."""

from __future__ import annotations

import copy

import msgspec

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import codec, selectors
from podium.models.apps_v1 import (
    ControllerRevision,
    DaemonSet,
    DaemonSetStatus,
    DaemonSetUpdateStrategy,
    RollingUpdateDaemonSet,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetStatus,
)
from podium.registry.strategies import checks, persistent_volume_claim, pod_annotations, pod_defaults, pod_template
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategies.replica_set import keep_status, template_warnings
from podium.registry.strategy import Strategy, keep_spec

_HISTORY = 10
_TEMPLATE = SPEC.child("template")
_DAEMON_TYPES = ("OnDelete", "RollingUpdate")
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
    text = obj.metadata.annotations.get(_TEMPLATE_GENERATION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


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
    matcher = selectors.EVERYTHING if spec.selector is None or selector is None else selector
    errors += pod_template.for_replicas(_TEMPLATE, spec.template, matcher, "DaemonSet")
    errors += checks.not_negative(SPEC, spec, "minReadySeconds")
    errors += _strategy(SPEC.child("updateStrategy"), spec.updateStrategy)
    return errors + checks.not_negative(SPEC, spec, "revisionHistoryLimit")


def _strategy(path: Path, strategy: DaemonSetUpdateStrategy) -> Errors:
    if strategy.type == "OnDelete":
        return []
    if strategy.type != "RollingUpdate":
        return [field.not_supported(path.child("type"), strategy.type, _DAEMON_TYPES)]
    rolling = strategy.rollingUpdate
    if rolling is None:
        return [field.required(path.child("rollingUpdate"))]
    unavailable, surge = path.child("rollingUpdate", "maxUnavailable"), path.child("rollingUpdate", "maxSurge")
    errors = checks.int_or_percent(unavailable, rolling.maxUnavailable)
    errors += checks.int_or_percent(surge, rolling.maxSurge)
    some_unavailable = checks.count_or_percent(rolling.maxUnavailable) != 0
    some_surge = checks.count_or_percent(rolling.maxSurge) != 0
    if some_unavailable and some_surge:
        errors.append(field.invalid(surge, rolling.maxSurge, "may not be set when maxUnavailable is non-zero"))
    elif not some_unavailable and not some_surge:
        errors.append(field.required(unavailable, "cannot be 0 when maxSurge is 0"))
    errors += checks.not_more_than_100_percent(unavailable, rolling.maxUnavailable)
    return errors + checks.not_more_than_100_percent(surge, rolling.maxSurge)


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
    prepare_status_update=keep_spec,
    validate_status_update=_validate_status,
    warnings=template_warnings,
)


# --- StatefulSet ------------------------------------------------------------------------------------------------

_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def _default_stateful(obj: StatefulSet) -> None:
    spec, strategy = obj.spec, obj.spec.updateStrategy
    spec.podManagementPolicy = spec.podManagementPolicy or "OrderedReady"
    if not strategy.type:
        strategy.type = "RollingUpdate"
        strategy.rollingUpdate = strategy.rollingUpdate or RollingUpdateStatefulSetStrategy()
    if strategy.type == "RollingUpdate" and strategy.rollingUpdate is not None:
        strategy.rollingUpdate.partition = strategy.rollingUpdate.partition or 0
    retention = spec.persistentVolumeClaimRetentionPolicy or StatefulSetPersistentVolumeClaimRetentionPolicy()
    retention.whenDeleted = retention.whenDeleted or "Retain"
    retention.whenScaled = retention.whenScaled or "Retain"
    spec.persistentVolumeClaimRetentionPolicy = retention
    spec.replicas = 1 if spec.replicas is None else spec.replicas
    spec.revisionHistoryLimit = _HISTORY if spec.revisionHistoryLimit is None else spec.revisionHistoryLimit
    for claim in spec.volumeClaimTemplates:
        persistent_volume_claim.default_claim(claim)
    pod_defaults.default_template(spec.template)


def _prepare_create_stateful(obj: StatefulSet) -> None:
    obj.status = StatefulSetStatus()


def _validate_stateful(obj: StatefulSet) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if spec.podManagementPolicy not in ("OrderedReady", "Parallel"):
        where = SPEC.child("podManagementPolicy")
        errors.append(field.invalid(where, spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _stateful_strategy(SPEC.child("updateStrategy"), spec)
    retention = spec.persistentVolumeClaimRetentionPolicy
    for name in ("whenDeleted", "whenScaled"):
        where = SPEC.child("persistentVolumeClaimRetentionPolicy", name)
        errors += checks.enum(where, getattr(retention, name, "Retain"), ("Retain", "Delete"))
    errors += checks.not_negative(SPEC, spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
    if spec.ordinals is not None:
        errors += checks.not_negative(SPEC.child("ordinals"), spec.ordinals, "start")
    if spec.selector is None:
        errors.append(field.required(SPEC.child("selector")))
    else:
        errors += checks.label_selector(SPEC.child("selector"), spec.selector)
        if checks.empty_selector(spec.selector):
            why = "empty selector is invalid for statefulset"
            errors.append(field.invalid(SPEC.child("selector"), spec.selector, why))
    return errors + _stateful_template(spec)


def _stateful_template(spec: StatefulSetSpec) -> Errors:
    """Its Pods get volumes from the claims, so that the Pod's own rules wait for the Pods."""
    errors: Errors = []
    selector = checks.compiled(spec.selector)
    if spec.selector is not None and selector is not None:
        errors += pod_template.mismatch(_TEMPLATE, spec.template, selector)
    meta = spec.template.metadata
    errors += checks.labels(_TEMPLATE.child("labels"), meta.labels)
    errors += checks.annotation_keys(_TEMPLATE.child("annotations"), meta.annotations)
    errors += pod_annotations.validate(_TEMPLATE.child("annotations"), meta.annotations, spec.template.spec)
    pods = spec.template.spec
    if pods.restartPolicy != "Always":
        errors.append(field.not_supported(_TEMPLATE.child("spec", "restartPolicy"), pods.restartPolicy, ("Always",)))
    if pods.activeDeadlineSeconds is not None:
        where = _TEMPLATE.child("spec", "activeDeadlineSeconds")
        errors.append(field.forbidden(where, "activeDeadlineSeconds in StatefulSet is not Supported"))
    return errors


def _stateful_strategy(path: Path, spec: StatefulSetSpec) -> Errors:
    strategy = spec.updateStrategy
    where = path.child("rollingUpdate")
    if strategy.type == "OnDelete":
        if strategy.rollingUpdate is None:
            return []
        return [field.invalid(where, strategy.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")]
    if strategy.type != "RollingUpdate":
        return [field.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    if strategy.rollingUpdate is None:
        return []
    errors = checks.not_negative(where, strategy.rollingUpdate, "partition")
    unavailable = strategy.rollingUpdate.maxUnavailable
    if unavailable is not None:
        errors += checks.int_or_percent(where.child("maxUnavailable"), unavailable)
        if not checks.count_or_percent(unavailable):
            errors.append(field.invalid(where.child("maxUnavailable"), unavailable, "cannot be 0"))
        errors += checks.not_more_than_100_percent(where.child("maxUnavailable"), unavailable)
    return errors


def _validate_stateful_update(new: StatefulSet, old: StatefulSet) -> Errors:
    errors = _validate_stateful(new)
    spec = copy.copy(new.spec)
    for name in _CHANGEABLE:
        setattr(spec, name, getattr(old.spec, name))
    if spec != old.spec:
        errors.append(field.forbidden(SPEC, _FIXED))
    return errors


def _validate_stateful_status(new: StatefulSet, old: StatefulSet) -> Errors:
    status = new.status
    errors = checks.not_negative(
        STATUS, status, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"
    )
    errors += checks.not_negative(STATUS, status, "observedGeneration", "collisionCount")
    errors += checks.at_most(STATUS, status, "replicas", "readyReplicas", "currentReplicas", "updatedReplicas")
    where = STATUS.child("collisionCount")
    return errors + checks.not_decremented(where, status.collisionCount, old.status.collisionCount)


STATEFUL_STRATEGY = Strategy(
    default=_default_stateful,
    prepare_create=_prepare_create_stateful,
    prepare_update=keep_status,
    validate=_validate_stateful,
    validate_update=_validate_stateful_update,
    prepare_status_update=keep_spec,
    validate_status_update=_validate_stateful_status,
    warnings=template_warnings,
)


# --- ControllerRevision -----------------------------------------------------------------------------------------


def _default_revision(obj: ControllerRevision) -> None:
    """Clients compare the bytes of `data` with what Go makes of the owner, so they are kept as Go would write them."""
    if obj.data is not None:
        obj.data = msgspec.Raw(codec.canonical(obj.data))


def _validate_revision(obj: ControllerRevision) -> Errors:
    errors = [field.required(Path("data"), "data is mandatory")] if obj.data is None else []
    return errors + checks.not_negative(checks.ROOT, obj, "revision")


def _validate_revision_update(new: ControllerRevision, old: ControllerRevision) -> Errors:
    errors = _validate_revision(new)
    if codec.canonical(new.data) != codec.canonical(old.data):
        errors += field.immutable(Path("data"), new.data, None)
    return errors


REVISION_STRATEGY = Strategy(
    default=_default_revision,
    validate=_validate_revision,
    validate_update=_validate_revision_update,
    generation=False,
)
