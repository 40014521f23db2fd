"""The port between API server and node agents: what a client reads from, or does inside, a running Pod."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LogOptions:
    """API reference: the query parameters of pods/log."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: datetime | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None


class NodeAccess(Protocol):
    """Reaches the agent of the node that a Pod is on. Errors are machinery.errors.StatusError."""

    def logs(self, node: str, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output, in pieces; with `follow` until the container ends or the caller stops."""
