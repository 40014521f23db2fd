"""Runs a command on a client's streams: through pipes, or on a pseudo-terminal.

Nothing is buffered beyond what pipes hold: output is read when the client has taken what came before, and input is
asked for when the command has taken what came before.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress

from podium.clock import Clock
from podium.machinery.streams import ClientStreams, OutputStream, StreamOptions, TerminalSize

CHUNK = 32 * 1024
DRAIN_SECONDS = 2.0
"""How long a command that has ended may leave its output open: somebody else has it then."""
_END_OF_TRANSMISSION = b"\x04"


class Descriptor:
    """A pipe's or a terminal's end, read and written when it is ready."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._given_up = False
        os.set_blocking(number, False)

    async def read(self) -> bytes:
        """Some bytes; empty at the end."""
        while True:
            try:
                return os.read(self._number, CHUNK)
            except BlockingIOError:
                if self._given_up:
                    return b""
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError as error:
                if error.errno == errno.EIO:  # nobody has the terminal open any more
                    return b""
                raise

    async def write(self, data: bytes) -> None:
        """All of it; BrokenPipeError if nobody reads any more."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._number, rest) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except OSError as error:
                if error.errno == errno.EIO:
                    raise BrokenPipeError from error
                raise

    def give_up(self) -> None:
        """Take what is there as all there is."""
        self._given_up = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._number, termios.TIOCSWINSZ, struct.pack("HHHH", height & 0xFFFF, width & 0xFFFF, 0, 0))

    def close(self) -> None:
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        waiting = self._waiting = self._loop.create_future()
        number = self._number
        add(number, _done, waiting)
        try:
            await waiting
        finally:
            remove(number)


def _done(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class _Plumbing:
    """Our ends of the command's streams, and the command's own until it has them."""

    def __init__(self, options: StreamOptions, *, together: bool) -> None:
        self._theirs: list[int] = []
        self.outputs: dict[OutputStream, Descriptor] = {}
        self.input: Descriptor | None = None
        self.child = [-1, -1, -1]
        if options.tty:
            ours, theirs = pty.openpty()
            self._theirs.append(theirs)
            self.terminal: Descriptor | None = Descriptor(ours)
            # One description for both directions would let a write wait for what only a read is waiting for.
            self.outputs["stdout"] = Descriptor(os.dup(ours))
            self.input = self.terminal
            self.child = [theirs, theirs, theirs]
            return
        self.terminal = None
        wanted = (("stdin", options.stdin), ("stdout", options.stdout), ("stderr", options.stderr))
        for number, (name, asked) in enumerate(wanted):
            if not asked:
                theirs = os.open(os.devnull, os.O_RDWR)
            else:
                reading, writing = os.pipe()
                theirs, ours = (reading, writing) if name == "stdin" else (writing, reading)
                if name == "stdin":
                    self.input = Descriptor(ours)
                else:
                    self.outputs["stdout" if name == "stdout" else "stderr"] = Descriptor(ours)
            self._theirs.append(theirs)
            self.child[number] = theirs
        if together:
            self.child[2] = self.child[1]

    def handed_over(self) -> None:
        for number in self._theirs:
            os.close(number)
        self._theirs.clear()

    def close(self) -> None:
        self.handed_over()
        for end in self.outputs.values():
            end.close()
        if self.input is not None:
            self.input.close()


async def run(
    argv: Sequence[str],
    options: StreamOptions,
    client: ClientStreams,
    clock: Clock,
    ended: asyncio.Event,
    *,
    together: bool = False,
) -> int:
    """Run it to its end; its exit code, 128 + n if signal n has killed it. It is killed with all of its process group
    when the caller is cancelled or `ended` is set, and leaves nothing of its group behind. `together`: what it
    writes to standard error comes with its output, in its place."""
    async with AsyncExitStack() as stack:
        plumbing = _Plumbing(options, together=together)
        stack.callback(plumbing.close)
        stdin, stdout, stderr = plumbing.child
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
        stack.push_async_callback(_finished, process)
        plumbing.handed_over()

        def background(*works: asyncio.Task[None]) -> None:
            stack.push_async_callback(_cancelled, works)

        background(asyncio.create_task(_kill_when(ended, process.pid)))
        if options.stdin and plumbing.input is not None:
            background(asyncio.create_task(_copy_in(client, plumbing.input, terminal=options.tty)))
        if plumbing.terminal is not None:
            background(asyncio.create_task(_follow_size(client, plumbing.terminal)))
        copies = [asyncio.create_task(_copy_out(output, name, client)) for name, output in plumbing.outputs.items()]
        background(*copies)
        code = await process.wait()
        for output in plumbing.outputs.values():
            handle = clock.call_later(DRAIN_SECONDS, output.give_up)
            stack.callback(handle.cancel)
        await asyncio.gather(*copies)
        return code if code >= 0 else 128 - code


class _Listener:
    """A client that types nothing and remembers how the output begins."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.heard = b""

    async def write(self, stream: OutputStream, data: bytes) -> None:
        self.heard += data[: self._limit - len(self.heard)]

    async def read(self) -> bytes:
        return b""

    async def resized(self) -> TerminalSize:
        """Never: there is no terminal."""
        never: asyncio.Future[TerminalSize] = asyncio.get_running_loop().create_future()
        return await never


async def run_to_end(
    argv: Sequence[str], timeout: float | None, limit: int, clock: Clock, ended: asyncio.Event
) -> tuple[int, bytes]:
    """As `run`, without a client: its exit code and the beginning of what it wrote. TimeoutError, after which nothing
    of its process group is left."""
    listener = _Listener(limit)
    options = StreamOptions(stdout=True)
    running = asyncio.ensure_future(run(argv, options, listener, clock, ended, together=True))
    handle = clock.call_later(timeout, running.cancel) if timeout is not None else None
    try:
        await asyncio.wait([running])
    finally:
        if handle is not None:
            handle.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    if running.cancelled():
        raise TimeoutError
    return running.result(), listener.heard


async def _copy_in(client: ClientStreams, target: Descriptor, *, terminal: bool) -> None:
    """What the client sends after the command has closed its input is read all the same, or we would never see that
    the client goes."""
    listening = True
    while data := await client.read():
        if listening:
            try:
                await target.write(data)
            except BrokenPipeError:
                listening = False
    if not terminal:
        target.close()
    elif listening:
        with suppress(BrokenPipeError):  # it has just ended
            await target.write(_END_OF_TRANSMISSION)


async def _copy_out(source: Descriptor, stream: OutputStream, client: ClientStreams) -> None:
    while data := await source.read():
        await client.write(stream, data)


async def _follow_size(client: ClientStreams, terminal: Descriptor) -> None:
    while True:
        size = await client.resized()
        terminal.resize(size.width, size.height)


async def _kill_when(ended: asyncio.Event, group: int) -> None:
    await ended.wait()
    kill_group(group)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _finished(process: asyncio.subprocess.Process) -> None:
    kill_group(process.pid)
    await process.wait()


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):  # that is what was wanted
        os.killpg(pid, signal.SIGKILL)
