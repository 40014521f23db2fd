"""What a controller did that its cache doesn't show yet.

A controller that created three Pods and looks again before the informer has seen them would create three more. So it
notes what it expects, by the uid of the owner, and holds still until it was seen, or for five minutes at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from podium.clock import Clock

LONGEST_WAIT = 300.0


@dataclass(slots=True)
class _Expected:
    since: float
    creations: int = 0
    deletions: set[str] = field(default_factory=set)


class Expectations:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expected: dict[str, _Expected] = {}

    def satisfied(self, owner: str) -> bool:
        """Whether the cache shows all that was done for the owner, or has failed to for too long."""
        expected = self._expected.get(owner)
        if expected is None:
            return True
        if expected.creations > 0 or expected.deletions:
            return self._clock.monotonic() - expected.since > LONGEST_WAIT
        return True

    def seconds_left(self, owner: str) -> float | None:
        """How long the owner waits at most; None when it doesn't wait."""
        if self.satisfied(owner):
            return None
        return self._expected[owner].since + LONGEST_WAIT - self._clock.monotonic()

    def pending_creations(self, owner: str) -> int:
        """How many were created, or are about to be, that the cache doesn't show yet."""
        expected = self._expected.get(owner)
        return 0 if expected is None or self.satisfied(owner) else expected.creations

    def expect_creations(self, owner: str, count: int) -> None:
        self._expected[owner] = _Expected(self._clock.monotonic(), creations=count)

    def expect_deletions(self, owner: str, uids: Iterable[str]) -> None:
        self._expected[owner] = _Expected(self._clock.monotonic(), deletions=set(uids))

    def creation_observed(self, owner: str) -> None:
        """A creation was seen, or has failed and will not be."""
        expected = self._expected.get(owner)
        if expected is not None and expected.creations > 0:
            expected.creations -= 1

    def deletion_observed(self, owner: str, uid: str) -> None:
        """A deletion was seen to begin or to end, or has failed."""
        expected = self._expected.get(owner)
        if expected is not None:
            expected.deletions.discard(uid)

    def forget(self, owner: str) -> None:
        self._expected.pop(owner, None)
