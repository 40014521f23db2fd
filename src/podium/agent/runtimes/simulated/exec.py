"""What a command in a simulated container answers: a handful of trivial ones do as they say, nothing else can."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from podium.agent.runtimes.simulated.commands import parse
from podium.machinery.errors import InternalError
from podium.machinery.streams import ClientStreams, StreamOptions

_SHELLS = ("sh", "bash", "ash", "dash")
_FAITHFUL = ("true", "false", ":", "exit", "echo")


async def run(
    command: Sequence[str], options: StreamOptions, client: ClientStreams, environment: Mapping[str, str]
) -> int:
    """The exit code; InternalError for what only a real container could do."""
    words = _words(command)
    name = _name(words)
    if len(words) == 1 and name == "cat":
        while data := await client.read():
            if options.stdout:
                await client.write("stdout", data)
        return 0
    if len(words) == 1 and name == "hostname":
        return await _say(environment["HOSTNAME"], options, client)
    if len(words) == 1 and name == "env":
        return await _say("\n".join(f"{key}={value}" for key, value in environment.items()), options, client)
    ends = parse(tuple(command)) if _is_faithful(command) else None
    if ends is None:
        raise InternalError(
            f"Internal error occurred: Pods of this node are simulated: {shlex.join(command)!r} can't run in them; "
            "only true, false, exit, echo, cat, hostname and env can"
        )
    return await _say(ends[2], options, client, ends[1])


def _is_faithful(command: Sequence[str]) -> bool:
    """Whether all that the command does is known, its output too."""
    script = command[2] if _is_script(command) else shlex.join(command)
    parts = [part.split() for part in re.split(r";|&&|\n", script)] if _is_script(command) else [list(command)]
    return bool(script) and all(_name(part) in _FAITHFUL for part in parts if part)


def _words(command: Sequence[str]) -> Sequence[str]:
    """The command, or the only one of `sh -c "..."`."""
    return command[2].split() if _is_script(command) else command


def _is_script(command: Sequence[str]) -> bool:
    return len(command) == 3 and _name(command) in _SHELLS and command[1] == "-c"


def _name(words: Sequence[str]) -> str:
    return words[0].rsplit("/", 1)[-1] if words else ""


async def _say(text: str, options: StreamOptions, client: ClientStreams, code: int = 0) -> int:
    if text and options.stdout:
        await client.write("stdout", (text + ("\r\n" if options.tty else "\n")).encode())
    return code
