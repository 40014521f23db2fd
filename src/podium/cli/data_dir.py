"""A cluster's data directory, seen from the command line: whose it is now, and what its server says of itself.

The running server holds a lock on `server.lock` for as long as it lives, whatever way it ends; inside the file it says
who it is. So "is it running" is a question to the operating system and never a stale file.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from podium.cli.failure import Failure

_LOCK = "server.lock"
_SETTINGS = "settings.json"


def home() -> Path:
    """Where clusters live unless a command says otherwise: $PODIUM_HOME, else ~/.podium."""
    return Path(os.environ.get("PODIUM_HOME") or Path.home() / ".podium")


@dataclass(frozen=True, slots=True)
class Running:
    """What a running server says of itself."""

    pid: int
    port: int
    runtime: str
    nodes: int


@dataclass(frozen=True, slots=True)
class Settings:
    """What a cluster was last started with, and is again unless a command says otherwise."""

    runtime: str = "auto"
    nodes: int = 1


def settings(data_dir: Path) -> Settings:
    """Of the last start; the defaults before the first one."""
    try:
        return Settings(**json.loads((data_dir / _SETTINGS).read_text()))
    except (OSError, ValueError, TypeError):
        return Settings()


def keep_settings(data_dir: Path, new: Settings) -> None:
    if new != settings(data_dir):
        beside = data_dir / f"{_SETTINGS}.new"
        beside.write_text(json.dumps(asdict(new)))
        beside.replace(data_dir / _SETTINGS)


class InUse(Failure):
    def __init__(self, data_dir: Path, running: Running | None) -> None:
        who = f" (process {running.pid}, port {running.port})" if running and running.port else ""
        super().__init__(
            f"error: {data_dir} is in use by a running cluster{who}: stop it with `podium down --data-dir {data_dir}`,"
            " or choose another --data-dir"
        )


class Lock:
    """Held by the server of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Take the lock; InUse if another process has it."""
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise InUse(data_dir, _read(data_dir)) from None

    def describe(self, running: Running) -> None:
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(asdict(running)).encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._file, 0)
        os.close(self._file)


def running(data_dir: Path) -> Running | None:
    """The server that runs on this directory, if one does."""
    try:
        file = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(data_dir) or Running(0, 0, "", 0)
    finally:
        os.close(file)
    return None


def _read(data_dir: Path) -> Running | None:
    try:
        return Running(**json.loads((data_dir / _LOCK).read_text()))
    except (OSError, ValueError, TypeError):  # it has only just started and not said yet
        return None


def stop(server: Running, timeout: float) -> bool:
    """Ask the server to stop; whether it had ended before the timeout (seconds)."""
    try:
        handle = os.pidfd_open(server.pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)
