"""Ends what commands that were run in a container have left behind, in sessions of their own and with other parents.

They are no descendants of the shim. What they have in common with the container is a variable of their environment.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

MARK = "PODIUM_CONTAINER"
"""Its value is the container's directory: no other container of the machine has it, whatever cluster that is of."""
ROUNDS = 10
"""New ones may come while the others end; something that makes them faster than that isn't waited for."""
END_MILLISECONDS = 1000
PROC = Path("/proc")


def kill(container: str) -> None:
    """Return when they have ended."""
    mark = f"{MARK}={container}".encode()
    for _ in range(ROUNDS):
        killed = [found for entry in os.listdir(PROC) if entry.isdigit() and (found := _kill(int(entry), mark)) >= 0]
        for process in killed:
            ending = select.poll()
            ending.register(process, select.POLLIN)
            ending.poll(END_MILLISECONDS)
            os.close(process)
        if not killed:
            return


def _kill(pid: int, mark: bytes) -> int:
    """A descriptor of the process if it was one of them; else -1."""
    with contextlib.suppress(OSError):  # it has ended, or is somebody else's
        process = os.pidfd_open(pid)
        try:
            if mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return process
        except OSError:
            os.close(process)
            raise
        os.close(process)
    return -1
