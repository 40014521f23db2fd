"""Roles: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing

ROLE = thing(
    "rbac.authorization.k8s.io/v1", "Role", rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(ROLE) == []


def test_rejected() -> None:
    assert errors(changed(ROLE, "rules.0.verbs", [])) == [
        "rules[0].verbs: Required value: verbs must contain at least one value"
    ]
