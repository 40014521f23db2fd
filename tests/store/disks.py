"""Disks that fail: a VFS that passes everything on to real files and can be told to misbehave.

`Disk.cut_after` cuts the power after that many operations. What was synced stays. Of what was not, a random choice of
sectors reaches the platter: `Disk.after_power_loss` writes that into another directory.
`Disk.capacity` is how many bytes can be written before the disk is full.
`Disk.gate` lets syncs wait.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it since Python 3.12

SECTOR = 512
_numbers = itertools.count()

Operation = tuple[int, bytes | None]
"""A write of bytes at an offset, or, without bytes, a truncation to that size."""


class Disk(apsw.VFS):
    def __init__(self) -> None:
        self.name = f"disk-{os.getpid()}-{next(_numbers)}"
        self.lock = Lock()
        self.synced: dict[str, bytearray] = {}
        self.unsynced: dict[str, list[Operation]] = {}
        self.operations = 0
        self.cut_after: int | None = None
        self.capacity: int | None = None
        self.gate = Event()
        self.gate.set()
        self.on_sync: Callable[[], None] = lambda: None
        super().__init__(self.name, base="")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        with self.lock:
            self.operate()
            self.synced.pop(filename, None)
            self.unsynced.pop(filename, None)
        super().xDelete(filename, syncdir)

    def close_gate(self) -> asyncio.Event:
        """Let syncs wait; the event is set when one does."""
        loop, syncing = asyncio.get_running_loop(), asyncio.Event()

        def on_sync() -> None:
            loop.call_soon_threadsafe(syncing.set)

        self.on_sync = on_sync
        self.gate.clear()
        return syncing

    def operate(self) -> None:
        self.operations += 1
        if self.cut_after is not None and self.operations > self.cut_after:
            raise apsw.IOError("no power")

    def after_power_loss(self, directory: Path, rng: random.Random) -> None:
        """The files as they are when the power comes back."""
        survival = rng.choice([0.0, 0.5, 0.9, 1.0])
        for filename, synced in self.synced.items():
            image = bytearray(synced)
            for offset, data in self.unsynced[filename]:
                if data is None:
                    if rng.random() < survival:
                        _truncate(image, offset)
                    continue
                for start in range(0, len(data), SECTOR):
                    if rng.random() < survival:
                        _write(image, offset + start, data[start : start + SECTOR])
            (directory / Path(filename).name).write_bytes(image)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.disk = disk
        assert name is not None, "the store makes no temporary files"
        self.filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        with disk.lock:
            if self.filename not in disk.synced:
                path = Path(self.filename)
                disk.synced[self.filename] = bytearray(path.read_bytes() if path.exists() else b"")
                disk.unsynced[self.filename] = []
        super().__init__("", name, flags)

    def xWrite(self, data: Buffer, offset: int) -> None:
        disk, written = self.disk, bytes(data)
        with disk.lock:
            disk.unsynced[self.filename].append((offset, written))
            disk.operate()
            if disk.capacity is not None:
                disk.capacity -= len(written)
                if disk.capacity < 0:
                    raise apsw.FullError("database or disk is full")  # as SQLite says it
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        with self.disk.lock:
            self.disk.unsynced[self.filename].append((size, None))
            self.disk.operate()
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        disk = self.disk
        disk.on_sync()
        disk.gate.wait()
        with disk.lock:
            disk.operate()
            image = disk.synced[self.filename]
            for offset, data in disk.unsynced[self.filename]:
                if data is None:
                    _truncate(image, offset)
                else:
                    _write(image, offset, data)
            disk.unsynced[self.filename].clear()


def _write(image: bytearray, offset: int, data: bytes) -> None:
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


def _truncate(image: bytearray, size: int) -> None:
    del image[size:]
