"""ReplicaSets: a selector, a template that it matches, a count."""

from __future__ import annotations

from podium.machinery import field
from podium.models.apps_v1 import ReplicaSet, ReplicaSetStatus
from podium.registry.strategies import checks, pod_defaults, pod_template, replica_counts
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_TEMPLATE = SPEC.child("template")


def _default(obj: ReplicaSet) -> None:
    if obj.spec.replicas is None:
        obj.spec.replicas = 1
    pod_defaults.default_template(obj.spec.template)


def _prepare_create(obj: ReplicaSet) -> None:
    obj.status = ReplicaSetStatus()


def _validate(obj: ReplicaSet) -> Errors:
    spec = obj.spec
    errors = checks.not_negative(SPEC, spec, "replicas", "minReadySeconds")
    errors += pod_template.selector(SPEC.child("selector"), spec.selector, "deployment")
    selector = checks.compiled(spec.selector)
    if selector is None:
        return [*errors, field.invalid(SPEC.child("selector"), spec.selector, "invalid label selector")]
    return errors + pod_template.for_replicas(_TEMPLATE, spec.template, selector, "ReplicaSet")


def _validate_update(new: ReplicaSet, old: ReplicaSet) -> Errors:
    return _validate(new) + field.immutable(SPEC.child("selector"), new.spec.selector, old.spec.selector)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=replica_counts.validate_status,
    warnings=pod_template.warnings,
)
