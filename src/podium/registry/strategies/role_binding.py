"""RoleBindings and ClusterRoleBindings: who gets a role, which never changes."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.rbac_v1 import Subject
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy

_GROUP = "rbac.authorization.k8s.io"


def _default(binding: Any) -> None:
    binding.roleRef.apiGroup = binding.roleRef.apiGroup or _GROUP
    for subject in binding.subjects:
        if subject.kind in ("User", "Group"):
            subject.apiGroup = subject.apiGroup or _GROUP


def _binding(binding: Any, kinds: tuple[str, ...], *, namespaced: bool) -> Errors:
    ref, where = binding.roleRef, Path("roleRef")
    errors: Errors = []
    if ref.apiGroup != _GROUP:
        errors.append(field.not_supported(where.child("apiGroup"), ref.apiGroup, (_GROUP,)))
    if ref.kind not in kinds:
        errors.append(field.not_supported(where.child("kind"), ref.kind, kinds))
    if not ref.name:
        errors.append(field.required(where.child("name")))
    else:
        errors += field.each(where.child("name"), ref.name, names.path_segment(ref.name))
    for position, subject in enumerate(binding.subjects):
        errors += _subject(Path("subjects").index(position), subject, namespaced=namespaced)
    return errors


def _subject(path: Path, subject: Subject, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not subject.name:
        errors.append(field.required(path.child("name")))
    if subject.kind == "ServiceAccount":
        errors += checks.dns_subdomain(path.child("name"), subject.name)
        if subject.apiGroup:
            errors.append(field.not_supported(path.child("apiGroup"), subject.apiGroup, ("",)))
        if not namespaced and not subject.namespace:
            errors.append(field.required(path.child("namespace")))
    elif subject.kind in ("User", "Group"):
        if subject.apiGroup != _GROUP:
            errors.append(field.not_supported(path.child("apiGroup"), subject.apiGroup, (_GROUP,)))
    else:
        kinds = ("ServiceAccount", "User", "Group")
        errors.append(field.not_supported(path.child("kind"), subject.kind, kinds))
    return errors


def _strategy(kinds: tuple[str, ...], *, namespaced: bool) -> Strategy:
    def validate(binding: Any) -> Errors:
        return _binding(binding, kinds, namespaced=namespaced)

    def validate_update(new: Any, old: Any) -> Errors:
        errors = validate(new)
        if new.roleRef != old.roleRef:
            errors.append(field.invalid(Path("roleRef"), new.roleRef, "cannot change roleRef"))
        return errors

    return Strategy(
        default=_default,
        validate=validate,
        validate_update=validate_update,
        name_errors=names.path_segment,
        generation=False,
        create_on_update=True,
    )


STRATEGY = _strategy(("Role", "ClusterRole"), namespaced=True)
CLUSTER_STRATEGY = _strategy(("ClusterRole",), namespaced=False)
