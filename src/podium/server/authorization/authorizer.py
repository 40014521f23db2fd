"""Whether a user may do something: RBAC over the live roles and bindings.

Roles and bindings are indexed as they change; what was worked out about a user is kept until the next change, so that
a request usually costs one dictionary look-up. Aggregated ClusterRoles are resolved when they are asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from podium.machinery import errors
from podium.models import selectors
from podium.models.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject
from podium.registry.types import User
from podium.server.authorization.rules import Attributes, allows, covers_names

MASTERS = "system:masters"
RBAC_GROUP = "rbac.authorization.k8s.io"
_DECISIONS_KEPT = 20_000

RbacObject = Role | ClusterRole | RoleBinding | ClusterRoleBinding
Binding = RoleBinding | ClusterRoleBinding
_UserKey = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule that a user holds, and through which binding."""

    rule: PolicyRule
    binding: Binding
    subject: Subject

    @property
    def reason(self) -> str:
        binding, ref = self.binding, self.binding.roleRef
        name = binding.metadata.name
        if isinstance(binding, RoleBinding):
            name = f"{name}/{binding.metadata.namespace}"
        who = self.subject.name
        if self.subject.kind == "ServiceAccount":
            who = f"{who}/{self.subject.namespace or binding.metadata.namespace}"
        kind = type(binding).__name__
        return f'RBAC: allowed by {kind} "{name}" of {ref.kind} "{ref.name}" to {self.subject.kind} "{who}"'


class Authorizer:
    """Decides by RBAC. `observe` keeps it current."""

    def __init__(self) -> None:
        self._cluster_roles: dict[str, ClusterRole] = {}
        self._roles: dict[tuple[str, str], Role] = {}
        self._bindings: dict[tuple[str, str], dict[tuple[str, str, str], Binding]] = {}
        """(namespace or "", "User:name" or "Group:name") to bindings by kind, namespace and name."""
        self._decisions: dict[tuple[_UserKey, str, str, str, str, str], bool | frozenset[str]] = {}

    def observe(self, old: RbacObject | None, new: RbacObject | None) -> None:
        """An RBAC object was added (old None), changed or deleted (new None)."""
        self._decisions.clear()
        if old is not None:
            self._forget(old)
        if new is not None:
            self._learn(new)

    def _learn(self, obj: RbacObject) -> None:
        namespace, name = obj.metadata.namespace, obj.metadata.name
        if isinstance(obj, ClusterRole):
            self._cluster_roles[name] = obj
        elif isinstance(obj, Role):
            self._roles[namespace, name] = obj
        else:
            for subject in obj.subjects:
                key = _subject_key(subject, namespace)
                self._bindings.setdefault((namespace, key), {})[type(obj).__name__, namespace, name] = obj

    def _forget(self, obj: RbacObject) -> None:
        namespace, name = obj.metadata.namespace, obj.metadata.name
        if isinstance(obj, ClusterRole):
            self._cluster_roles.pop(name, None)
        elif isinstance(obj, Role):
            self._roles.pop((namespace, name), None)
        else:
            for subject in obj.subjects:
                place = (namespace, _subject_key(subject, namespace))
                bound = self._bindings.get(place, {})
                bound.pop((type(obj).__name__, namespace, name), None)
                if not bound:
                    self._bindings.pop(place, None)

    def allowed(self, user: User, attributes: Attributes) -> bool:
        """The fast answer. Decisions are kept by everything but the object's name, which few rules speak of."""
        if MASTERS in user.groups:
            return True
        if attributes.path:
            key = ((user.name, user.groups), attributes.verb, "", "", "", attributes.path)
        else:
            key = (
                (user.name, user.groups),
                attributes.verb,
                attributes.group,
                attributes.combined_resource,
                attributes.namespace,
                "",
            )
        names = self._decisions.get(key)
        if names is None:
            names = self._allowed_names(user, attributes)
            if len(self._decisions) >= _DECISIONS_KEPT:
                self._decisions.clear()
            self._decisions[key] = names
        return names if isinstance(names, bool) else attributes.name in names

    def _allowed_names(self, user: User, attributes: Attributes) -> bool | frozenset[str]:
        """True: every name, or none in particular."""
        if attributes.path:
            return any(allows(grant.rule, attributes) for grant in self.grants(user, ""))
        names: set[str] = set()
        for grant in self.grants(user, attributes.namespace):
            if covers_names(grant.rule, attributes):
                if not grant.rule.resourceNames:
                    return True
                names.update(grant.rule.resourceNames)
        return frozenset(names) if names else False

    def decide(self, user: User, attributes: Attributes) -> Decision:
        """The answer with its reason, worked out anew."""
        if MASTERS in user.groups:
            return Decision(True)
        for grant in self.grants(user, attributes.namespace):
            if allows(grant.rule, attributes):
                return Decision(True, grant.reason)
        return Decision(False, self._unresolved(user, attributes.namespace))

    def require(self, user: User, attributes: Attributes) -> None:
        """Forbidden, in Kubernetes' words, unless the user may."""
        if not self.allowed(user, attributes):
            raise forbidden(user, attributes, self._unresolved(user, attributes.namespace))

    def rules_for(self, user: User, namespace: str) -> list[PolicyRule]:
        return [grant.rule for grant in self.grants(user, namespace)]

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        for binding, subject in self._bindings_of(user, namespace):
            for rule in self.role_rules(binding.roleRef, binding.metadata.namespace) or ():
                yield Grant(rule, binding, subject)

    def role_rules(self, ref: RoleRef, namespace: str) -> tuple[PolicyRule, ...] | None:
        """The rules of the role that a binding in the namespace refers to; None if there is no such role."""
        if ref.kind == "Role":
            role = self._roles.get((namespace, ref.name))
            return role.rules if role else None
        cluster_role = self._cluster_roles.get(ref.name)
        return self.aggregated(cluster_role) if cluster_role else None

    def aggregated(self, role: ClusterRole, seen: frozenset[str] = frozenset()) -> tuple[PolicyRule, ...]:
        """A ClusterRole's rules; with an aggregationRule also those of all that it selects, itself aggregated."""
        if role.aggregationRule is None:
            return role.rules
        seen |= {role.metadata.name}
        rules = list(role.rules)
        for other in self._cluster_roles.values():
            if other.metadata.name not in seen and any(
                selectors.compile(selector).matches(other.metadata.labels)
                for selector in role.aggregationRule.clusterRoleSelectors
            ):
                rules += [rule for rule in self.aggregated(other, seen) if rule not in rules]
        return tuple(rules)

    def _bindings_of(self, user: User, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        seen: set[tuple[str, str, str]] = set()
        for scope in ("", namespace) if namespace else ("",):
            for key in _user_keys(user):
                for identity, binding in self._bindings.get((scope, key), {}).items():
                    if identity not in seen:
                        seen.add(identity)
                        yield binding, _named_subject(binding, key)

    def _unresolved(self, user: User, namespace: str) -> str:
        """Roles that bindings refer to and that don't exist: worth telling whoever was refused."""
        messages: list[str] = []
        for binding, _ in self._bindings_of(user, namespace):
            ref = binding.roleRef
            if self.role_rules(ref, binding.metadata.namespace) is None:
                messages.append(f'{ref.kind.lower()}.{RBAC_GROUP} "{ref.name}" not found')
        if not messages:
            return ""
        return f"RBAC: {messages[0]}" if len(messages) == 1 else f"RBAC: [{', '.join(messages)}]"


def _user_keys(user: User) -> Iterable[str]:
    yield f"User:{user.name}"
    for group in user.groups:
        yield f"Group:{group}"


def _subject_key(subject: Subject, namespace: str) -> str:
    """Service accounts are users with a reserved name."""
    if subject.kind == "ServiceAccount":
        return f"User:system:serviceaccount:{subject.namespace or namespace}:{subject.name}"
    return f"{subject.kind}:{subject.name}"


def _named_subject(binding: Binding, key: str) -> Subject:
    return next(each for each in binding.subjects if _subject_key(each, binding.metadata.namespace) == key)


def forbidden(user: User, attributes: Attributes, reason: str = "") -> errors.Forbidden:
    """The refusal, worded as Kubernetes words it."""
    suffix = f": {reason}" if reason else ""
    if attributes.path:
        return errors.Forbidden("", "", f'User "{user.name}" cannot {attributes.verb} path "{attributes.path}"{suffix}')
    where = f'in the namespace "{attributes.namespace}"' if attributes.namespace else "at the cluster scope"
    what = f'resource "{attributes.combined_resource}" in API group "{attributes.group}"'
    resource = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    return errors.Forbidden(
        resource, attributes.name, f'User "{user.name}" cannot {attributes.verb} {what} {where}{suffix}'
    )
