"""StorageClasses: a good one, and what never changes."""

from __future__ import annotations

from .rules import as_is_errors, changed, thing, update_errors

STORAGE_CLASS = thing("storage.k8s.io/v1", "StorageClass", namespace="", provisioner="example.com/p")


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(STORAGE_CLASS) == []


def test_may_not_change() -> None:
    assert update_errors(STORAGE_CLASS, changed(STORAGE_CLASS, "provisioner", "b.com/q")) == [
        "provisioner: Forbidden: updates to provisioner are forbidden."
    ]
