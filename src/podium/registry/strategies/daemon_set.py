"""DaemonSets and StatefulSets: their update strategies, and what of a StatefulSet may change at all."""

from __future__ import annotations

import copy
from collections.abc import Callable

import msgspec

from podium.machinery import field, names
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
from podium.models.core_v1 import PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume
from podium.registry.strategies import checks, persistent_volume_claim, pod_defaults, pod_template
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategies.replica_set import keep_status, template_warnings
from podium.registry.strategy import Strategy, keep_only_spec

_HISTORY = 10
_TEMPLATE = SPEC.child("template")
_DAEMON_TYPES = ("RollingUpdate", "OnDelete")
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
    matcher = selectors.EVERYTHING if selector is None else selector
    errors += pod_template.for_replicas(_TEMPLATE, spec.template, matcher, "DaemonSet")
    errors += checks.not_negative(SPEC, spec, "minReadySeconds")
    errors += _strategy(SPEC.child("updateStrategy"), spec.updateStrategy)
    return errors + checks.not_negative(SPEC, spec, "revisionHistoryLimit")


def _strategy(path: Path, strategy: DaemonSetUpdateStrategy) -> Errors:
    if strategy.type == "OnDelete":
        return []
    if strategy.type != "RollingUpdate":
        return [field.not_supported(path, strategy, _DAEMON_TYPES)]
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
_KEEPS_ALL = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
_TemplateRules = Callable[[Path, PodTemplateSpec], Errors]


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
    return _stateful_spec(obj.spec, _claim_templates(obj.spec), pod_template.validate)


def _stateful_spec(spec: StatefulSetSpec, claims: Errors, validate_template: _TemplateRules) -> Errors:
    """`claims`: what is wrong with its claim templates, and perhaps its Service's name."""
    errors: Errors = []
    if spec.podManagementPolicy not in ("OrderedReady", "Parallel"):
        where = SPEC.child("podManagementPolicy")
        errors.append(field.invalid(where, spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _stateful_strategy(SPEC.child("updateStrategy"), spec)
    retention = spec.persistentVolumeClaimRetentionPolicy
    for name in ("whenDeleted", "whenScaled"):
        where = SPEC.child("persistentVolumeClaimRetentionPolicy", name)
        errors += checks.enum(where, getattr(retention, name, "Retain"), ("Retain", "Delete"))
    errors += claims
    errors += checks.not_negative(SPEC, spec, "replicas", "minReadySeconds")
    if spec.ordinals is not None:
        errors += checks.not_negative(SPEC.child("ordinals"), spec.ordinals, "start")
    errors += pod_template.selector(SPEC.child("selector"), spec.selector, "statefulset")
    selector = checks.compiled(spec.selector)
    if selector is None:
        errors.append(field.invalid(SPEC.child("selector"), spec.selector, ""))
    else:
        errors += pod_template.mismatch(_TEMPLATE, spec.template, selector)
        errors += validate_template(_TEMPLATE, _with_claims(spec))
    return errors + pod_template.keeps_running(_TEMPLATE, spec.template.spec, "StatefulSet")


def _claim_templates(spec: StatefulSetSpec) -> Errors:
    """What is wrong with what Pods and claims are to be made of; only new objects have to be right."""
    errors: Errors = []
    for position, claim in enumerate(spec.volumeClaimTemplates):
        where = SPEC.child("volumeClaimTemplates").index(position)
        errors += persistent_volume_claim.claim_spec(where.child("spec"), claim.spec)
    return errors + checks.dns_label(SPEC.child("serviceName"), spec.serviceName)


def _with_claims(spec: StatefulSetSpec) -> PodTemplateSpec:
    """The template as its Pods will be: each claim is a volume, in the place of one of the same name."""
    claims = dict.fromkeys(claim.metadata.name for claim in spec.volumeClaimTemplates)
    if not claims:
        return spec.template
    claimed = [
        Volume(name=name, persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName=name)) for name in claims
    ]
    template = copy.copy(spec.template)
    template.spec = copy.copy(spec.template.spec)
    template.spec.volumes = (*claimed, *(volume for volume in template.spec.volumes if volume.name not in claims))
    return template


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
    """One from before these rules can still be scaled, and deleted if it has finalizers."""
    was_fine = not _stateful_spec(old.spec, [], pod_template.validate)
    errors = _stateful_spec(new.spec, [], pod_template.validate if was_fine else pod_template.validate_metadata)
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
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors += checks.at_most(STATUS, status, "replicas", *counts)
    errors += checks.at_most(STATUS, status, "readyReplicas", "availableReplicas")
    where = STATUS.child("collisionCount")
    return errors + checks.not_decremented(where, status.collisionCount, old.status.collisionCount)


def _stateful_warnings(new: StatefulSet, old: StatefulSet | None) -> list[str]:
    limit = new.spec.revisionHistoryLimit
    kept = [_KEEPS_ALL] if limit is not None and limit < 0 else []
    return [*template_warnings(new, old), *kept]


STATEFUL_STRATEGY = Strategy(
    default=_default_stateful,
    prepare_create=_prepare_create_stateful,
    prepare_update=keep_status,
    validate=_validate_stateful,
    validate_update=_validate_stateful_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_stateful_status,
    warnings=_stateful_warnings,
    name_errors=names.dns_label,
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
