"""What rules share: the refusal, the events that may lift it, and how scores are brought to the same scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from podium.scheduler.nodes import NodeFacts
from podium.scheduler.pods import PodInfo, Template

MAX_SCORE = 100


@dataclass(frozen=True, eq=False, slots=True)
class Refusal:
    """A rule's answer for a node. Made once and reused, so that refusals are counted by identity."""

    rule: str
    reasons: tuple[str, ...]
    final: bool = False
    """Removing Pods from the node would not help (Kubernetes: UnschedulableAndUnresolvable)."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node came (`before` is None), went (`after` is None) or changed."""

    before: NodeFacts | None
    after: NodeFacts | None


@dataclass(frozen=True, slots=True)
class PodChange:
    """A Pod got a node or was found on one (`before` is None), left it (`after` is None), or changed there."""

    before: PodInfo | None
    after: PodInfo | None

    def concerns(self) -> tuple[PodInfo, ...]:
        return tuple(pod for pod in (self.before, self.after) if pod is not None)


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """A claim came or changed; without a claim: a volume or storage class did."""

    claim: tuple[str, str] | None = None


Event = NodeChange | PodChange | VolumeChange


@dataclass(frozen=True, slots=True)
class Hint:
    """When a Pod that a rule refused is worth another try."""

    rule: str
    events: tuple[type[Event], ...]
    helps: Callable[[Event, Template], bool]


def normalized(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scaled so that the highest is 100; reversed, so that the lowest is."""
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_SCORE if reverse else 0] * len(scores)
    if reverse:
        return [MAX_SCORE - score * MAX_SCORE // highest for score in scores]
    return [score * MAX_SCORE // highest for score in scores]
