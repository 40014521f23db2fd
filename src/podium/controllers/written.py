"""What a controller wrote, so that it doesn't decide by a cache that is older than its own writes.

A Deployment that has just scaled one ReplicaSet and doesn't see it yet would give the same room to another one. So it
notes each revision it wrote, and waits until the cache shows it, or for a minute at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podium.clock import Clock

LONGEST_WAIT = 60.0


class Written:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: dict[str, dict[str, tuple[int, float]]] = {}
        """By the owner's uid and the object's: its revision, and when that was written."""

    def note(self, owner: str, obj: Any) -> None:
        """The API answered the write with this object."""
        metadata = obj.metadata
        self._written.setdefault(owner, {})[metadata.uid] = (int(metadata.resourceVersion), self._clock.monotonic())

    def is_shown(self, owner: str, cached: Iterable[Any]) -> bool:
        """Whether the cached objects are at least as new as all that was written for the owner."""
        written = self._written.get(owner)
        if written is None:
            return True
        for obj in cached:
            revision, _ = written.get(obj.metadata.uid, (0, 0.0))
            if revision and int(obj.metadata.resourceVersion) >= revision:
                del written[obj.metadata.uid]
        limit = self._clock.monotonic() - LONGEST_WAIT
        for uid in [uid for uid, (_, since) in written.items() if since <= limit]:
            del written[uid]
        if not written:
            del self._written[owner]
        return owner not in self._written

    def gone(self, owner: str, uid: str) -> None:
        """The cache showed that the object was deleted."""
        self._written.get(owner, {}).pop(uid, None)

    def forget(self, owner: str) -> None:
        self._written.pop(owner, None)
