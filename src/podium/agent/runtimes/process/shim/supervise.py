"""Starts a container's program, writes down its output and its end, and leaves no process of it behind."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from podium.agent.runtimes.process.shim import records
from podium.agent.runtimes.process.shim.enter import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    become,
    prctl,
    take_terminal,
)
from podium.agent.runtimes.process.shim.logfile import LogFile

if TYPE_CHECKING:
    from podium.agent.runtimes.process.shim.attachments import Attachments

START_ERROR = 128
READ_SIZE = 65536
DRAIN_MILLISECONDS = 2000
LINUX = sys.platform == "linux"


def supervise(directory: Path) -> None:
    """Run the container of that directory to its end. The start is told as a line of JSON on stdout."""
    config: records.Config = records.read(directory / records.CONFIG)
    me = os.getpid()
    if not records.claim(directory, {"pid": me, "start": records.start_ticks(me)}):
        return
    if LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, pending = _signals()
    log = LogFile(Path(config["log"]), config["log_bytes"], config["log_files"])
    streams = _streams(config)
    pid, error = _start(config, streams)
    if error:
        os.waitpid(pid, 0)
        records.write(directory / records.EXIT, _end(START_ERROR, "StartError", error))
        _tell({"error": error})
        return
    poll = select.poll()
    attached = None
    if streams.input >= 0:
        from podium.agent.runtimes.process.shim.attachments import Attachments  # most containers start without it

        once = config["stdin_once"]
        attached = Attachments(poll, directory, streams.input, terminal=config["tty"], once=once)
    started = {"pid": pid, "start": records.start_ticks(pid), "started_at": now()}
    records.write(directory / records.STARTED, started)
    _tell(started)
    output = _Output(log, attached, streams.outputs)
    status = _watch(pid, output, poll, wakeup, pending, config["stop_signal"])
    log.close()
    if attached is not None:
        attached.close()
    if (directory / records.COMMANDS).exists():
        from podium.agent.runtimes.process.shim import left_behind  # in most containers no command is run

        left_behind.kill(config["environment"][left_behind.MARK])
    code = os.waitstatus_to_exitcode(status)
    records.write(directory / records.EXIT, _end(code if code >= 0 else 128 - code))


def now() -> str:
    """RFC 3339 with nanoseconds, UTC."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


def _end(code: int, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"exit_code": code, "reason": reason, "message": message, "finished_at": now()}


def _tell(message: dict[str, Any]) -> None:
    """Tell the agent, if it is still there, and let go of its pipe."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _signals() -> tuple[int, list[int]]:
    """A pipe that wakes up `select`, and the signals that have come."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    pending: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, lambda received, _frame: pending.append(received))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading, pending


class _Streams(NamedTuple):
    """Our ends of the program's streams, and its own."""

    outputs: dict[int, str]
    input: int
    """-1 if there is none to write to."""
    child: tuple[int, int, int]


def _streams(config: records.Config) -> _Streams:
    if config["tty"]:
        ours, theirs = os.openpty()
        return _Streams({ours: "stdout"}, os.dup(ours), (theirs, theirs, theirs))
    out, err = os.pipe(), os.pipe()
    reading, writing = os.pipe() if config["stdin"] else (os.open(os.devnull, os.O_RDONLY), -1)
    return _Streams({out[0]: "stdout", err[0]: "stderr"}, writing, (reading, out[1], err[1]))


def _start(config: records.Config, streams: _Streams) -> tuple[int, str]:
    """(pid, why it could not be started)."""
    failure = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _child(config, parent, streams.child)
        except OSError as error:
            os.write(failure[1], _why(config, error).encode())
        finally:
            os._exit(START_ERROR)
    for end in {*streams.child, failure[1]}:
        os.close(end)
    text = b""
    while piece := os.read(failure[0], READ_SIZE):
        text += piece
    os.close(failure[0])
    return pid, text.decode(errors="replace")


def _child(config: records.Config, parent: int, streams: tuple[int, int, int]) -> None:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    for target, source in enumerate(streams):
        os.dup2(source, target)
    if config["tty"]:
        take_terminal(config)
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # without its shim nobody would know of it
        if os.getppid() != parent:
            return
    become(config)


def _why(config: records.Config, error: OSError) -> str:
    program = config["argv"][0]
    what = str(error)
    missing = isinstance(error, FileNotFoundError | NotADirectoryError) and error.filename  # else a mount has failed
    if missing and os.path.basename(os.fsdecode(error.filename)) == os.path.basename(program):
        what = "no such file or directory" if "/" in program else "executable file not found in $PATH"
    return f'failed to create container task: exec: "{program}": {what}'


class _Output:
    """What the program writes: into the log, and to the clients that are attached."""

    def __init__(self, log: LogFile, attached: Attachments | None, streams: dict[int, str]) -> None:
        self._log = log
        self.attached = attached
        self.open = dict(streams)

    def read(self, descriptor: int) -> bool:
        """Take some; False when that was all."""
        try:
            data = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            data = b""  # nobody has the terminal open any more
        if data:
            self._log.write(self.open[descriptor], data)
            if self.attached is not None:
                self.attached.show(self.open[descriptor], data)
            return True
        self._log.end(self.open.pop(descriptor))
        return False


def _watch(pid: int, output: _Output, poll: select.poll, wakeup: int, pending: list[int], stop_signal: int) -> int:
    """Take the output and pass signals on until the program has ended; its wait status."""
    for descriptor in (*output.open, wakeup):
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
    status: int | None = None
    while True:
        if status is None:
            status = _reap(pid)
            if status is not None:
                kill_rest(pid)
        if status is not None and not output.open:
            return status
        ready = poll.poll(None if status is None else DRAIN_MILLISECONDS)
        if not ready and status is not None:
            return status  # what still holds the pipes has got away: only where there are no subreapers
        for descriptor, event in ready:
            if descriptor == wakeup:
                os.read(wakeup, READ_SIZE)
            elif descriptor in output.open:
                if not output.read(descriptor):
                    poll.unregister(descriptor)
                    os.close(descriptor)
            elif output.attached is not None:
                output.attached.handle(descriptor, event)
        while pending:
            received = pending.pop(0)
            if status is None and received != signal.SIGCHLD:
                _signal_group(pid, signal.SIGKILL if received == signal.SIGUSR1 else stop_signal)


def _signal_group(pid: int, number: int) -> None:
    """Signal the program and its process group. It is our child and not reaped, so the pid is still its own."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)  # it has ended meanwhile, which a zombie doesn't mind


def _reap(pid: int) -> int | None:
    """Reap whatever has ended; the wait status of the program if it was among them."""
    found = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if ended == 0:
            return found
        if ended == pid:
            found = status


def kill_rest(pid: int) -> None:
    """Kill what the program left behind: its group, and what has been handed down to this process."""
    with contextlib.suppress(ProcessLookupError):  # the usual case: the group is empty
        os.killpg(pid, signal.SIGKILL)
    while children := _children():
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)


def _children() -> list[int]:
    """Our children: the container's orphans. Those of which the kernel doesn't tell are not ours to kill."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(pid) for pid in text.split()]
