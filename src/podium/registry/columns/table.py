"""Objects as a meta.k8s.io/v1 Table, which is what kubectl asks for when it prints rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from podium.models import codec
from podium.registry.columns.base import DEFAULT, Columns
from podium.registry.types import Entry

IncludeObject = Literal["Metadata", "Object", "None"]
_encoder = msgspec.json.Encoder()


def table(
    columns: Columns | None,
    entries: Sequence[Entry],
    now: datetime,
    include_object: IncludeObject = "Metadata",
    metadata: dict[str, Any] | None = None,
    definitions: bool = True,
) -> bytes:
    """The Table's JSON. `metadata` is the list's; in a watch only the first table has `definitions`."""
    columns = columns or DEFAULT
    tree = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata or {},
        "columnDefinitions": column_definitions(columns) if definitions else [],
        "rows": [_row(columns, entry, now, include_object) for entry in entries],
    }
    return _encoder.encode(tree)


def column_definitions(columns: Columns) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "type": one.type,
            "format": one.format,
            "description": one.description,
            "priority": one.priority,
        }
        for one in columns.definitions
    ]


def _row(columns: Columns, entry: Entry, now: datetime, include_object: IncludeObject) -> dict[str, Any]:
    obj = entry.object
    row: dict[str, Any] = {"cells": columns.cells(obj, now)}
    conditions = columns.conditions(obj)
    if conditions:
        row["conditions"] = conditions
    if include_object == "Object":
        row["object"] = msgspec.Raw(entry.data)
    elif include_object == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": _metadata(obj, entry.revision),
        }
    return row


def _metadata(obj: Any, revision: int) -> Any:
    """As clients see it: with the revision, which the shared struct may not carry."""
    raw = msgspec.json.decode(codec.encode(obj.metadata))
    if revision:
        raw["resourceVersion"] = str(revision)
    return raw
