"""The runtime port: what the node agent asks of whatever runs containers. Shaped like CRI, because CRI is the real one.

A sandbox is a Pod's place (its network and its directory); containers run in it. Containers are identified by an id
that a runtime makes up; each restart is another container, with the next attempt number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from socket import socket
from typing import Literal, Protocol

from podium.clock import Clock
from podium.machinery.streams import ClientStreams, Connection, StreamOptions

ContainerPhase = Literal["created", "running", "exited"]
Line = tuple[str, tuple[str, ...]]
"""A line of /etc/hosts: an address and its names."""


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """One run of a container, as the runtime knows it."""

    id: str
    name: str
    attempt: int
    state: ContainerPhase
    image: str = ""
    image_id: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is there: what it runs unless told otherwise."""

    id: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""


class ImageError(Exception):
    """An image can't be had: `reason` is the waiting reason, the text is the message."""

    def __init__(self, message: str, reason: str = "ErrImagePull") -> None:
        super().__init__(message)
        self.reason = reason


class RuntimeFailure(Exception):
    """The runtime could not do it. `reason` is what the container's status says (CreateContainerError, ...)."""

    def __init__(self, message: str, reason: str = "RunContainerError") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    uid: str
    namespace: str
    name: str
    hostname: str
    host_network: bool = False
    own_names: tuple[str, ...] = ()
    """What the Pod's address is called; its host name if this is empty."""
    host_aliases: tuple[Line, ...] = ()
    """What else the Pod wants in its /etc/hosts."""
    service_names: tuple[Line, ...] = ()
    """What Services are called; see `set_names`."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A Pod's place on the node."""

    uid: str
    namespace: str
    name: str
    ip: str
    hostname: str = ""
    network: str = ""
    """The file of its network namespace; empty if it shares the machine's network."""
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    source: Path
    target: str
    read_only: bool = False
    sub_path: str = ""
    """The part of the source that is meant. Its owner may change it at any time: no link in it may lead out."""


@dataclass(frozen=True, slots=True)
class ContainerConfig:
    name: str
    attempt: int
    image: str
    image_id: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] = ()
    stdin: bool = False
    stdin_once: bool = False
    """Its standard input ends with the first client that types."""
    tty: bool = False
    stop_signal: str = ""
    termination_message_path: str = ""


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    output: bytes


class Runtime(Protocol):
    name: str
    version: str
    address: str
    """The node's address, known once it is started."""
    pod_cidr: str
    """The network of the Pods' addresses, known once it is started."""
    mounts: bool
    """Whether containers see their volumes where they want them; otherwise they are told where they are."""

    async def start(self, clock: Clock, rng: Random) -> None:
        """Take up what an earlier run left behind."""

    def on_exit(self, callback: Callable[[str], None]) -> None:
        """Call back with a Pod's uid when a container of it has ended."""

    async def stop(self) -> None:
        """End every container and give back what the runtime holds."""

    def directory(self, uid: str) -> Path:
        """Where the Pod's files are, volumes among them. It goes with the sandbox."""

    def sandbox(self, uid: str) -> Sandbox | None:
        """The sandbox of a Pod, if there is one."""

    def sandboxes(self) -> Sequence[Sandbox]:
        """Every sandbox on this node."""

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox:
        """Make the sandbox, or return the one that is there."""

    async def stop_sandbox(self, uid: str) -> None:
        """Give its network back; its logs and directories stay."""

    async def remove_sandbox(self, uid: str) -> None:
        """Remove it with all its containers, logs and directories. Everything in it has ended before."""

    async def set_names(self, uid: str, names: Sequence[Line]) -> None:
        """What the sandbox's containers can call Services has changed."""

    async def listen(self, address: str, port: int) -> socket | None:
        """A socket that sandboxes reach at that address of a Service; None where they share the machine's network.
        OSError."""

    async def image_status(self, image: str) -> Image | None:
        """The image, if it is there already."""

    async def pull_image(self, image: str, has_command: bool) -> Image:
        """Get the image; ImageError. Where images are only names, one that is unknown will do if the Pod says what
        to run."""

    async def create_container(self, uid: str, config: ContainerConfig) -> str:
        """The id of a container that is ready to start; RuntimeFailure."""

    async def start_container(self, container_id: str) -> None:
        """Start it; RuntimeFailure with the reason StartError, ContainerCannotRun."""

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        """Ask it to end, make it end after the grace period, return when it has ended."""

    async def remove_container(self, container_id: str) -> None:
        """Forget a container that has ended, and its log."""

    def containers(self, uid: str) -> Sequence[ContainerRecord]:
        """All containers of a sandbox that are remembered, oldest attempt first."""

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float | None) -> ExecResult:
        """Run a command in the container; RuntimeFailure, and TimeoutError if it has only so much time."""

    async def exec(
        self, container_id: str, command: Sequence[str], options: StreamOptions, client: ClientStreams
    ) -> int:
        """Run a command in the container on the client's streams until it ends; its exit code. RuntimeFailure if the
        container isn't running. The command is killed when the caller is cancelled or the container ends."""

    async def attach(self, container_id: str, options: StreamOptions, client: ClientStreams) -> None:
        """Show the client what a container writes that has a standard input or a terminal, and let it type, until the
        container ends. RuntimeFailure if it isn't running."""

    async def connect(self, uid: str, port: int) -> Connection:
        """Connect to what listens on a port in the sandbox; OSError."""

    def supervisor(self, container_id: str) -> int:
        """The process whose descendants are those of the container; 0 if it doesn't run."""

    def log_path(self, container_id: str) -> Path:
        """The log of the container, in CRI's format; older, rotated parts have a suffix."""

    def termination_message(self, container_id: str) -> Path:
        """The file that the container may leave a last message in."""
