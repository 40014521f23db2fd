"""VolumeAttributesClasses: one driver's parameters, which never change."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.registry.strategies import checks
from podium.registry.strategy import Strategy

STRATEGY = Strategy(
    validate=lambda obj: checks.needed(checks.ROOT, obj, "driverName"),
    validate_update=lambda new, old: (
        field.immutable(Path("driverName"), new.driverName, old.driverName)
        + field.immutable(Path("parameters"), new.parameters, old.parameters)
    ),
    generation=False,
)
