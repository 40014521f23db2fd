"""Reads container logs in CRI's format: lines "2026-01-01T00:00:00.000000000Z stdout F text", P for a part of a line.

A log is a file and its older parts: `0.log` is written to, `0.log.1` came before it, `0.log.2` before that.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from podium.clock import Clock
from podium.machinery.streams import LogOptions
from podium.models.numbers import LONGEST

POLL_SECONDS = 0.2
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    timestamp: bytes
    stream: bytes
    partial: bool
    text: bytes


def parse(raw: bytes) -> Line | None:
    """A line of a CRI log; None if it isn't one (the last one may be cut off)."""
    parts = raw.rstrip(b"\n").split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr"):
        return None
    return Line(parts[0], parts[1], parts[2][:1] == b"P", parts[3] if len(parts) == 4 else b"")


def since(options: LogOptions, now: datetime) -> bytes:
    """The first timestamp that is wanted, as logs write it; empty for all. Such texts compare as the times do."""
    start = options.since_time
    if options.since_seconds is not None:
        start = now - timedelta(seconds=min(options.since_seconds, LONGEST))
    return stamp(start) if start is not None else b""


def stamp(time: datetime) -> bytes:
    """As logs write it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z").encode()


class LogReader:
    """Reads one container's log once."""

    def __init__(
        self, path: Path, options: LogOptions, clock: Clock, ended: Callable[[], bool], stream: str = ""
    ) -> None:
        """`ended` says that nothing more will be written; `stream` is stdout or stderr to read only that."""
        self._stream = stream.encode()
        self._path = path
        self._options = options
        self._clock = clock
        self._ended = ended
        self._since = since(options, clock.now())
        self._left = options.limit_bytes
        self._within_line = False
        self._open: list[BinaryIO] = []

    async def read(self) -> AsyncGenerator[bytes, None]:
        """The output, without CRI's framing, in pieces."""
        files = self._open = self._files()
        try:
            tail = self._options.tail_lines
            if tail is not None:
                for piece in self._pieces(self._tail(files, tail)):
                    yield piece
            else:
                for file in files:
                    for piece in self._pieces(_lines(file)):
                        yield piece
                        await self._clock.sleep(0)
            if self._options.follow and files and self._left != 0:
                async with aclosing(self._follow(files[-1])) as following:
                    async for piece in following:
                        yield piece
        finally:
            for file in self._open:
                file.close()

    def _files(self) -> list[BinaryIO]:
        """The parts of the log, oldest first, opened so that a rotation meanwhile does no harm."""
        count = 0
        while self._path.with_name(f"{self._path.name}.{count + 1}").exists():
            count += 1
        names = [self._path.with_name(f"{self._path.name}.{number}") for number in range(count, 0, -1)]
        return [path.open("rb") for path in (*names, self._path) if path.exists()]

    def _tail(self, files: list[BinaryIO], count: int) -> list[bytes]:
        """The raw lines that make up the last `count` lines; every file is left at its end."""
        kept: list[bytes] = []
        lines = 0
        for file in reversed(files):
            raw = list(_lines(file))
            at = len(raw)
            while at and lines <= count:
                parsed = parse(raw[at - 1])
                lines += parsed is not None and not parsed.partial
                if lines > count:
                    break
                at -= 1
            kept[:0] = raw[at:]
            if lines > count:
                break
        return kept if count else []

    async def _follow(self, file: BinaryIO) -> AsyncGenerator[bytes, None]:
        """What is written from now on, until the container has ended and all of it is read."""
        while True:
            ended = self._ended()  # asked before reading: what is written until then is still read
            for piece in self._pieces(_lines(file)):
                yield piece
            if self._left == 0:
                return
            if self._rotated(file):
                for piece in self._pieces(_lines(file)):
                    yield piece
                following = self._path.open("rb")
                self._open.append(following)
                file.close()  # its space on the disk is given back when nobody has it open
                file = following
                continue
            if ended:
                return
            await self._clock.sleep(POLL_SECONDS)

    def _rotated(self, file: BinaryIO) -> bool:
        try:
            return os.fstat(file.fileno()).st_ino != self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def _pieces(self, raw: Iterator[bytes] | list[bytes]) -> Iterator[bytes]:
        """The text of lines, gathered into pieces, within the limits that the options set."""
        buffer = bytearray()
        for line in raw:
            parsed = parse(line)
            if parsed is None or (self._since and parsed.timestamp < self._since):
                continue
            if self._stream and parsed.stream != self._stream:
                continue
            if self._options.timestamps and not self._within_line:
                buffer += parsed.timestamp + b" "
            buffer += parsed.text
            if not parsed.partial:
                buffer += b"\n"
            self._within_line = parsed.partial
            if len(buffer) >= CHUNK:
                yield self._limited(buffer)
                buffer.clear()
                if self._left == 0:
                    return
        if buffer and self._left != 0:
            yield self._limited(buffer)

    def _limited(self, buffer: bytearray) -> bytes:
        if self._left is None:
            return bytes(buffer)
        piece = bytes(buffer[: self._left])
        self._left -= len(piece)
        return piece


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The complete lines from where the file is; a cut-off one is left for the next time."""
    while line := file.readline():
        if not line.endswith(b"\n"):
            file.seek(-len(line), os.SEEK_CUR)
            return
        yield line


def last_bytes(path: Path, limit: int, lines: int) -> str:
    """The end of what a container wrote: at most so many lines and bytes (for FallbackToLogsOnError)."""
    try:
        raw = path.read_bytes().splitlines()[-lines:]
    except FileNotFoundError:
        return ""
    text = b"".join(line.text + (b"" if line.partial else b"\n") for line in map(parse, raw) if line is not None)
    return text[-limit:].decode(errors="replace")
