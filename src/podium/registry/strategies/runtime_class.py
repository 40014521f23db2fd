"""RuntimeClasses: a handler that never changes, what it costs, and where it is."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.node_v1 import RuntimeClass
from podium.registry.strategies import checks, compute, placement
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


def _validate(obj: RuntimeClass) -> Errors:
    errors = checks.dns_label(Path("handler"), obj.handler, needed=True)
    if obj.overhead is not None:
        for name, amount in obj.overhead.podFixed.items():
            errors += compute.amount(Path("overhead").child("podFixed").key(name), name, amount)
    if obj.scheduling is not None:
        where = Path("scheduling")
        errors += checks.labels(where.child("nodeSelector"), obj.scheduling.nodeSelector)
        errors += placement.tolerations(where.child("tolerations"), obj.scheduling.tolerations)
    return errors


STRATEGY = Strategy(
    validate=_validate,
    validate_update=lambda new, old: _validate(new) + field.immutable(Path("handler"), new.handler, old.handler),
    generation=False,
    update_unconditional=False,
)
