"""StatefulSets: their ordinals, claims and update strategies, and what of one may change at all."""

from __future__ import annotations

import copy
from collections.abc import Callable

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.apps_v1 import (
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetStatus,
)
from podium.models.core_v1 import PersistentVolumeClaimVolumeSource, PodTemplateSpec, Volume
from podium.registry.strategies import checks, persistent_volume_claim, pod_defaults, pod_template
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_HISTORY = 10
_TEMPLATE = SPEC.child("template")
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


def _default(obj: StatefulSet) -> None:
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


def _prepare_create(obj: StatefulSet) -> None:
    obj.status = StatefulSetStatus()


def _validate(obj: StatefulSet) -> Errors:
    return _spec(obj.spec, _claim_templates(obj.spec), pod_template.validate)


def _spec(spec: StatefulSetSpec, claims: Errors, validate_template: _TemplateRules) -> Errors:
    """`claims`: what is wrong with its claim templates, and perhaps its Service's name."""
    errors: Errors = []
    if spec.podManagementPolicy not in ("OrderedReady", "Parallel"):
        where = SPEC.child("podManagementPolicy")
        errors.append(field.invalid(where, spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _strategy(SPEC.child("updateStrategy"), spec)
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


def _strategy(path: Path, spec: StatefulSetSpec) -> Errors:
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


def _validate_update(new: StatefulSet, old: StatefulSet) -> Errors:
    """One from before these rules can still be scaled, and deleted if it has finalizers."""
    was_fine = not _spec(old.spec, [], pod_template.validate)
    errors = _spec(new.spec, [], pod_template.validate if was_fine else pod_template.validate_metadata)
    spec = copy.copy(new.spec)
    for name in _CHANGEABLE:
        setattr(spec, name, getattr(old.spec, name))
    if spec != old.spec:
        errors.append(field.forbidden(SPEC, _FIXED))
    return errors


def _validate_status(new: StatefulSet, old: StatefulSet) -> Errors:
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


def _warnings(new: StatefulSet, old: StatefulSet | None) -> list[str]:
    limit = new.spec.revisionHistoryLimit
    kept = [_KEEPS_ALL] if limit is not None and limit < 0 else []
    return [*pod_template.warnings(new, old), *kept]


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    warnings=_warnings,
    name_errors=names.dns_label,
)
