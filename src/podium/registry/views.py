"""Entries as a client sees them who asks for a second version of the kind, or for a part of the object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podium.models import codec
from podium.registry.types import Entry


def viewed(read: Callable[[Any], Any] | None, entry: Entry) -> Entry:
    """The entry, through the conversion that the version or part has; as it is without one."""
    if read is None:
        return entry
    obj = read(entry.object)
    return Entry(entry.key, entry.revision, codec.encode(obj), type(obj), obj)
