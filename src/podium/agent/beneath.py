"""Opens paths below a directory that somebody else may change meanwhile: no link leads out, however it is swapped.

Each part is opened from the directory before it and no link is followed by the kernel; links are read and walked here.
Part of the shim as well as of the agent, so it needs only the standard library.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

MOST_LINKS = 40


def open_beneath(root: int, path: str, *, make: int | None = None) -> int:
    """A descriptor (O_PATH) of the path below the directory `root`; OSError if there is none or it leads out.
    `make`: the mode of directories to make where nothing is."""
    parts = [part for part in path.split("/") if part not in ("", ".")][::-1]
    opened = [os.dup(root)]
    links = 0
    try:
        while parts:
            part = parts.pop()
            if part == "..":
                if len(opened) == 1:
                    raise OSError(errno.EXDEV, "leads out of its directory", path)
                os.close(opened.pop())
                continue
            found = _open(opened[-1], part, make)
            target = _link(found)
            if target is None:
                opened.append(found)
                continue
            os.close(found)
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                raise OSError(errno.EXDEV, "leads out of its directory", path)
            parts += [one for one in target.split("/") if one not in ("", ".")][::-1]
        return opened.pop()
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _open(parent: int, name: str, make: int | None) -> int:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        if make is None:
            raise
    with suppress(FileExistsError):  # somebody was quicker: whatever it is, it is looked at now
        os.mkdir(name, 0o700, dir_fd=parent)
        made = os.open(name, flags | os.O_DIRECTORY, dir_fd=parent)
        os.chmod(f"/proc/self/fd/{made}", make)
        return made
    return os.open(name, flags, dir_fd=parent)


def _link(descriptor: int) -> str | None:
    """Where the link leads that is open; None if it isn't one."""
    if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
        return None
    return os.readlink("", dir_fd=descriptor)
