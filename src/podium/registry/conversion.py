"""Second versions of a stored kind, as views: what is written is converted to the stored version, what is read from it.

autoscaling/v1 HorizontalPodAutoscalers are stored as autoscaling/v2, events.k8s.io/v1 Events as core/v1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class View:
    collection: str
    """The group resource of the stored kind."""
    stored: tuple[str, str, str]
    """(group, version, plural) of the stored kind's row."""
    to_stored: Callable[[Any], Any]
    from_stored: Callable[[Any], Any]


VIEWS: dict[tuple[str, str, str], View] = {}
"""By (group, version, kind)."""
