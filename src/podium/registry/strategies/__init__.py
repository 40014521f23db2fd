"""Which kind has which rules: the table of strategies. A kind that is missing here has no rules of its own."""

from __future__ import annotations

from podium.registry.strategy import Strategy

STRATEGIES: dict[tuple[str, str], Strategy] = {}
"""By (group, kind)."""
