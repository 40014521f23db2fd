"""A container as the agent has it: what it knows of it, and the shim that watches over its program.

The shim is known by its process: it may be a child of ours, or one that an earlier agent started. When it has ended,
so has the container, and what the shim has written down is how.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from podium.agent.runtime import ContainerRecord, RuntimeFailure
from podium.agent.runtimes.process.exec import kill_group
from podium.agent.runtimes.process.shim import records
from podium.clock import Clock

SHIM = (sys.executable, "-S", "-E", str(Path(__file__).parent / "shim" / "__main__.py"))
START_ERROR = 128
LOST = "The container could not be located: its supervisor has ended"


@dataclass(slots=True)
class ProcessContainer:
    uid: str
    """The Pod's."""
    directory: Path
    record: ContainerRecord
    config: records.Config
    clock: Clock
    tell: Callable[[str], None]
    """Is told the Pod when the container has ended."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    pidfd: int = -1
    """The shim, as long as it is there."""
    child: subprocess.Popen[bytes] | None = None
    """The shim, if it is a child of this process."""

    async def start(self) -> None:
        """Run its program; RuntimeFailure if that can't be."""
        try:
            self.child, told = await asyncio.to_thread(_launch, self.directory)
        except OSError as error:  # no more processes, no more space
            self._note_end({"exit_code": START_ERROR, "reason": "StartError", "message": str(error)}, self._now())
            raise RuntimeFailure(str(error), "RunContainerError") from error
        claim = records.read(self.directory / records.CLAIM)
        started = records.read(self.directory / records.STARTED)
        began = _time(started["started_at"]) if started else None
        self.record = replace(self.record, state="running", started_at=began)
        if claim is None or not self._watch(claim["pid"], claim["start"]):
            self._has_ended()
        if "error" in told:
            await self.ended.wait()
            raise RuntimeFailure(told["error"], "RunContainerError")

    def take_up(self) -> None:
        """Go on with what an earlier agent has started."""
        started = records.read(self.directory / records.STARTED)
        if started is not None:
            self.record = replace(self.record, started_at=_time(started["started_at"]))
        claim = records.read(self.directory / records.CLAIM)
        if not self._watch(claim["pid"], claim["start"]):
            self._has_ended()

    async def stop(self, grace_seconds: float) -> None:
        """End it, by force when the time is up; returns when it has ended."""
        self._signal(signal.SIGTERM if grace_seconds > 0 else signal.SIGUSR1)
        handle = self.clock.call_later(grace_seconds, lambda: self._signal(signal.SIGUSR1))
        try:
            await self.ended.wait()
        finally:
            handle.cancel()

    def _watch(self, pid: int, start: int) -> bool:
        """Get to know when the shim ends; False if it has ended already."""
        try:
            pidfd = os.pidfd_open(pid) if pid else -1
        except ProcessLookupError:
            return False
        if pidfd < 0 or records.start_ticks(pid) != start:  # another process has got its number
            if pidfd >= 0:
                os.close(pidfd)
            return False
        self.pidfd = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._has_ended)
        return True

    def _signal(self, number: int) -> None:
        if self.pidfd >= 0:
            try:
                signal.pidfd_send_signal(self.pidfd, number)
            except ProcessLookupError:
                return  # it has just ended, and the loop will tell

    def _has_ended(self) -> None:
        """The shim has: whatever it wrote down is how the container ended."""
        if self.pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self.pidfd)
            os.close(self.pidfd)
            self.pidfd = -1
        if self.child is not None:
            self.child.wait()
            self.child = None
        end: Any = records.read(self.directory / records.EXIT)
        if end is None:
            self._kill_orphan()
            self._note_end({"exit_code": 137, "reason": "ContainerStatusUnknown", "message": LOST}, self._now())
        else:
            self._note_end(end, _time(end["finished_at"]))

    def _now(self) -> datetime:
        """As the shim's timestamps are read."""
        return self.clock.now().replace(microsecond=0)

    def _note_end(self, end: Any, finished: datetime) -> None:
        self.record = replace(
            self.record,
            state="exited",
            started_at=self.record.started_at or finished,
            finished_at=finished,
            exit_code=end["exit_code"],
            reason=end["reason"],
            message=end["message"],
        )
        self.ended.set()
        self.tell(self.uid)

    def _kill_orphan(self) -> None:
        """Where a program doesn't die with its shim (it did something odd), nobody else would end it."""
        started = records.read(self.directory / records.STARTED)
        if started is not None and started["start"] and records.start_ticks(started["pid"]) == started["start"]:
            kill_group(started["pid"])


def _launch(directory: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Start a shim and wait until it tells what became of the container. Blocks."""
    with (directory / "shim.err").open("wb") as errors:
        shim = subprocess.Popen(  # noqa: S603 - our own program
            [*SHIM, "run", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    assert shim.stdout is not None
    with shim.stdout:
        line = shim.stdout.readline()
    if not line:
        shim.wait()
        text = (directory / "shim.err").read_text(errors="replace").strip().splitlines()
        return shim, {"error": text[-1] if text else "the container's supervisor could not start"}
    told: dict[str, Any] = json.loads(line)
    return shim, told


def _time(text: str) -> datetime:
    """A timestamp of the shim, in whole seconds as statuses have it."""
    return datetime.fromisoformat(text[:19] + "+00:00")
