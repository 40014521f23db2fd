"""Roles and bindings of an older server, brought up to what this one begins with, at every start (Kubernetes
documentation, "Using RBAC Authorization", auto-reconciliation).

Rules, subjects, labels and annotations that are missing are added; what somebody has added stays. A role or binding
whose annotation rbac.authorization.kubernetes.io/autoupdate is "false" is left alone. All functions here are pure;
bootstrap.py acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeVar

from msgspec.structs import replace

from podium.models.rbac_v1 import AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
T = TypeVar("T", ClusterRole, Role, ClusterRoleBinding, RoleBinding)
_Grant = tuple[str, str, str, str]
"""(group, resource, name, verb), or ("/", path, "", verb) of what is no resource. A name of "" stands for all."""


def is_left_alone(there: T) -> bool:
    return there.metadata.annotations.get(AUTOUPDATE) == "false"


def is_of_another_role(there: T, wanted: T) -> bool:
    """A binding's role can't be changed: it has to be deleted and made again."""
    return getattr(there, "roleRef", None) != getattr(wanted, "roleRef", None)


def reconciled(there: T, wanted: T) -> T:
    """What is there with all that is wanted; equal to it if nothing is missing."""
    meta = there.metadata
    labels = {**wanted.metadata.labels, **meta.labels}
    annotations = {**wanted.metadata.annotations, **meta.annotations}
    return replace(there, metadata=replace(meta, labels=labels, annotations=annotations), **_content(there, wanted))


def _content(there: Any, wanted: Any) -> dict[str, Any]:
    if isinstance(wanted, ClusterRoleBinding | RoleBinding):
        return {"subjects": _union(there.subjects, wanted.subjects)}
    if isinstance(wanted, ClusterRole) and wanted.aggregationRule is not None:  # a controller gathers its rules
        return {"aggregationRule": _aggregation(there.aggregationRule, wanted.aggregationRule)}
    rules = {"rules": (*there.rules, *missing(there.rules, wanted.rules))}
    return {**rules, "aggregationRule": None} if isinstance(wanted, ClusterRole) else rules


def _aggregation(there: AggregationRule | None, wanted: AggregationRule) -> AggregationRule:
    if there is None:
        return wanted
    return AggregationRule(clusterRoleSelectors=_union(there.clusterRoleSelectors, wanted.clusterRoleSelectors))


def _union(there: tuple[Any, ...], wanted: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*there, *(one for one in wanted if one not in there))


def missing(held: Sequence[PolicyRule], wanted: Sequence[PolicyRule]) -> list[PolicyRule]:
    """What no rule of `held` grants, as rules of one group, resource and name each."""
    unknown = [rule for rule in wanted if rule not in held]
    if not unknown:
        return []
    granted = {grant for rule in held for grant in _grants(rule)}
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for rule in unknown:
        for group, resource, name, verb in _grants(rule):
            if not _is_granted(granted, (group, resource, name, verb)):
                verbs.setdefault((group, resource, name), []).append(verb)
    return [_rule(*key, tuple(found)) for key, found in verbs.items()]


def _grants(rule: PolicyRule) -> Iterator[_Grant]:
    yield from product(rule.apiGroups, rule.resources, rule.resourceNames or ("",), rule.verbs)
    yield from product(("/",), rule.nonResourceURLs, ("",), rule.verbs)


def _is_granted(granted: set[_Grant], wanted: _Grant) -> bool:
    group, resource, name, verb = wanted
    subresource = resource.partition("/")[2]
    groups = (group,) if group == "/" else (group, "*")
    resources = (resource, "*", f"*/{subresource}") if subresource else (resource, "*")
    return any(grant in granted for grant in product(groups, resources, (name, ""), (verb, "*")))


def _rule(group: str, resource: str, name: str, verbs: tuple[str, ...]) -> PolicyRule:
    if group == "/":
        return PolicyRule(nonResourceURLs=(resource,), verbs=verbs)
    return PolicyRule(apiGroups=(group,), resources=(resource,), resourceNames=(name,) if name else (), verbs=verbs)
