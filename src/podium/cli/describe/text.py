"""Pieces of text that all descriptions share: maps, times, references, events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Tree = dict[str, Any]
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST = 140
"""Of a line with an annotation."""


def pairs(title: str, entries: Mapping[str, Any] | None, separator: str = "=", skip: Sequence[str] = ()) -> list[str]:
    """Labels, annotations and the like: one line an entry, the title before the first."""
    shown = [f"{key}{separator}{value}" for key, value in sorted((entries or {}).items()) if key not in skip]
    if not shown:
        return [f"{title}:\t<none>"]
    return [f"{title}:\t{shown[0]}", *(f"\t{line}" for line in shown[1:])]


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A label selector as one line: app=web,tier in (a,b)."""
    if selector is None:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or ():
        values = ",".join(rule.get("values") or ())
        parts.append(
            {
                "In": f"{rule['key']} in ({values})",
                "NotIn": f"{rule['key']} notin ({values})",
                "Exists": rule["key"],
                "DoesNotExist": f"!{rule['key']}",
            }.get(rule["operator"], rule["key"])
        )
    return ",".join(parts) or "<all>"


def time_text(stamp: str | None) -> str:
    """RFC 1123 with a numeric zone, as kubectl shows times."""
    if not stamp:
        return "<unset>"
    return parse_time(stamp).strftime("%a, %d %b %Y %H:%M:%S +0000")


def parse_time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(UTC)


def duration(seconds: float) -> str:
    """How long, to two units: 5s, 3m12s, 4h10m, 3d4h, 200d."""
    left = max(int(seconds), 0)
    if left < 120:
        return f"{left}s"
    minutes, hours, days = left // 60, left // 3600, left // 86400
    if minutes < 10:
        return f"{minutes}m{left % 60}s" if left % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y"


def head(document: Tree) -> list[str]:
    metadata = document["metadata"]
    lines = [f"Name:\t{metadata['name']}"]
    if metadata.get("namespace"):
        lines.append(f"Namespace:\t{metadata['namespace']}")
    return lines


def labels_and_annotations(document: Tree) -> list[str]:
    metadata = document["metadata"]
    return [*pairs("Labels", metadata.get("labels")), *_annotations(metadata.get("annotations") or {})]


def _annotations(entries: Mapping[str, str]) -> list[str]:
    """What is long, or has several lines, begins on a line of its own and is cut off."""
    shown: list[str] = []
    for key, value in sorted(entries.items()):
        text = value.removesuffix("\n")
        if key == _LAST_APPLIED:
            continue
        if len(text) + len(key) + 2 <= _LONGEST and "\n" not in text:
            shown.append(f"{key}: {text}")
            continue
        shown.append(f"{key}:")
        limit = _LONGEST - 2
        shown += [f"  {line[:limit]}{'...' if len(line) > limit else ''}" for line in text.split("\n")]
    return [f"Annotations:\t{shown[0]}", *(f"\t{line}" for line in shown[1:])] if shown else ["Annotations:\t<none>"]


def joined(entries: Mapping[str, str] | None) -> str:
    """Labels on one line."""
    return ",".join(f"{key}={value}" for key, value in sorted((entries or {}).items())) or "<none>"


def controlled_by(document: Tree) -> list[str]:
    for owner in document["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return [f"Controlled By:\t{owner['kind']}/{owner['name']}"]
    return []


def conditions(document: Tree, columns: Sequence[tuple[str, str]], gap: str = " ") -> list[str]:
    """The conditions of a status: header and rows, columns given as (title, field). `gap` is behind each cell."""
    found = (document.get("status") or {}).get("conditions") or ()
    if not found:
        return []
    titles = "\t".join(title for title, _ in columns)
    rules = "\t".join("-" * len(title) for title, _ in columns)
    rows = [
        f"{gap}\t".join(
            time_text(entry.get(field)) if field.endswith("Time") else str(entry.get(field) or "")
            for _, field in columns
        )
        for entry in found
    ]
    return ["Conditions:", f"  {titles}", f"  {rules}", *(f"  {row}" for row in rows)]


def events_table(events: Sequence[Tree], now: Callable[[], datetime]) -> list[str]:
    """Events as describe shows them at its end, oldest first."""
    if not events:
        return ["Events:\t<none>"]
    lines = [
        "Events:",
        "  Type\tReason\tAge\tFrom\tMessage",
        "  ----\t------\t----\t----\t-------",
    ]
    moment = now()

    def last(event: Tree) -> str:
        series = event.get("series") or {}
        return str(
            series.get("lastObservedTime")
            or event.get("lastTimestamp")
            or event.get("eventTime")
            or event["metadata"].get("creationTimestamp")
        )

    for event in sorted(events, key=last):
        age = duration((moment - parse_time(last(event))).total_seconds())
        count = (event.get("series") or {}).get("count") or event.get("count") or 1
        if count > 1:
            first = event.get("firstTimestamp") or event.get("eventTime") or last(event)
            age = f"{age} (x{count} over {duration((moment - parse_time(first)).total_seconds())})"
        source = event.get("reportingComponent") or (event.get("source") or {}).get("component") or ""
        message = str(event.get("message") or "").strip()
        part = (event.get("involvedObject") or {}).get("fieldPath")
        message = f"{part}: {message}" if part else message
        lines.append(f"  {event.get('type')}\t{event.get('reason')}\t{age}\t{source}\t{message}")
    return lines
