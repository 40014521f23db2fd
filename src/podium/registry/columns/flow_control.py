"""FlowSchemas and PriorityLevelConfigurations as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.registry.columns.base import AGE, NAME, NONE, Cells, Columns, age, condition, number, text


def _schema(obj: Any, now: datetime) -> Cells:
    method = obj.spec.distinguisherMethod
    dangling = condition(obj.status.conditions, "Dangling")
    return [
        obj.metadata.name,
        obj.spec.priorityLevelConfiguration.name,
        obj.spec.matchingPrecedence or 0,
        NONE if method is None else method.type,
        age(obj, now),
        "?" if dangling is None else dangling.status,
    ]


SCHEMAS = Columns(
    (
        NAME,
        text("PriorityLevel", "Which level its requests have"),
        number("MatchingPrecedence", "Which schema is asked first"),
        text("DistinguisherMethod", "How flows are told apart"),
        AGE,
        text("MissingPL", "Whether the level is missing"),
    ),
    _schema,
)


def _level(obj: Any, now: datetime) -> Cells:
    limited = obj.spec.limited
    queuing = None if limited is None or limited.limitResponse is None else limited.limitResponse.queuing
    shares: Any = NONE if limited is None else limited.nominalConcurrencyShares
    counts = [NONE] * 3 if queuing is None else [queuing.queues, queuing.handSize, queuing.queueLengthLimit]
    return [obj.metadata.name, obj.spec.type, shares, *counts, age(obj, now)]


LEVELS = Columns(
    (
        NAME,
        text("Type", "Limited or Exempt"),
        text("NominalConcurrencyShares", "Its part of the requests that run at once"),
        text("Queues", "How many queues it has"),
        text("HandSize", "How many queues a flow uses"),
        text("QueueLengthLimit", "How many requests wait in a queue"),
        AGE,
    ),
    _level,
)
