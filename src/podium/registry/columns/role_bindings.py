"""RoleBindings and ClusterRoleBindings as tables: who gets what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, text, wide


def _binding(obj: Any, now: datetime) -> Cells:
    users = ", ".join(one.name for one in obj.subjects if one.kind == "User")
    groups = ", ".join(one.name for one in obj.subjects if one.kind == "Group")
    accounts = ", ".join(f"{one.namespace}/{one.name}" for one in obj.subjects if one.kind == "ServiceAccount")
    return [obj.metadata.name, f"{obj.roleRef.kind}/{obj.roleRef.name}", age(obj, now), users, groups, accounts]


BINDINGS = Columns(
    (
        NAME,
        text("Role", "What it grants"),
        AGE,
        wide("Users", "Users that it is granted to"),
        wide("Groups", "Groups that it is granted to"),
        wide("ServiceAccounts", "ServiceAccounts that it is granted to"),
    ),
    _binding,
)
