"""Directories whose files all change at once, laid out as the kubelet does:

    key -> ..data/key              what programs open
    ..data -> ..2026_01_01_12_00_00.1
    ..2026_01_01_12_00_00.1/key    the files themselves

An update writes a new directory and swaps the link `..data`: a reader sees all old files or all new ones, and a program
that watches for that link being replaced (as those made for Kubernetes do) notices.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

DATA, NEW_DATA = "..data", "..data_tmp"
DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = DEFAULT_MODE
    user: int | None = None


def write(directory: Path, contents: Mapping[str, File], now: datetime, group: int | None = None) -> bool:
    """Bring the directory in line with the files that it is to have; whether anything had to change. `group` is who
    may read them beside their owner (the Pod's fsGroup)."""
    link = directory / DATA
    old = os.readlink(link) if link.is_symlink() else ""
    if old and _same(directory / old, contents):
        return False
    name = _stamp(directory, now)
    _fill(directory / name, contents, group)
    visible = {path.partition("/")[0] for path in contents}
    for entry in sorted(visible):
        if not (directory / entry).is_symlink():
            (directory / entry).symlink_to(f"{DATA}/{entry}")
    with suppress(FileNotFoundError):  # only there if an earlier update broke off
        (directory / NEW_DATA).unlink()
    (directory / NEW_DATA).symlink_to(name)
    (directory / NEW_DATA).replace(link)
    for path in directory.iterdir():
        if path.is_symlink() and path.name != DATA and path.name not in visible:
            path.unlink()
    for path in directory.glob("..[0-9]*"):
        if path.name != name:
            shutil.rmtree(path)
    return True


def _stamp(directory: Path, now: datetime) -> str:
    """A name that no version of this directory has."""
    base = now.strftime("..%Y_%m_%d_%H_%M_%S")
    number = 1
    while (directory / f"{base}.{number}").exists():
        number += 1
    return f"{base}.{number}"


def _fill(directory: Path, contents: Mapping[str, File], group: int | None) -> None:
    directory.mkdir()
    directory.chmod(0o755)
    for name, file in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        mode = file.mode
        if os.geteuid() == 0 and (group is not None or file.user is not None):
            os.chown(path, -1 if file.user is None else file.user, -1 if group is None else group)
            mode |= 0o440 if group is not None else 0
        path.chmod(mode)


def _same(directory: Path, contents: Mapping[str, File]) -> bool:
    there = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return there.keys() == contents.keys() and all(
        path.read_bytes() == contents[name].content for name, path in there.items()
    )
