"""Leases as tables."""

from __future__ import annotations

from podium.registry.columns.base import AGE, NAME, Columns, age, text

LEASES = Columns(
    (NAME, text("Holder", "Who has the lease"), AGE),
    lambda obj, now: [obj.metadata.name, obj.spec.holderIdentity or "", age(obj, now)],
)
