"""CSINodes: the drivers of a node, each once."""

from __future__ import annotations

from podium.machinery import field
from podium.models.storage_v1 import CSINode
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy


def _validate(obj: CSINode) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, driver in enumerate(obj.spec.drivers):
        where = SPEC.child("drivers").index(position)
        errors += checks.needed(where, driver, "name", "nodeID")
        if driver.name in seen:
            errors.append(field.duplicate(where.child("name"), driver.name))
        seen.add(driver.name)
    return errors


STRATEGY = Strategy(
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    generation=False,
    update_unconditional=False,
)
