"""ResourceSlices: the devices of one driver, on one node for good."""

from __future__ import annotations

from podium.machinery import field
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC
from podium.registry.strategy import Strategy

STRATEGY = Strategy(
    validate=lambda obj: checks.needed(SPEC, obj.spec, "driver"),
    validate_update=lambda new, old: (
        field.immutable(SPEC.child("driver"), new.spec.driver, old.spec.driver)
        + field.immutable(SPEC.child("nodeName"), new.spec.nodeName, old.spec.nodeName)
    ),
)
