"""Roles and bindings: rules that say what they allow, and bindings whose role never changes."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.rbac_v1 import ClusterRole, PolicyRule, Subject
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy

GROUP = "rbac.authorization.k8s.io"


def _rules(given: tuple[PolicyRule, ...], *, namespaced: bool) -> Errors:
    errors: Errors = []
    for position, rule in enumerate(given):
        errors += _rule(Path("rules").index(position), rule, namespaced=namespaced)
    return errors


def _rule(path: Path, rule: PolicyRule, *, namespaced: bool) -> Errors:
    errors: Errors = []
    if not rule.verbs:
        errors.append(field.required(path.child("verbs"), "verbs must contain at least one value"))
    if rule.nonResourceURLs:
        where = path.child("nonResourceURLs")
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            errors.append(field.invalid(where, rule.nonResourceURLs, why))
        if rule.apiGroups or rule.resources or rule.resourceNames:
            why = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(field.invalid(where, rule.nonResourceURLs, why))
        return errors
    if not rule.apiGroups:
        errors.append(field.required(path.child("apiGroups"), "resource rules must supply at least one api group"))
    if not rule.resources:
        errors.append(field.required(path.child("resources"), "resource rules must supply at least one resource"))
    return errors


def _cluster_role(role: ClusterRole) -> Errors:
    errors = _rules(role.rules, namespaced=False)
    if role.aggregationRule is not None:
        where = Path("aggregationRule").child("clusterRoleSelectors")
        if not role.aggregationRule.clusterRoleSelectors:
            why = "at least one clusterRoleSelector required if aggregationRule is non-nil"
            errors.append(field.required(where, why))
        for position, selector in enumerate(role.aggregationRule.clusterRoleSelectors):
            errors += checks.label_selector(where.index(position), selector)
    return errors


def _role_strategy(validate: Any) -> Strategy:
    return Strategy(
        validate=validate,
        validate_update=lambda new, _old: validate(new),
        name_errors=names.path_segment,
        generation=False,
        create_on_update=True,
    )


ROLE_STRATEGY = _role_strategy(lambda role: _rules(role.rules, namespaced=True))
CLUSTER_ROLE_STRATEGY = _role_strategy(_cluster_role)


def _default_binding(binding: Any) -> None:
    binding.roleRef.apiGroup = binding.roleRef.apiGroup or GROUP
    for subject in binding.subjects:
        if subject.kind in ("User", "Group"):
            subject.apiGroup = subject.apiGroup or GROUP


def _binding(binding: Any, kinds: tuple[str, ...], *, namespaced: bool) -> Errors:
    ref, where = binding.roleRef, Path("roleRef")
    errors: Errors = []
    if ref.apiGroup != GROUP:
        errors.append(field.not_supported(where.child("apiGroup"), ref.apiGroup, (GROUP,)))
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
        if subject.apiGroup != GROUP:
            errors.append(field.not_supported(path.child("apiGroup"), subject.apiGroup, (GROUP,)))
    else:
        kinds = ("ServiceAccount", "User", "Group")
        errors.append(field.not_supported(path.child("kind"), subject.kind, kinds))
    return errors


def _binding_strategy(kinds: tuple[str, ...], *, namespaced: bool) -> Strategy:
    def validate(binding: Any) -> Errors:
        return _binding(binding, kinds, namespaced=namespaced)

    def validate_update(new: Any, old: Any) -> Errors:
        errors = validate(new)
        if new.roleRef != old.roleRef:
            errors.append(field.invalid(Path("roleRef"), new.roleRef, "cannot change roleRef"))
        return errors

    return Strategy(
        default=_default_binding,
        validate=validate,
        validate_update=validate_update,
        name_errors=names.path_segment,
        generation=False,
        create_on_update=True,
    )


ROLE_BINDING_STRATEGY = _binding_strategy(("Role", "ClusterRole"), namespaced=True)
CLUSTER_ROLE_BINDING_STRATEGY = _binding_strategy(("ClusterRole",), namespaced=False)
