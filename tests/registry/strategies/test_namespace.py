"""Namespaces: a good one, and how it starts."""

from __future__ import annotations

from .rules import as_is_errors, created, thing

NAMESPACE = thing("v1", "Namespace", "team", "")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(NAMESPACE) == []


def test_it_starts_active_and_held() -> None:
    made = created(NAMESPACE)
    assert made.status.phase == "Active"
    assert made.spec.finalizers == ("kubernetes",)
    assert made.metadata.labels == {"kubernetes.io/metadata.name": "team"}
