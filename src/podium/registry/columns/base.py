"""What a table's columns are: their definitions, and how an object becomes a row of cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Cells = list[Any]


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
