"""ResourceClaims and ResourceSlices as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.registry.columns.base import AGE, NAME, UNSET, Cells, Columns, age, text


def _claim(obj: Any, now: datetime) -> Cells:
    states = []
    if obj.metadata.deletionTimestamp is not None:
        states.append("deleted")
    if obj.status.allocation is None:
        states += [] if states else ["pending"]
    else:
        states.append("allocated")
        states += ["reserved"] if obj.status.reservedFor else []
    return [obj.metadata.name, ",".join(states), age(obj, now)]


CLAIMS = Columns((NAME, text("State", "What became of it"), AGE), _claim)
SLICES = Columns(
    (NAME, text("Node", "Where the devices are"), text("Driver", "Whose devices"), text("Pool", "Which pool"), AGE),
    lambda obj, now: [
        obj.metadata.name,
        obj.spec.nodeName or UNSET,
        obj.spec.driver,
        obj.spec.pool.name,
        age(obj, now),
    ],
)
