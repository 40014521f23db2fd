"""CustomResourceDefinitions: a good one, and what makes it a bad one."""

from __future__ import annotations

from .rules import as_is_errors, changed, errors, thing

DEFINITION = thing(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "things.example.com",
    "",
    spec={
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
)


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(DEFINITION) == []


def test_rejected() -> None:
    assert errors(changed(DEFINITION, "metadata.name", "other")) == [
        'metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group'
    ]
