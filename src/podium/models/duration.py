"""Durations as Go writes them: "15s", "1m0.5s", "2h0m0s" (API reference: Duration)."""

from __future__ import annotations

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


def seconds(text: str) -> float:
    """ValueError for what is no duration."""
    total, end = 0.0, 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        total, end = total + float(match[1]) * _UNITS[match[2]], match.end()
    if end != len(text) or not text:
        raise ValueError(f"invalid duration {text!r}")
    return total


def spelled(amount: float) -> str:
    """To the millisecond, as metrics carry it: 75.5 is "1m15.5s"."""
    milli = round(amount * 1000)
    minutes, rest = divmod(milli, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
