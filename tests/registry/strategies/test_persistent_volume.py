"""PersistentVolumes: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import REMOVED, as_is_errors, changed, errors, thing

VOLUME = thing(
    "v1",
    "PersistentVolume",
    namespace="",
    spec={"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/data"}},
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(VOLUME) == []


def test_rejected() -> None:
    assert errors(changed(VOLUME, "spec.hostPath", REMOVED)) == ["spec: Required value: must specify a volume type"]
