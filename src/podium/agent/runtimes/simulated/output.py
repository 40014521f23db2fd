"""What a client sees of the log of a simulated container: all of it was written when the container started."""

from __future__ import annotations

from datetime import datetime

from podium.agent.logs import since, stamp
from podium.machinery.streams import LogOptions


def shown(text: str, written: datetime, options: LogOptions, now: datetime) -> bytes:
    """The part of the text that the options ask for."""
    time = stamp(written)
    if time < since(options, now):
        return b""
    lines = text.encode().splitlines(keepends=True)
    if options.tail_lines is not None:
        lines = lines[max(len(lines) - options.tail_lines, 0) :]
    prefix = time + b" " if options.timestamps else b""
    found = b"".join(prefix + line for line in lines)
    return found if options.limit_bytes is None else found[: options.limit_bytes]
