"""What came of looking for a node: the node, or who refused which nodes, in Kubernetes' words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from podium.scheduler.rules.base import Refusal
from podium.scheduler.volumes import VolumePlan

NO_NODES = "no nodes available to schedule pods"


@dataclass(frozen=True, slots=True)
class Placement:
    node: str
    feasible: int = 1
    """How many nodes were found that would do."""
    volumes: VolumePlan | None = None
    """What has to happen to the Pod's claims first."""


@dataclass(frozen=True)
class FitError:
    """No node would do. `total` is 0 when there are no nodes at all. One may stand for many Pods that are alike."""

    total: int
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    """By node."""
    elsewhere: Refusal | None = None
    """What the nodes that are not in `refused` get: they were not looked at, the Pod can't go there anyway."""
    everywhere: Refusal | None = None
    """Set when the Pod could not go to any node, whatever the nodes are."""

    @cached_property
    def rules(self) -> frozenset[str]:
        """Which rules refused; what they take for a change is what the Pod waits for."""
        named = {refusal.rule for refusal in self.refused.values()}
        named |= {refusal.rule for refusal in (self.elsewhere, self.everywhere) if refusal}
        return frozenset(named)

    @cached_property
    def helpable(self) -> Sequence[str]:
        """The nodes where it would help if Pods went away."""
        return [name for name, refusal in self.refused.items() if not refusal.final]

    @cached_property
    def message(self) -> str:
        if not self.total:
            return NO_NODES
        if self.everywhere is not None:
            return f"0/{self.total} nodes are available: {self.everywhere.reasons[0]}."
        counts = Counter(self.refused.values())
        missing = self.total - len(self.refused)
        if self.elsewhere is not None and missing:
            counts[self.elsewhere] += missing
        return tally(self.total, counts)


def tally(total: int, refusals: Mapping[Refusal, int]) -> str:
    """ "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." """
    reasons: Counter[str] = Counter()
    for refusal, number in refusals.items():
        for reason in refusal.reasons:
            reasons[reason] += number
    listed = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"0/{total} nodes are available: {listed}."
