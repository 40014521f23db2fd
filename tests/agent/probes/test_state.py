"""What a series of probe results means."""

from __future__ import annotations

import pytest

from podium.agent.probes.state import ProbeKind, initial, is_decided, observed
from podium.models.core_v1 import Probe

PROBE = Probe(failureThreshold=3, successThreshold=2)


def verdicts(kind: ProbeKind, results: str, probe: Probe = PROBE) -> str:
    """The verdict after each result; both written as + and -."""
    state, found = initial(kind), ""
    for result in results:
        state = observed(state, result == "+", probe)
        found += "+" if state.passed else "-"
    return found


@pytest.mark.parametrize(
    ("kind", "results", "expected"),
    [
        ("readiness", "+", "-"),
        ("readiness", "++", "-+"),
        ("readiness", "+-++", "---+"),
        ("readiness", "++--+---", "-+++++" + "+-"),
        ("liveness", "--", "++"),
        ("liveness", "---", "++-"),
        ("liveness", "--+--", "+++++"),
    ],
)
def test_thresholds(kind: ProbeKind, results: str, expected: str) -> None:
    assert verdicts(kind, results) == expected


def test_thresholds_have_defaults() -> None:
    assert verdicts("readiness", "+---", Probe()) == "+++-"


@pytest.mark.parametrize(
    ("kind", "results", "decided"),
    [
        ("startup", "++", True),
        ("startup", "---", True),
        ("startup", "--", False),
        ("liveness", "---", True),
        ("readiness", "---", False),
    ],
)
def test_when_to_stop_probing(kind: ProbeKind, results: str, decided: bool) -> None:
    state = initial(kind)
    for result in results:
        state = observed(state, result == "+", PROBE)
    assert is_decided(kind, state, PROBE) is decided
