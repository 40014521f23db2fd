"""What a series of probe results means (API reference: Probe). Pure: the prober beside it does the probing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from podium.models.core_v1 import Container, Probe

ProbeKind = Literal["liveness", "readiness", "startup"]
KINDS: tuple[ProbeKind, ...] = ("startup", "liveness", "readiness")


@dataclass(frozen=True, slots=True)
class ProbeState:
    """`passed` is the verdict; `count` how often in a row the last result, `last`, has come."""

    passed: bool
    last: bool | None = None
    count: int = 0


def initial(kind: ProbeKind) -> ProbeState:
    """Before the first result a container is taken to be alive, but neither started nor ready."""
    return ProbeState(passed=kind == "liveness")


def observed(state: ProbeState, success: bool, probe: Probe) -> ProbeState:
    """The verdict changes when a result has come as often in a row as its threshold says."""
    count = state.count + 1 if state.last is success else 1
    threshold = (probe.successThreshold or 1) if success else (probe.failureThreshold or 3)
    return ProbeState(success if count >= threshold else state.passed, success, count)


def is_decided(kind: ProbeKind, state: ProbeState, probe: Probe) -> bool:
    """Whether probing this run of the container further makes no sense: it has started, or is going to be killed."""
    if kind == "startup" and state.passed:
        return True
    failed = state.last is False and state.count >= (probe.failureThreshold or 3)
    return kind != "readiness" and failed


def probe_of(container: Container, kind: ProbeKind) -> Probe | None:
    found: Probe | None = getattr(container, f"{kind}Probe")
    return found
