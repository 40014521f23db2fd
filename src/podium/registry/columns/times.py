"""Times that the wire has with microseconds, which the models keep as they are written."""

from __future__ import annotations

from datetime import datetime


def parsed(text: str) -> datetime | None:
    """The moment that an RFC 3339 text says; None for no text, or one that says none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
