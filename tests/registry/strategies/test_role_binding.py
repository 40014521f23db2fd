"""RoleBindings: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing, update_errors

BINDING = thing(
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    roleRef={"kind": "Role", "name": "r"},
    subjects=[{"kind": "User", "name": "ann"}],
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(BINDING) == []


def test_rejected() -> None:
    assert errors(changed(BINDING, "roleRef.kind", "Group")) == [
        'roleRef.kind: Unsupported value: "Group": supported values: "Role", "ClusterRole"'
    ]


def test_may_not_change() -> None:
    assert update_errors(BINDING, changed(BINDING, "roleRef.name", "other")) == [
        'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"other"}: cannot '
        "change roleRef"
    ]
