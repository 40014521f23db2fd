"""Entries as a second version of their kind shows them (podium.registry.conversion)."""

from __future__ import annotations

from podium.models import codec
from podium.registry.conversion import View
from podium.registry.types import Entry


def viewed(view: View | None, entry: Entry) -> Entry:
    """The entry, converted if the resource is a view."""
    if view is None:
        return entry
    obj = view.from_stored(entry.object)
    return Entry(entry.key, entry.revision, codec.encode(obj), type(obj), obj)
