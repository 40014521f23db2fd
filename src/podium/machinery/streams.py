"""The port between API server and node agents: what a client reads from, or does inside, a running Pod."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class LogOptions:
    """API reference: the query parameters of pods/log."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    since_seconds: int | None = None
    since_time: datetime | None = None
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """API reference: what pods/exec and pods/attach connect. With `tty` everything the command writes is stdout."""

    container: str = ""
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


@dataclass(frozen=True, slots=True)
class TerminalSize:
    """In characters."""

    width: int
    height: int


OutputStream = Literal["stdout", "stderr"]


class ClientStreams(Protocol):
    """The client's end of an exec or attach. When the client goes away, whoever serves it is cancelled."""

    async def read(self) -> bytes:
        """What the client types, as it comes; empty at its end."""

    async def write(self, stream: OutputStream, data: bytes) -> None:
        """Show the client output; returns when there is room for more."""

    async def resized(self) -> TerminalSize:
        """The next size of the client's terminal."""


class Connection(Protocol):
    """A connection to a port of a Pod. Errors are OSError."""

    async def read(self) -> bytes:
        """What comes from the Pod; empty at its end."""

    async def write(self, data: bytes) -> None:
        """Send to the Pod; returns when there is room for more."""

    def end(self) -> None:
        """Nothing more will be written: the Pod sees the end, and may go on writing itself."""

    async def close(self) -> None:
        """Let go of it, whatever is under way."""


class NodeAccess(Protocol):
    """Reaches the agent of the node that a Pod is on. Errors are machinery.errors.StatusError."""

    def logs(self, node: str, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output, in pieces; with `follow` until the container ends or the caller stops."""

    async def exec(
        self,
        node: str,
        namespace: str,
        pod: str,
        command: Sequence[str],
        options: StreamOptions,
        client: ClientStreams,
    ) -> int:
        """Run a command in a container; its exit code. It is killed when the caller is cancelled."""

    async def attach(self, node: str, namespace: str, pod: str, options: StreamOptions, client: ClientStreams) -> None:
        """Show the client what a container writes from now on, until it ends."""

    async def connect(self, node: str, namespace: str, pod: str, port: int) -> Connection:
        """Connect to a port that something in the Pod listens on."""
