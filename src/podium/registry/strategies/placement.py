"""Where a Pod may run: affinity, tolerations and topology spread, as its author wrote them."""

from __future__ import annotations

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import meta_v1
from podium.models.core_v1 import (
    Affinity,
    NodeAffinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    Taint,
    Toleration,
    TopologySpreadConstraint,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHT = "must be in the range 1-100"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_POLICIES = ("Honor", "Ignore")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")


def affinity(path: Path, one: Affinity) -> Errors:
    errors: Errors = []
    if one.nodeAffinity is not None:
        errors += _node_affinity(path.child("nodeAffinity"), one.nodeAffinity)
    if one.podAffinity is not None:
        errors += _pod_affinity(path.child("podAffinity"), one.podAffinity)
    if one.podAntiAffinity is not None:
        errors += _pod_affinity(path.child("podAntiAffinity"), one.podAntiAffinity)
    return errors


def _node_affinity(path: Path, one: NodeAffinity) -> Errors:
    errors: Errors = []
    if one.requiredDuringSchedulingIgnoredDuringExecution is not None:
        errors += checks.node_selector(path.child(_REQUIRED), one.requiredDuringSchedulingIgnoredDuringExecution)
    for position, term in enumerate(one.preferredDuringSchedulingIgnoredDuringExecution):
        where = path.child(_PREFERRED).index(position)
        if not 0 < term.weight <= 100:
            errors.append(field.invalid(where.child("weight"), term.weight, _WEIGHT))
        errors += checks.node_selector_term(where.child("preference"), term.preference, check_values=False)
    return errors


def _pod_affinity(path: Path, one: PodAffinity | PodAntiAffinity) -> Errors:
    errors: Errors = []
    for position, term in enumerate(one.requiredDuringSchedulingIgnoredDuringExecution):
        errors += _pod_term(path.child(_REQUIRED).index(position), term)
    for position, weighted in enumerate(one.preferredDuringSchedulingIgnoredDuringExecution):
        where = path.child(_PREFERRED).index(position)
        if not 0 < weighted.weight <= 100:
            errors.append(field.invalid(where.child("weight"), weighted.weight, _WEIGHT))
        errors += _pod_term(where.child("podAffinityTerm"), weighted.podAffinityTerm)
    return errors


def _pod_term(path: Path, term: PodAffinityTerm) -> Errors:
    errors = checks.label_selector(path.child("labelSelector"), term.labelSelector)
    errors += checks.label_selector(path.child("namespaceSelector"), term.namespaceSelector)
    for name in term.namespaces:
        errors += field.each(path.child("namespace"), name, names.dns_label(name))
    errors += _label_keys(path, "matchLabelKeys", term.matchLabelKeys, term.labelSelector)
    errors += _label_keys(path, "mismatchLabelKeys", term.mismatchLabelKeys, term.labelSelector)
    for position, key in enumerate(term.matchLabelKeys):
        if key in term.mismatchLabelKeys:
            where = path.child("matchLabelKeys").index(position)
            errors.append(field.invalid(where, key, "exists in both matchLabelKeys and mismatchLabelKeys"))
    if not term.topologyKey:
        errors.append(field.required(path.child("topologyKey"), "can not be empty"))
    return errors + checks.label_name(path.child("topologyKey"), term.topologyKey)


def _label_keys(path: Path, name: str, keys: tuple[str, ...], selector: meta_v1.LabelSelector | None) -> Errors:
    if not keys:
        return []
    where = path.child(name)
    if selector is None:
        return [field.forbidden(where, "must not be specified when labelSelector is not set")]
    errors: Errors = []
    for position, key in enumerate(keys):
        errors += checks.label_name(where.index(position), key)
        if name == "matchLabelKeys" and key in selector.matchLabels:
            errors.append(field.invalid(where.index(position), key, "exists in both matchLabelKeys and labelSelector"))
    return errors


def taint_effect(path: Path, effect: str) -> Errors:
    return checks.enum(path, effect, EFFECTS)


def tolerations(path: Path, given: tuple[Toleration, ...]) -> Errors:
    errors: Errors = []
    for position, one in enumerate(given):
        if one.operator == "Exists" and not one.value and _plain(one):
            continue
        errors += _toleration(path.index(position), one)
    return errors


def _plain(one: Toleration) -> bool:
    """Most tolerations: those that admission adds to every Pod."""
    return one.key.startswith("node.kubernetes.io/") and one.effect == "NoExecute" and not names.label_key(one.key)


def _toleration(path: Path, one: Toleration) -> Errors:
    errors: Errors = []
    if one.key:
        errors += checks.label_name(path.child("key"), one.key)
    elif one.operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        errors.append(field.invalid(path.child("operator"), one.operator, why))
    if one.tolerationSeconds is not None and one.effect != "NoExecute":
        why = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        errors.append(field.invalid(path.child("effect"), one.effect, why))
    if one.operator in ("Equal", ""):
        wrong = names.label_value(one.value)
        if wrong:
            errors.append(field.invalid(path.child("operator"), one.value, ";".join(wrong)))
    elif one.operator == "Exists":
        if one.value:
            why = "value must be empty when `operator` is 'Exists'"
            errors.append(field.invalid(path.child("operator"), one.value, why))
    else:
        errors.append(field.not_supported(path.child("operator"), one.operator, ("Equal", "Exists")))
    if one.effect:
        errors += taint_effect(path.child("effect"), one.effect)
    return errors


def taints(path: Path, given: tuple[Taint, ...]) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for position, one in enumerate(given):
        where = path.index(position)
        errors += checks.label_name(where.child("key"), one.key)
        wrong = names.label_value(one.value)
        if wrong:
            errors.append(field.invalid(where.child("value"), one.value, ";".join(wrong)))
        errors += taint_effect(where.child("effect"), one.effect)
        if (one.key, one.effect) in seen:
            twice = field.duplicate(where, one)
            message = f"{twice.message}: taints must be unique by key and effect pair"
            errors.append(type(twice)(twice.kind, twice.field, message))
        seen.add((one.key, one.effect))
    return errors


def spread_constraints(path: Path, given: tuple[TopologySpreadConstraint, ...]) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for position, one in enumerate(given):
        where = path.index(position)
        if one.maxSkew <= 0:
            errors.append(field.invalid(where.child("maxSkew"), one.maxSkew, "must be greater than zero"))
        if not one.topologyKey:
            errors.append(field.required(where.child("topologyKey"), "can not be empty"))
        else:
            errors += checks.label_name(where.child("topologyKey"), one.topologyKey)
        if one.whenUnsatisfiable not in _UNSATISFIABLE:
            place = where.child("whenUnsatisfiable")
            errors.append(field.not_supported(place, one.whenUnsatisfiable, _UNSATISFIABLE))
        if (one.topologyKey, one.whenUnsatisfiable) in seen:
            pair = f"{{{one.topologyKey}, {one.whenUnsatisfiable}}}"
            errors.append(field.duplicate(where.child("{topologyKey, whenUnsatisfiable}"), pair))
        seen.add((one.topologyKey, one.whenUnsatisfiable))
        errors += _domains(where.child("minDomains"), one)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            errors += checks.enum(where.child(name), getattr(one, name), _POLICIES, needed=False)
        errors += _label_keys(where, "matchLabelKeys", one.matchLabelKeys, one.labelSelector)
        errors += checks.label_selector(where.child("labelSelector"), one.labelSelector)
    return errors


def _domains(path: Path, one: TopologySpreadConstraint) -> Errors:
    if one.minDomains is None:
        return []
    errors = [] if one.minDomains > 0 else [field.invalid(path, one.minDomains, "must be greater than zero")]
    if one.whenUnsatisfiable != "DoNotSchedule":
        why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {one.whenUnsatisfiable}"
        errors.append(field.invalid(path, one.minDomains, why))
    return errors
