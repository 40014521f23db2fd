"""hostPath volumes: a path of the machine, checked or made as its type says (API reference: HostPathVolumeSource)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

_TESTS: dict[str, tuple[str, Callable[[int], bool]]] = {
    "Directory": ("a directory", stat.S_ISDIR),
    "DirectoryOrCreate": ("a directory", stat.S_ISDIR),
    "File": ("a file", stat.S_ISREG),
    "FileOrCreate": ("a file", stat.S_ISREG),
    "Socket": ("a socket file", stat.S_ISSOCK),
    "CharDevice": ("a character device", stat.S_ISCHR),
    "BlockDevice": ("a block device", stat.S_ISBLK),
}


class HostPathError(Exception):
    """The path is not what the volume says that it is."""


def host_path(path: str, kind: str) -> Path:
    """The path, made if the type says so; HostPathError. With no type whatever is there will do."""
    found = Path("/", path)  # a relative one is one of the root's, wherever the agent was started
    if kind == "FileOrCreate" and not found.exists():
        if not found.parent.is_dir():
            raise HostPathError(f"open {path}: no such file or directory")
        found.touch(mode=0o644)
    elif (kind == "DirectoryOrCreate" or not kind) and not found.exists():
        found.mkdir(mode=0o755, parents=True)  # container runtimes make a missing bind source, too
    if kind not in _TESTS:
        return found
    what, test = _TESTS[kind]
    if not found.exists() or not test(os.stat(found).st_mode):
        raise HostPathError(f"hostPath type check failed: {path} is not {what}")
    return found
