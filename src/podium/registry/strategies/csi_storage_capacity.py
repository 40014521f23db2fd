"""CSIStorageCapacities: how much room there is of a storage class, for nodes that never change."""

from __future__ import annotations

from podium.machinery import field
from podium.machinery.field import Path
from podium.registry.strategies import checks
from podium.registry.strategy import Strategy

STRATEGY = Strategy(
    validate=lambda obj: checks.dns_subdomain(Path("storageClassName"), obj.storageClassName, needed=True),
    validate_update=lambda new, old: (
        field.immutable(Path("nodeTopology"), new.nodeTopology, old.nodeTopology)
        + field.immutable(Path("storageClassName"), new.storageClassName, old.storageClassName)
    ),
    generation=False,
    update_unconditional=False,
)
