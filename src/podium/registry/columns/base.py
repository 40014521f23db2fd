"""What a table's columns are: their definitions, and how an object becomes a row of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from podium.models import meta_v1, selectors
from podium.models.core_v1 import Container
from podium.registry.columns.duration import human_duration

Cells = list[Any]
NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Priority 0 is always shown, 1 only in wide output."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind, and the function (object, now) that gives a row's cells, one a column."""

    definitions: tuple[Column, ...]
    cells: Callable[[Any, datetime], Cells]
    conditions: Callable[[Any], tuple[Mapping[str, str], ...]] = lambda _object: ()
    """What a row is marked with, e.g. Completed for a Pod that has ended."""


NAME = Column("Name", format="name", description="Name of the object, unique among its kind in its namespace")
AGE = Column("Age", description="Time since the object was created")


def text(name: str, description: str = "") -> Column:
    return Column(name, description=description)


def number(name: str, description: str = "") -> Column:
    return Column(name, "integer", description=description)


def wide(name: str, description: str = "") -> Column:
    """Only shown with -o wide."""
    return Column(name, description=description, priority=1)


CONTAINERS = wide("Containers", "Names of the template's containers")
IMAGES = wide("Images", "Images of the template's containers")
SELECTOR = wide("Selector", "Labels that the Pods are found by")


def since(timestamp: datetime | None, now: datetime) -> str:
    """How long ago, e.g. "5m32s"."""
    if timestamp is None:
        return UNKNOWN
    return human_duration((now - timestamp).total_seconds())


def age(obj: Any, now: datetime) -> str:
    return since(obj.metadata.creationTimestamp, now)


def labels(values: Mapping[str, str]) -> str:
    return ",".join(f"{key}={values[key]}" for key in sorted(values)) or NONE


def selector(one: meta_v1.LabelSelector | None) -> str:
    try:
        return str(selectors.compile(one)) or NONE
    except ValueError:
        return "<error>"


def containers(given: Iterable[Container]) -> tuple[str, str]:
    """Names and images, as the wide columns show them."""
    listed = tuple(given)
    return ",".join(one.name for one in listed), ",".join(one.image for one in listed)


def condition(conditions: Iterable[Any], kind: str) -> Any:
    """The condition of a type, or None."""
    return next((one for one in conditions if one.type == kind), None)


def first_few(values: Iterable[str], count: int = 3) -> str:
    """A few values, and how many more there are."""
    listed = list(values)
    shown = ",".join(listed[:count])
    return f"{shown} + {len(listed) - count} more..." if len(listed) > count else shown


def boolean(value: bool | None, default: str = UNSET) -> str:
    """As Go prints it."""
    if value is None:
        return default
    return "True" if value else "False"


def truth(value: bool | None) -> str:
    return "true" if value else "false"


def flag(name: str, description: str) -> Column:
    return Column(name, "boolean", description=description)
