"""Roles and ClusterRoles: rules that say what they allow."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.rbac_v1 import ClusterRole, PolicyRule
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


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


def _strategy(validate: Any) -> Strategy:
    return Strategy(
        validate=validate,
        validate_update=lambda new, _old: validate(new),
        name_errors=names.path_segment,
        generation=False,
        create_on_update=True,
    )


STRATEGY = _strategy(lambda role: _rules(role.rules, namespaced=True))
CLUSTER_STRATEGY = _strategy(_cluster_role)
