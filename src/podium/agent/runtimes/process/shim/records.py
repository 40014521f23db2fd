"""The files by which shim and agent know of each other, and how they are written so that nobody reads half of one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypedDict

CONFIG, CLAIM, STARTED, EXIT = "config.json", "shim.json", "started.json", "exit.json"
COMMANDS = "commands"


class MountConfig(TypedDict):
    source: str
    target: str
    read_only: bool
    sub_path: str


class Config(TypedDict):
    """What the shim is to run."""

    id: str
    image: str
    image_id: str
    argv: list[str]
    environment: dict[str, str]
    working_dir: str
    log: str
    log_bytes: int
    log_files: int
    stop_signal: int
    user: int | None
    group: int | None
    groups: list[int]
    stdin: bool
    stdin_once: bool
    """Its standard input ends with the first client that types."""
    tty: bool
    isolated: bool
    """Whether it gets a view of the file system and a host name of its own (needs root)."""
    root: str
    """An empty directory for that view."""
    namespace: str
    """The file of the network namespace; empty for the one of the machine."""
    hostname: str
    mounts: list[MountConfig]


def read(path: Path) -> Any:
    """The content of a file; None if there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def write(path: Path, content: Any) -> None:
    """Put the whole content in place at once. It may be secret: a container's environment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w") as file:
        file.write(json.dumps(content))
    temporary.rename(path)


def claim(directory: Path, content: Any) -> bool:
    """Make the claim file; False if somebody else has made it."""
    temporary = directory / f".{CLAIM}.{os.getpid()}"
    temporary.write_text(json.dumps(content))
    try:
        os.link(temporary, directory / CLAIM)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot: with the pid it identifies the process. 0: there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])
