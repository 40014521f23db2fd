"""Namespaces: Active until deleted, held by the `kubernetes` finalizer until they are empty."""

from __future__ import annotations

from podium.machinery import field, names
from podium.models.core_v1 import Namespace, NamespaceStatus
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec

NAME_LABEL = "kubernetes.io/metadata.name"
FINALIZER = "kubernetes"


def _default(namespace: Namespace) -> None:
    if namespace.metadata.name:
        namespace.metadata.labels = {**namespace.metadata.labels, NAME_LABEL: namespace.metadata.name}
    if not namespace.status.phase:
        namespace.status.phase = "Active"


def _prepare_create(namespace: Namespace) -> None:
    _default(namespace)  # a generated name is known by now
    namespace.status = NamespaceStatus(phase="Active")
    if FINALIZER not in namespace.spec.finalizers:
        namespace.spec.finalizers = (*namespace.spec.finalizers, FINALIZER)


def _prepare_update(new: Namespace, old: Namespace) -> None:
    new.spec.finalizers = old.spec.finalizers
    new.status = old.status


def _validate(namespace: Namespace) -> Errors:
    label = namespace.metadata.labels.get(NAME_LABEL)
    if label != namespace.metadata.name:
        where = METADATA.child("labels").key(NAME_LABEL)
        return [field.invalid(where, label or "", f"must be {namespace.metadata.name}")]
    errors: Errors = []
    for position, finalizer in enumerate(namespace.spec.finalizers):
        where = SPEC.child("finalizers").index(position)
        errors += field.each(where, finalizer, names.label_key(finalizer))
    return errors


def _validate_status(new: Namespace, _old: Namespace) -> Errors:
    where = field.Path("status").child("Phase")
    if new.metadata.deletionTimestamp is None:
        if new.status.phase != "Active":
            return [field.invalid(where, new.status.phase, "may only be 'Active' if `deletionTimestamp` is empty")]
    elif new.status.phase != "Terminating":
        why = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        return [field.invalid(where, new.status.phase, why)]
    return []


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    name_errors=names.dns_label,
    generation=False,
)
