"""Nobody grants more than they hold: the check on writes to roles and bindings.

Whoever may `escalate` a role, or `bind` the role that a binding refers to, is exempt.
"""

from __future__ import annotations

from typing import Any

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


def check_escalation(authorizer: Authorizer, user: User, new: Any, old: Any | None) -> None:
    """Forbidden if the write would give out permissions that the user doesn't have."""
    if MASTERS in user.groups or not isinstance(new, Role | ClusterRole | RoleBinding | ClusterRoleBinding):
        return
    plural = _PLURALS[type(new).__name__]
    metadata = new.metadata
    namespace = metadata.namespace if isinstance(new, Role | RoleBinding) else ""
    if isinstance(new, Role | ClusterRole):
        if old is not None and old.rules == new.rules and _aggregation(old) == _aggregation(new):
            return
        if authorizer.allowed(user, Attributes("escalate", RBAC_GROUP, plural, "", namespace, metadata.name)):
            return
        granted = authorizer.aggregated(new) if isinstance(new, ClusterRole) else new.rules
    else:
        if old is not None and old.roleRef == new.roleRef and old.subjects == new.subjects:
            return
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


def _aggregation(role: Role | ClusterRole) -> Any:
    return role.aggregationRule if isinstance(role, ClusterRole) else None


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
