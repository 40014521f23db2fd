"""Events of both API groups as tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models import core_v1, events_v1
from podium.registry.columns.base import Cells, Column, Columns, since, text, wide
from podium.registry.columns.times import parsed


def _event(obj: core_v1.Event, now: datetime) -> Cells:
    happened = parsed(obj.eventTime)
    first = obj.firstTimestamp or happened
    last = obj.lastTimestamp
    count = obj.count or 0
    if obj.series is not None:
        last, count = parsed(obj.series.lastObservedTime) or last, obj.series.count or 0
    source = obj.source or core_v1.EventSource()
    component = source.component or obj.reportingComponent
    host = source.host or (obj.reportingInstance if not source.component else "")
    about = obj.involvedObject
    return _event_cells(
        obj,
        (since(first if last is None else last, now), since(first, now)),
        _kind_and_name(about.kind, about.name),
        (about.fieldPath, ", ".join(filter(None, (component, host))), obj.message.strip()),
        count or 1,
    )


def _new_event(obj: events_v1.Event, now: datetime) -> Cells:
    happened = parsed(obj.eventTime)
    first = obj.deprecatedFirstTimestamp or happened
    last = obj.deprecatedLastTimestamp
    count = obj.deprecatedCount or 0
    if obj.series is not None:
        last, count = parsed(obj.series.lastObservedTime) or last, obj.series.count
    source = obj.deprecatedSource or core_v1.EventSource()
    component = source.component or obj.reportingController
    host = source.host or (obj.reportingInstance if not source.component else "")
    about = obj.regarding or core_v1.ObjectReference()
    return _event_cells(
        obj,
        (since(first if last is None else last, now), since(first, now)),
        _kind_and_name(about.kind, about.name),
        (about.fieldPath, ", ".join(filter(None, (component, host))), obj.note.strip()),
        count or 1,
    )


def _kind_and_name(kind: str, name: str) -> str:
    return f"{kind.lower()}/{name}" if name else kind.lower()


def _event_cells(obj: Any, seen: tuple[str, str], about: str, texts: tuple[str, str, str], count: int) -> Cells:
    """`seen` is (last, first); `texts` are field path, source and message."""
    path, source, message = texts
    return [seen[0], obj.type, obj.reason, about, path, source, message, seen[1], count, obj.metadata.name]


_EVENT = (
    text("Last Seen", "When it happened last"),
    text("Type", "Normal or Warning"),
    text("Reason", "What happened, in one word"),
    text("Object", "What it happened to"),
    wide("Subobject", "Which part of the object"),
    wide("Source", "Who reported it"),
    text("Message", "What happened"),
    wide("First Seen", "When it happened first"),
    Column("Count", "integer", description="How often it happened", priority=1),
    Column("Name", format="name", description="Name of the Event", priority=1),
)
EVENTS = Columns(_EVENT, _event)
NEW_EVENTS = Columns(_EVENT, _new_event)
