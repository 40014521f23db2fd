"""Tells when files of a directory come, change or go, or the directory itself goes, through inotify(7): nobody has to
look again and again."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x8, 0x40, 0x80, 0x100, 0x200
IN_DELETE_SELF, IN_MOVE_SELF = 0x400, 0x800
OF_FILES = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE
CHANGES = OF_FILES | IN_DELETE_SELF | IN_MOVE_SELF
BUFFER = 64 * 1024

_libc = ctypes.CDLL(None, use_errno=True)


def identity(directory: Path) -> tuple[int, int]:
    """The same as long as it is the same directory. OSError."""
    found = directory.stat()
    return found.st_dev, found.st_ino


def watch(directory: Path, changed: Callable[[], None]) -> Callable[[], None]:
    """Call `changed` after every change, in this event loop; returns what ends that. OSError."""
    loop = asyncio.get_running_loop()
    descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def told() -> None:
        os.read(descriptor, BUFFER)  # what exactly has changed is seen by looking
        changed()

    def end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    try:
        _checked(_libc.inotify_add_watch(descriptor, os.fsencode(directory), CHANGES))
    except OSError:
        os.close(descriptor)
        raise
    loop.add_reader(descriptor, told)
    return end


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"inotify: {os.strerror(number)}")
    return result
