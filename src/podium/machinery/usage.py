"""The port between API server and node agents for what runs on a node uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Usage:
    """Averages over a window that ended at a time."""

    cpu: float
    """In cores."""
    memory: int
    """In bytes."""
    at: datetime
    window: float
    """In seconds."""


@dataclass(frozen=True, slots=True)
class PodUsage:
    namespace: str
    name: str
    containers: dict[str, Usage]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    node: Usage
    pods: tuple[PodUsage, ...]
    """Those that have containers which run long enough to tell."""


class UsageAccess(Protocol):
    async def usage(self, node: str) -> NodeUsage | None:
        """What the node and its Pods use; None if the node can't be asked."""
