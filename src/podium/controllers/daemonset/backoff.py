"""How long a Pod that failed on a node stays before it is replaced: a second, doubled with every failure.

A Pod that the node's agent rejects fails at once; without this, controller and agent would fight as fast as they can.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=15)


class Backoff:
    """The failures of one DaemonSet's Pods, by node."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[timedelta, datetime]] = {}

    def until(self, node: str, now: datetime) -> datetime | None:
        """When the next failed Pod of the node may be replaced; None: now."""
        delay, since = self._nodes.get(node, (FIRST, None))
        if since is None or since + delay <= now:
            return None
        return since + delay

    def failed(self, node: str, now: datetime) -> None:
        """A failed Pod is being replaced. After twice the longest time without failures all is forgotten."""
        delay, since = self._nodes.get(node, (FIRST, None))
        fresh = since is None or now - since > 2 * LONGEST
        self._nodes[node] = (FIRST if fresh else min(delay * 2, LONGEST), now)
