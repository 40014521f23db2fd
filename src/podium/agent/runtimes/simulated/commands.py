"""What trivial commands do: how long they take, their exit code and what they print. Nothing is run to find that out.

`true`, `false`, `exit`, `sleep`, `echo` and a few quiet ones, alone or as a list in `sh -c "..."`. Variables of the
container's environment may stand in them: `exit $JOB_COMPLETION_INDEX`, `sleep $(SECONDS)`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache

from podium.agent import environment
from podium.agent.environment import PodFacts
from podium.models.core_v1 import Container, Pod

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SLEEP = re.compile(r"(\d+(?:\.\d+)?|\.\d+|inf|infinity)([smhd]?)")
_CODE = re.compile(r"[0-9]{1,10}")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_QUIET = frozenset(
    ("echo", "printf", "date", "hostname", "env", "ls", "pwd", "cat", "set", "export", "trap", ":", "true")
)


def variables(pod: Pod, container: Container) -> dict[str, str]:
    """The container's variables as far as the Pod alone says them: values, and fields of the Pod."""
    facts = PodFacts(pod.status.podIP, pod.status.hostIP, {})
    found: dict[str, str] = {}
    for variable in container.env:
        if variable.valueFrom is None:
            found[variable.name] = environment.expand(variable.value, found)
        elif variable.valueFrom.fieldRef is not None:
            found[variable.name] = environment.field_value(pod, variable.valueFrom.fieldRef, facts)
    return found


def command_of(pod: Pod, container: Container) -> tuple[str, ...]:
    """The container's command and arguments, with the values of variables instead of their names."""
    words = (*container.command, *container.args)
    if not any("$" in word for word in words):
        return words
    known = variables(pod, container)
    words = tuple(environment.expand(word, known) for word in words)
    return tuple(_in_shell(word, known) for word in words) if is_shell(words) else words


def is_shell(words: Sequence[str]) -> bool:
    return bool(words) and words[0].rsplit("/", 1)[-1] in ("sh", "bash", "ash", "dash")


def _in_shell(word: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), word)


@lru_cache(maxsize=1024)
def parse(argv: tuple[str, ...]) -> tuple[float, int, str] | None:
    """(seconds, exit code, output) of a trivial command; None for any other."""
    if is_shell(argv):
        if len(argv) < 3 or not re.fullmatch(r"-[a-z]*c", argv[1]):
            return None
        return _script(argv[2])
    return _sequence([argv])


def _script(text: str) -> tuple[float, int, str] | None:
    if re.search(r"[|&$`(){}<>*]", text.replace("&&", ";").replace("$(date)", "")):
        return None  # more than a list of commands
    try:
        lines = [shlex.split(line, comments=True) for line in re.split(r";|&&|\n", text)]
    except ValueError:
        return None
    return _sequence([tuple(line) for line in lines if line])


def _sequence(commands: Sequence[tuple[str, ...]]) -> tuple[float, int, str] | None:
    seconds, code = 0.0, 0
    output: list[str] = []
    for command in commands:
        name = command[0].rsplit("/", 1)[-1]
        if name == "exit":
            digits = command[1] if len(command) > 1 else str(code)
            return (seconds, int(digits) & 255, "\n".join(output)) if _CODE.fullmatch(digits) else None
        if name == "sleep":
            matches = [_SLEEP.fullmatch(part) for part in command[1:]]
            if not matches or None in matches:
                return None
            seconds += sum(float(match[1]) * _UNITS[match[2]] for match in matches if match)
            code = 0
        elif name == "false":
            code = 1
        elif name in _QUIET:
            code = 0
            if name == "echo":
                output.append(" ".join(command[1:]))
        else:
            return None
    return seconds, code, "\n".join(output)
