"""ReplicaSets and ReplicationControllers: a selector, a template that it matches, a count."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import selectors
from podium.models.apps_v1 import ReplicaSet, ReplicaSetStatus
from podium.models.core_v1 import ReplicationController, ReplicationControllerStatus
from podium.registry.strategies import checks, pod_defaults, pod_template, pod_warnings
from podium.registry.strategies.checks import SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec

_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
_TEMPLATE = SPEC.child("template")


def _default(obj: ReplicaSet) -> None:
    if obj.spec.replicas is None:
        obj.spec.replicas = 1
    pod_defaults.default_template(obj.spec.template)


def _prepare_create(obj: ReplicaSet) -> None:
    obj.status = ReplicaSetStatus()


def keep_status(new: Any, old: Any) -> None:
    new.status = old.status


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


def _validate_status(new: ReplicaSet | ReplicationController, _old: Any) -> Errors:
    status = new.status
    errors = checks.not_negative(STATUS, status, *_COUNTS)
    errors += checks.at_most(STATUS, status, "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return errors + available_within_ready(status)


def available_within_ready(status: Any) -> Errors:
    if (status.availableReplicas or 0) > (status.readyReplicas or 0):
        where = STATUS.child("availableReplicas")
        return [field.invalid(where, status.availableReplicas, "cannot be greater than readyReplicas")]
    return []


def template_warnings(new: Any, old: Any) -> list[str]:
    """Of a kind with its template in spec.template."""
    return pod_warnings.of_template(_TEMPLATE, new.spec.template, None if old is None else old.spec.template)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    warnings=template_warnings,
)


# --- ReplicationController --------------------------------------------------------------------------------------


def _default_controller(obj: ReplicationController) -> None:
    spec = obj.spec
    if spec.replicas is None:
        spec.replicas = 1
    if spec.template is None:
        return
    labels = spec.template.metadata.labels
    if labels:
        spec.selector = spec.selector or dict(labels)
        obj.metadata.labels = obj.metadata.labels or dict(labels)
    pod_defaults.default_template(spec.template)


def _prepare_create_controller(obj: ReplicationController) -> None:
    obj.status = ReplicationControllerStatus()


def _validate_controller(obj: ReplicationController) -> Errors:
    spec = obj.spec
    errors = checks.not_negative(SPEC, spec, "minReadySeconds")
    errors += checks.object_name(SPEC.child("selector"), "set" if spec.selector else "")
    errors += checks.not_negative(SPEC, spec, "replicas")
    if spec.template is None:
        return [*errors, field.required(Path(_TEMPLATE))]
    selector = selectors.of_labels(spec.selector)
    return errors + pod_template.for_replicas(_TEMPLATE, spec.template, selector, "ReplicationController")


CONTROLLER_STRATEGY = Strategy(
    default=_default_controller,
    prepare_create=_prepare_create_controller,
    prepare_update=keep_status,
    validate=_validate_controller,
    validate_update=lambda new, _old: _validate_controller(new),
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    warnings=template_warnings,
)
