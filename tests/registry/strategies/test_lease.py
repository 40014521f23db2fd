"""Leases: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing

LEASE = thing("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "me", "leaseDurationSeconds": 15})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(LEASE) == []


def test_rejected() -> None:
    assert errors(changed(LEASE, "spec.leaseDurationSeconds", 0)) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
    ]
