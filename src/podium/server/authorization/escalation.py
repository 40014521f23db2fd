"""Nobody grants more than they hold: the check on writes to roles and bindings.

Whoever may `escalate` a role, or `bind` the role that a binding refers to, is exempt.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from podium.machinery.errors import Forbidden, NotFound
from podium.models.rbac_v1 import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from podium.registry.types import User
from podium.server.authorization.authorizer import MASTERS, RBAC_GROUP, Authorizer
from podium.server.authorization.rules import Attributes, compact, described, missing, quoted

_PLURALS = {
    "Role": "roles",
    "ClusterRole": "clusterroles",
    "RoleBinding": "rolebindings",
    "ClusterRoleBinding": "clusterrolebindings",
}
_EVERYTHING = (
    PolicyRule(apiGroups=("*",), resources=("*",), verbs=("*",)),
    PolicyRule(nonResourceURLs=("*",), verbs=("*",)),
)


def check_escalation(authorizer: Authorizer, user: User, new: Any, old: Any | None) -> None:
    """Forbidden if the write would give out permissions that the user doesn't have."""
    if MASTERS in user.groups or not isinstance(new, Role | ClusterRole | RoleBinding | ClusterRoleBinding):
        return
    plural = _PLURALS[type(new).__name__]
    metadata = new.metadata
    namespace = metadata.namespace if isinstance(new, Role | RoleBinding) else ""
    if old is not None and _only_for_garbage_collection(new, old):
        return
    if isinstance(new, Role | ClusterRole):
        if authorizer.allowed(user, Attributes("escalate", RBAC_GROUP, plural, "", namespace, metadata.name)):
            return
        granted = new.rules
    else:
        ref = new.roleRef
        if authorizer.allowed(
            user, Attributes("bind", RBAC_GROUP, _PLURALS.get(ref.kind, ""), "", namespace, ref.name)
        ):
            return
        found = authorizer.role_rules(ref, namespace)
        if found is None:
            raise NotFound(f"{_PLURALS.get(ref.kind, ref.kind)}.{RBAC_GROUP}", ref.name)
        granted = found
    _require_held(authorizer, user, namespace, granted, f"{plural}.{RBAC_GROUP}", metadata.name)
    if (_aggregates(new) or _aggregates(old)) and missing(authorizer.rules_for(user, ""), _EVERYTHING):
        why = "must have cluster-admin privileges to use the aggregationRule"
        raise Forbidden(f"{plural}.{RBAC_GROUP}", metadata.name, why)


def _only_for_garbage_collection(new: Any, old: Any) -> bool:
    """Whether nothing changes but finalizers and owners. Anything else counts, labels too: by these a role that says
    more than its author may have becomes part of another."""
    kept = ("ownerReferences", "finalizers", "managedFields", "resourceVersion", "generation", "selfLink")
    same: Any = replace(new.metadata, **{name: getattr(old.metadata, name) for name in kept})
    return bool(replace(new, metadata=same) == old)


def _aggregates(role: Any) -> bool:
    """Whether it is a role that gathers the rules of others, which may come to say anything."""
    return isinstance(role, ClusterRole) and bool(role.aggregationRule and role.aggregationRule.clusterRoleSelectors)


def _require_held(
    authorizer: Authorizer, user: User, namespace: str, granted: tuple[PolicyRule, ...], resource: str, name: str
) -> None:
    lacking = missing(authorizer.rules_for(user, namespace), granted)
    if lacking:
        listed = "\n".join(sorted({described(rule) for rule in compact(lacking)}))
        raise Forbidden(
            resource,
            name,
            f'user "{user.name}" (groups={quoted(user.groups)}) is attempting to grant RBAC permissions not currently '
            f"held:\n{listed}",
        )
