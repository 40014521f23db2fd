"""ServiceAccounts: no rules of their own."""

from __future__ import annotations

from podium.registry.strategy import Strategy

STRATEGY = Strategy(generation=False, update_unconditional=False)
