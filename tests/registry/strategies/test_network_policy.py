"""NetworkPolicies: a good one, and its defaults."""

from __future__ import annotations

from .rules import as_is_errors, defaulted, thing

POLICY = thing("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {}, "egress": [{"ports": [{"port": 1}]}]})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(POLICY) == []


def test_the_types_follow_the_rules() -> None:
    made = defaulted(POLICY)
    assert made.spec.policyTypes == ("Ingress", "Egress")
    assert made.spec.egress[0].ports[0].protocol == "TCP"
