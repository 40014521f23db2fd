"""A runtime whose containers do as a test says, on the virtual clock, and that notes what was done to them when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from socket import socket

from podium.agent.runtime import (
    ContainerConfig,
    ContainerRecord,
    ExecResult,
    Image,
    Line,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
)
from podium.clock import Clock
from podium.machinery.streams import ClientStreams, Connection, StreamOptions


@dataclass(slots=True)
class Program:
    """What the containers of one name do."""

    seconds: float | None = None
    """None: they run until they are stopped."""
    exit_code: int = 0
    stop_seconds: float = 0.0
    """How long they take to end when they are told to."""
    stop_exit_code: int = 143
    commands: dict[str, tuple[float, int]] = field(default_factory=dict)
    """How long a command in them takes, and its exit code."""


@dataclass(slots=True)
class _Run:
    uid: str
    record: ContainerRecord
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class ScriptedRuntime:
    name = "scripted"
    version = "1"
    address = "127.0.0.1"
    pod_cidr = "10.244.0.0/24"
    mounts = False

    def __init__(self, directory: Path) -> None:
        self.programs: dict[str, Program] = {}
        self.happened: list[tuple[float, str]] = []
        """When, since the last look, and what."""
        self.failures: list[Exception] = []
        """Of the next tries to make a sandbox."""
        self._directory = directory
        self._sandboxes: dict[str, Sandbox] = {}
        self._runs: dict[str, _Run] = {}
        self._began = 0.0

    def since(self) -> list[tuple[float, str]]:
        """What has happened since the last time this was asked, in seconds since then."""
        found, self.happened = self.happened, []
        found = [(round(at - self._began, 1), what) for at, what in found]
        self._began = self._clock.monotonic()
        return found

    def _note(self, what: str) -> None:
        self.happened.append((self._clock.monotonic(), what))

    # --- the runtime port

    async def start(self, clock: Clock, rng: Random) -> None:
        self._clock = clock

    def on_exit(self, callback: Callable[[str], None]) -> None:
        self._exited = callback

    async def stop(self) -> None:
        for run in self._runs.values():
            for timer in run.timers:
                timer.cancel()

    def directory(self, uid: str) -> Path:
        return self._directory / uid

    def sandbox(self, uid: str) -> Sandbox | None:
        return self._sandboxes.get(uid)

    def sandboxes(self) -> Sequence[Sandbox]:
        return tuple(self._sandboxes.values())

    async def run_sandbox(self, config: SandboxConfig) -> Sandbox:
        if self.failures:
            raise self.failures.pop()
        found = self._sandboxes[config.uid] = Sandbox(config.uid, config.namespace, config.name, "10.244.0.2")
        return found

    async def stop_sandbox(self, uid: str) -> None:
        if uid in self._sandboxes:
            self._sandboxes[uid] = replace(self._sandboxes[uid], stopped=True)

    async def remove_sandbox(self, uid: str) -> None:
        self._sandboxes.pop(uid, None)
        self._note("sandbox removed")

    async def set_names(self, uid: str, names: Sequence[Line]) -> None:
        pass

    async def listen(self, address: str, port: int) -> socket | None:
        return None

    async def image_status(self, image: str) -> Image | None:
        return Image(image, ("run",))

    async def pull_image(self, image: str, has_command: bool) -> Image:
        return Image(image, ("run",))

    async def create_container(self, uid: str, config: ContainerConfig) -> str:
        found = ContainerRecord(f"{config.name}-{config.attempt}", config.name, config.attempt, "created", config.image)
        self._runs[found.id] = _Run(uid, found)
        return found.id

    async def start_container(self, container_id: str) -> None:
        run = self._runs[container_id]
        run.record = replace(run.record, state="running", started_at=self._clock.now())
        self._note(f"start {run.record.name}")
        program = self._program(run)
        if program.seconds is not None:
            run.timers.append(self._clock.call_later(program.seconds, lambda: self._end(run, program.exit_code)))

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        run = self._runs[container_id]
        if run.record.state != "running":
            return
        self._note(f"stop {run.record.name}")
        program = self._program(run)
        seconds = min(program.stop_seconds, grace_seconds)
        run.timers.append(self._clock.call_later(seconds, lambda: self._end(run, program.stop_exit_code)))
        await run.ended.wait()

    async def remove_container(self, container_id: str) -> None:
        del self._runs[container_id]

    def containers(self, uid: str) -> Sequence[ContainerRecord]:
        return sorted((run.record for run in self._runs.values() if run.uid == uid), key=lambda r: r.attempt)

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float | None) -> ExecResult:
        run = self._runs[container_id]
        if run.record.state != "running":
            raise RuntimeFailure("container is not running")
        self._note(f"exec {command[0]} in {run.record.name}")
        seconds, code = self._program(run).commands[command[0]]
        if timeout is not None and seconds > timeout:
            await self._clock.sleep(timeout)
            raise TimeoutError
        await self._clock.sleep(seconds)
        return ExecResult(code, b"secret")

    async def exec(
        self, container_id: str, command: Sequence[str], options: StreamOptions, client: ClientStreams
    ) -> int:
        raise NotImplementedError

    async def attach(self, container_id: str, options: StreamOptions, client: ClientStreams) -> None:
        raise NotImplementedError

    async def connect(self, uid: str, port: int) -> Connection:
        raise NotImplementedError

    def supervisor(self, container_id: str) -> int:
        return 0

    def log_path(self, container_id: str) -> Path:
        return self._directory / container_id / "log"

    def termination_message(self, container_id: str) -> Path:
        path = self._directory / container_id / "message"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    # --- what becomes of containers

    def _program(self, run: _Run) -> Program:
        return self.programs.get(run.record.name, Program())

    def _end(self, run: _Run, code: int) -> None:
        if run.record.state != "running":
            return
        for timer in run.timers:
            timer.cancel()
        run.record = replace(run.record, state="exited", finished_at=self._clock.now(), exit_code=code)
        self._note(f"end {run.record.name}")
        run.ended.set()
        self._exited(run.uid)
