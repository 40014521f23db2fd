"""PodDisruptionBudgets as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.policy_v1 import PodDisruptionBudget
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, number, text


def _budget(obj: PodDisruptionBudget, now: datetime) -> Cells:
    low, high = obj.spec.minAvailable, obj.spec.maxUnavailable
    return [
        obj.metadata.name,
        "N/A" if low is None else str(low),
        "N/A" if high is None else str(high),
        obj.status.disruptionsAllowed or 0,
        age(obj, now),
    ]


BUDGETS = Columns(
    (
        NAME,
        text("Min Available", "Pods that must stay available"),
        text("Max Unavailable", "Pods that may be unavailable"),
        number("Allowed Disruptions", "Pods that may be evicted now"),
        AGE,
    ),
    _budget,
)
