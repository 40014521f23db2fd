"""ReplicationControllers: as ReplicaSets, with what they leave out taken from the template."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import selectors
from podium.models.core_v1 import ReplicationController, ReplicationControllerStatus
from podium.registry.strategies import checks, pod_defaults, pod_template, replica_counts
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_TEMPLATE = SPEC.child("template")


def _default(obj: ReplicationController) -> None:
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


def _prepare_create(obj: ReplicationController) -> None:
    obj.status = ReplicationControllerStatus()


def _validate(obj: ReplicationController) -> Errors:
    spec = obj.spec
    errors = checks.not_negative(SPEC, spec, "minReadySeconds")
    errors += checks.object_name(SPEC.child("selector"), "set" if spec.selector else "")
    errors += checks.not_negative(SPEC, spec, "replicas")
    if spec.template is None:
        return [*errors, field.required(Path(_TEMPLATE))]
    selector = selectors.of_labels(spec.selector)
    return errors + pod_template.for_replicas(_TEMPLATE, spec.template, selector, "ReplicationController")


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    validate_status_update=replica_counts.validate_status,
    warnings=pod_template.warnings,
)
