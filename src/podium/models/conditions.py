"""Conditions of a status: finding one, and setting one so that lastTransitionTime tells when its status changed.

Generic over every condition struct (DeploymentCondition, PodCondition, meta/v1 Condition ...). Nothing is changed in
place: what comes back is a new tuple, or the very one given if nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec.structs import replace


class Condition(Protocol):
    lastTransitionTime: datetime | None
    status: str
    type: str


C = TypeVar("C", bound=Condition)


def get(conditions: Iterable[C], type_: str) -> C | None:
    return next((condition for condition in conditions if condition.type == type_), None)


def is_true(conditions: Iterable[Condition], type_: str) -> bool:
    return any(condition.type == type_ and condition.status == "True" for condition in conditions)


def put(conditions: tuple[C, ...], new: C, now: datetime) -> tuple[C, ...]:
    """With `new` in the place of the condition of its type, or at the end.

    Its lastTransitionTime is the old one's as long as the status is the same, else `now`.
    """
    old = get(conditions, new.type)
    kept = old is not None and old.status == new.status
    transition = old.lastTransitionTime if old is not None and kept else now
    new = replace(new, lastTransitionTime=transition)  # type: ignore[type-var]  # every condition is a struct
    if old is None:
        return (*conditions, new)
    if old == new:
        return conditions
    return tuple(new if condition is old else condition for condition in conditions)


def without(conditions: tuple[C, ...], type_: str) -> tuple[C, ...]:
    if get(conditions, type_) is None:
        return conditions
    return tuple(condition for condition in conditions if condition.type != type_)
