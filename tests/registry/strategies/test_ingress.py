"""Ingresses: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import REMOVED, as_is_errors, changed, errors, thing

_BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
INGRESS = thing(
    "networking.k8s.io/v1",
    "Ingress",
    spec={"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": _BACKEND}]}}]},
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(INGRESS) == []


def test_rejected() -> None:
    assert errors(changed(INGRESS, "spec.rules.0.http.paths.0.pathType", REMOVED)) == [
        "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"
    ]
