"""PriorityClasses as tables."""

from __future__ import annotations

from podium.registry.columns.base import AGE, NAME, UNSET, Columns, age, flag, number, text, truth

PRIORITY_CLASSES = Columns(
    (
        NAME,
        number("Value", "The priority"),
        flag("Global-Default", "Whether Pods have it that name none"),
        AGE,
        text("PreemptionPolicy", "Whether it makes others give way"),
    ),
    lambda obj, now: [
        obj.metadata.name,
        obj.value or 0,
        truth(obj.globalDefault),
        age(obj, now),
        obj.preemptionPolicy or UNSET,
    ],
)
