"""The last message of a container that has ended: what it left in its file, or else the end of its log (API reference:
Container.terminationMessagePolicy)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from podium.agent import logs

MESSAGE_BYTES, FALLBACK_BYTES, FALLBACK_LINES = 4096, 2048, 80
POD_BYTES = 12 * 1024
"""What the containers of a Pod may say together; each has the same share."""


def read(path: Path, log: Path, exit_code: int, policy: str, *, containers: int = 1) -> str:
    """`path` is the file that the container could write to, and do with as it liked; `containers` how many there are in
    its Pod."""
    try:
        text = _beginning(path).decode(errors="replace")
    except OSError as error:
        return f"Error on reading termination log {path}: {error.strerror}"
    if not text and exit_code and policy == "FallbackToLogsOnError":
        text = logs.last_bytes(log, FALLBACK_BYTES, FALLBACK_LINES)
    return text[: POD_BYTES // containers]


def _beginning(path: Path) -> bytes:
    """Of a file and of nothing else: whoever opens a pipe waits for its other end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.read(descriptor, MESSAGE_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
