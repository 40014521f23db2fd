"""Which scopes a ResourceQuota may have: known ones, none against another, only with resources that they suit."""

from __future__ import annotations

from collections.abc import Iterable

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import ResourceQuotaSpec, ScopedResourceSelectorRequirement
from podium.registry.strategies import compute
from podium.registry.strategies.checks import Errors

_PODS = frozenset(("pods",))
_PODS_AND_COMPUTE = _PODS | {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
_CLAIMS = frozenset(("persistentvolumeclaims", "requests.storage"))
_SCOPES = {
    "BestEffort": _PODS,
    "CrossNamespacePodAffinity": _PODS_AND_COMPUTE,
    "NotBestEffort": _PODS_AND_COMPUTE,
    "NotTerminating": _PODS_AND_COMPUTE,
    "PriorityClass": _PODS_AND_COMPUTE,
    "Terminating": _PODS_AND_COMPUTE,
    "VolumeAttributesClass": _CLAIMS,
}
"""Each with the standard resources that it may be combined with."""
_OPPOSITES = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_ONLY_EXISTS = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_MUST_EXIST = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def validate(path: Path, spec: ResourceQuotaSpec) -> Errors:
    where = path.child("scopes")
    errors: Errors = []
    for scope in spec.scopes:
        if scope not in _SCOPES:
            errors.append(field.invalid(where, spec.scopes, "unsupported scope"))
        errors += _applies(where, scope, spec, spec.scopes)
    errors += _conflicts(where, spec.scopes, spec.scopes)
    if spec.scopeSelector is None:
        return errors
    where = path.child("scopeSelector", "matchExpressions")
    for requirement in spec.scopeSelector.matchExpressions:
        if requirement.scopeName not in _SCOPES:
            errors.append(field.invalid(where.child("scopeName"), requirement.scopeName, "unsupported scope"))
        errors += _applies(where, requirement.scopeName, spec, spec.scopeSelector)
        errors += _operator(where, requirement)
    chosen = [requirement.scopeName for requirement in spec.scopeSelector.matchExpressions]
    return errors + _conflicts(where, chosen, spec.scopes)


def _applies(where: Path, scope: str, spec: ResourceQuotaSpec, shown: object) -> Errors:
    allowed = _SCOPES.get(scope)
    if allowed is None:
        return []
    wrong = [name for name in sorted(spec.hard) if compute.is_quota_resource(name) and name not in allowed]
    return [field.invalid(where, shown, "unsupported scope applied to resource") for _ in wrong]


def _conflicts(where: Path, scopes: Iterable[str], shown: tuple[str, ...]) -> Errors:
    there = set(scopes)
    return [field.invalid(where, shown, "conflicting scopes") for pair in _OPPOSITES if set(pair) <= there]


def _operator(where: Path, requirement: ScopedResourceSelectorRequirement) -> Errors:
    errors: Errors = []
    operator, values = requirement.operator, requirement.values
    if requirement.scopeName in _ONLY_EXISTS and operator != "Exists":
        errors.append(field.invalid(where.child("operator"), operator, _MUST_EXIST))
    if operator in ("In", "NotIn"):
        if not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(field.required(where.child("values"), why))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(field.invalid(where.child("values"), values, why))
    else:
        errors.append(field.invalid(where.child("operator"), operator, "not a valid selector operator"))
    return errors
