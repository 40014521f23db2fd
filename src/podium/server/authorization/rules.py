"""What a PolicyRule allows: pure functions over RBAC's rules (API reference, rbac.authorization.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from podium.models.rbac_v1 import PolicyRule


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is to be done, apart from who does it. With a `path` it is about no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    version: str = ""

    @property
    def combined_resource(self) -> str:
        """As rules name it: "pods", "pods/log"."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def verb_matches(rule: PolicyRule, verb: str) -> bool:
    return "*" in rule.verbs or verb in rule.verbs


def covers_names(rule: PolicyRule, attributes: Attributes) -> bool:
    """Verb, group and resource match; which names is up to the caller."""
    return (
        verb_matches(rule, attributes.verb)
        and ("*" in rule.apiGroups or attributes.group in rule.apiGroups)
        and _resource_matches(rule, attributes)
    )


def _resource_matches(rule: PolicyRule, attributes: Attributes) -> bool:
    resources = rule.resources
    if "*" in resources or attributes.combined_resource in resources:
        return True
    return bool(attributes.subresource) and f"*/{attributes.subresource}" in resources


def allows(rule: PolicyRule, attributes: Attributes) -> bool:
    if attributes.path:
        return verb_matches(rule, attributes.verb) and any(
            url_matches(pattern, attributes.path) for pattern in rule.nonResourceURLs
        )
    return covers_names(rule, attributes) and (not rule.resourceNames or attributes.name in rule.resourceNames)


def url_matches(pattern: str, path: str) -> bool:
    """ "*" stands for every path, "/healthz/*" for every path below."""
    if pattern in ("*", path):
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


def missing(held: Sequence[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The parts of `wanted`, broken down to single grants, that no rule of `held` covers."""
    return [single for rule in wanted for single in _broken_down(rule) if not any(_covers(own, single) for own in held)]


def _broken_down(rule: PolicyRule) -> list[PolicyRule]:
    """One rule a combination of group, resource, name and verb."""
    singles = [
        PolicyRule(
            apiGroups=(group,), resources=(resource,), resourceNames=(name,) if name is not None else (), verbs=(verb,)
        )
        for group, resource, name, verb in product(
            rule.apiGroups, rule.resources, rule.resourceNames or (None,), rule.verbs
        )
    ]
    singles += [
        PolicyRule(nonResourceURLs=(url,), verbs=(verb,)) for url in rule.nonResourceURLs for verb in rule.verbs
    ]
    return singles


def _covers(own: PolicyRule, single: PolicyRule) -> bool:
    if not verb_matches(own, single.verbs[0]):
        return False
    if single.nonResourceURLs:
        return any(url_matches(pattern, single.nonResourceURLs[0]) for pattern in own.nonResourceURLs)
    resource, _, subresource = single.resources[0].partition("/")
    attributes = Attributes(single.verbs[0], single.apiGroups[0], resource, subresource)
    if not covers_names(own, attributes):
        return False
    return not own.resourceNames or (bool(single.resourceNames) and single.resourceNames[0] in own.resourceNames)


def compact(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """Single grants that differ only in their verb become one rule."""
    verbs: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for rule in rules:
        key = (rule.apiGroups, rule.resources, rule.resourceNames, rule.nonResourceURLs)
        found = verbs.setdefault(key, [])
        found.extend(verb for verb in rule.verbs if verb not in found)
    return [
        PolicyRule(
            apiGroups=groups, resources=resources, resourceNames=names, nonResourceURLs=urls, verbs=tuple(merged)
        )
        for (groups, resources, names, urls), merged in verbs.items()
    ]


def described(rule: PolicyRule) -> str:
    """As Kubernetes prints a rule in messages: {APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}."""
    parts = (
        ("APIGroups", rule.apiGroups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.nonResourceURLs),
        ("ResourceNames", rule.resourceNames),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join(f"{name}:{quoted(values)}" for name, values in parts if values) + "}"


def quoted(values: Iterable[str]) -> str:
    """A list as Go's %q prints it: ["a" "b"]."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"
