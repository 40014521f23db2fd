"""Which kind is shown with which columns. A kind that is missing here is shown by name and age."""

from __future__ import annotations

from podium.registry.columns.base import Columns

COLUMNS: dict[tuple[str, str], Columns] = {}
"""By (group, kind)."""
