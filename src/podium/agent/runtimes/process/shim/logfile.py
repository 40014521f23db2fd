"""Writes a log in CRI's format, and starts a new file when one has become large."""

from __future__ import annotations

import os
import time
from pathlib import Path

LONGEST = 16 * 1024


class LogFile:
    def __init__(self, path: Path, size: int, files: int) -> None:
        """At most so many files of about that size: the one written to, and `.1`, `.2` ... that came before."""
        self._path = path
        self._size = size
        self._files = files
        self._rest: dict[str, bytes] = {}
        self._open()

    def write(self, stream: str, data: bytes) -> None:
        """Add output. What isn't a whole line waits for its end, unless it is very long."""
        *lines, rest = (self._rest.get(stream, b"") + data).split(b"\n")
        records = []
        for line in lines:
            parts, end = _cut(line)
            records += [self._record(stream, b"P", part) for part in parts]
            records.append(self._record(stream, b"F", end))
        parts, self._rest[stream] = _cut(rest)
        records += [self._record(stream, b"P", part) for part in parts]
        self._append(b"".join(records))

    def end(self, stream: str) -> None:
        """The stream is closed: a line without an end is one all the same."""
        if rest := self._rest.pop(stream, b""):
            self._append(self._record(stream, b"F", rest))

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._written = os.fstat(self._descriptor).st_size

    def _record(self, stream: str, tag: bytes, text: bytes) -> bytes:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z {stream} "
        return stamp.encode() + tag + b" " + text + b"\n"

    def _append(self, records: bytes) -> None:
        while records:
            try:
                written = os.write(self._descriptor, records)
            except OSError:
                return  # a full disk costs lines of the log, not the container
            self._written += written
            records = records[written:]
        if self._written >= self._size:
            self._rotate()

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self._files - 2, -1, -1):
            source = self._path if number == 0 else self._path.with_name(f"{self._path.name}.{number}")
            if source.exists():
                source.rename(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._open()


def _cut(line: bytes) -> tuple[list[bytes], bytes]:
    """The parts of a line that are too much for one record, and what is left of it."""
    parts = []
    while len(line) > LONGEST:
        parts.append(line[:LONGEST])
        line = line[LONGEST:]
    return parts, line
