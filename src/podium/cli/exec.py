"""`podium exec`: run a command in a container, on this terminal or in a pipeline."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import click

from podium.cli import pods
from podium.cli.channels import Channels
from podium.cli.failure import Failure
from podium.cli.session import Session, connected

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CHUNK = 32 * 1024
Status = dict[str, Any] | None
"""How the server says that a command ended; None: it didn't say."""


@click.command("exec")
@click.option("-c", "--container", default="", help="Which container, if there are several.")
@click.option("-i", "--stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@connected
@click.argument("pod")
@click.argument("command_line", metavar="-- COMMAND [ARGS...]", nargs=-1, type=click.UNPROCESSED)
def command(session: Session, pod: str, command_line: tuple[str, ...], container: str, stdin: bool, tty: bool) -> None:
    """Run a command in a container: `exec web-1 -- date`, `exec -it deploy/web -- sh`."""
    if not command_line:
        raise Failure("error: you must specify at least one command for the container")
    chosen = pods.choose(session, pod)
    streams = Streams(pods.container_of(chosen.pod, container), stdin, tty and has_terminal(stdin))
    with opened(session, chosen, "exec", streams, command_line) as channels:
        status = converse(channels, streams)
    end(status)


@dataclass(frozen=True, slots=True)
class Streams:
    """What of a container is wanted."""

    container: str
    stdin: bool
    tty: bool


def has_terminal(stdin: bool) -> bool:
    """Whether a terminal can be had that was asked for."""
    if stdin and sys.stdin.isatty():
        return True
    click.echo("Unable to use a TTY - input is not a terminal or the right kind of file", err=True)
    return False


def opened(
    session: Session, chosen: pods.Chosen, subresource: str, streams: Streams, command_line: Sequence[str] = ()
) -> Channels:
    """The conversation with a container: exec or attach."""
    wanted = (("stdin", streams.stdin), ("tty", streams.tty), ("stderr", not streams.tty))
    query = [("container", streams.container), ("stdout", "true")]
    query += [(name, "true") for name, asked in wanted if asked]
    query += [("command", word) for word in command_line]
    protocols = "v5.channel.k8s.io v4.channel.k8s.io"
    return Channels(session.connection, chosen.path(session, subresource), query, protocols)


def converse(channels: Channels, streams: Streams) -> Status:
    """Standard input goes there and output comes here, until the end; how the server says that it ended."""
    with _terminal(channels) if streams.tty else nullcontext():
        if streams.stdin:
            threading.Thread(target=_send_input, args=(channels,), daemon=True).start()
        return show_output(channels)


def show_output(channels: Channels) -> Status:
    """Until the end; how the server says that the command ended."""
    status: Status = None
    outputs = {STDOUT: sys.stdout.buffer, STDERR: sys.stderr.buffer}
    while (message := channels.receive()) is not None:
        channel, data = message
        if channel == ERROR and data:
            status = json.loads(data)
        elif data and (output := outputs.get(channel)) is not None:
            output.write(data)
            output.flush()
    return status


def _send_input(channels: Channels) -> None:
    while data := os.read(sys.stdin.fileno(), CHUNK):
        if not channels.send(STDIN, data):
            return
    channels.end(STDIN)


@contextmanager
def _terminal(channels: Channels) -> Iterator[None]:
    """Every key goes to the command as it is, and changes of the window's size, too."""
    import termios
    import tty

    number = sys.stdin.fileno()
    changed, over = threading.Event(), threading.Event()
    changed.set()

    def follow() -> None:
        while not over.is_set():
            changed.wait()
            changed.clear()
            size = os.get_terminal_size(number)
            channels.send(RESIZE, json.dumps({"Width": size.columns, "Height": size.lines}).encode())

    before = termios.tcgetattr(number)
    handler = signal.signal(signal.SIGWINCH, lambda *_: changed.set())
    threading.Thread(target=follow, daemon=True).start()
    tty.setraw(number, termios.TCSANOW)  # what has been typed ahead counts
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
        over.set()
        changed.set()


def end(status: Status) -> None:
    """Failure if the command failed, with its exit code."""
    if status is None:
        raise Failure("error: the connection to the server was lost")
    if status.get("status") == "Success":
        return
    if status.get("reason") == "NonZeroExitCode":
        causes = (status.get("details") or {}).get("causes") or ()
        code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), "1")
        raise Failure(f"command terminated with exit code {code}", int(code))
    raise Failure(f"error: {status.get('message')}")
