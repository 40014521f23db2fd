"""How a simulated container behaves: found from its image, its command and the Pod's annotations.

| what the Pod says | what its containers do |
|---|---|
| an image named or tagged `missing`, `does-not-exist`, `nonexistent`, `no-such-image`, `invalid` | ErrImagePull |
| an image whose name is no image reference | InvalidImageName |
| `true`, `false`, `exit 3`, `sleep 5`, `echo ...`, `sh -c "sleep 5; exit 1"` | end as they say |
| an init container with another command | completes at once |
| a container of a Job's Pod with another command | completes after a second |
| any other | runs until it is stopped |

Annotations script a Pod; `podium.dev/simulate-<what>.<container>` is for one of its containers only:

| annotation `podium.dev/simulate-...` | value | effect |
|---|---|---|
| `start-delay` | seconds | the container is created, but starts later |
| `ready-delay` | seconds | it runs, but becomes ready later |
| `ready` | `false` | it never becomes ready |
| `run-seconds` | seconds | it ends after that time ... |
| `exit-code` | 0-255 | ... with this exit code (default 0); alone: it ends at once |
| `exit-reason` | text | the reason of the end, e.g. OOMKilled |
| `fail-starts` | count | the first runs end with exit code 1 as soon as they start |
| `start-error` | message | it can't be started: StartError, exit code 128 |
| `pull-error` | message | its image can't be pulled |
| `pull-delay` | seconds | pulling its image takes so long |
| `stop-delay` | seconds | it takes so long to stop, at most the grace period |
| `stop-exit-code` | 0-255 | its exit code when stopped (default 143: ended by SIGTERM) |
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from podium.agent import image_names
from podium.models.core_v1 import Container, Pod

PREFIX = "podium.dev/simulate-"
JOB_SECONDS = 1.0
_MISSING = re.compile(r"(^|[/:@._-])(missing|does-?not-?exist|non-?existent|no-such-image|invalid)([/:@._-]|$)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SLEEP = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([smhd]?)")
_QUIET = frozenset(
    ("echo", "printf", "date", "hostname", "env", "ls", "pwd", "cat", "set", "export", "trap", ":", "true")
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    start_delay: float = 0.0
    ready_delay: float = 0.0
    ready: bool = True
    run_seconds: float | None = None
    """None: until it is stopped."""
    exit_code: int = 0
    exit_reason: str = ""
    start_error: str = ""
    pull_error: str = ""
    pull_delay: float = 0.0
    stop_delay: float = 0.0
    stop_exit_code: int = 143
    output: str = ""


RUNS = Behaviour()
COMPLETES = Behaviour(run_seconds=0.0)


def behaviour(pod: Pod, container: Container, attempt: int, *, init: bool = False) -> Behaviour:
    """What this run of the container does. `init`: it is an init container that has to complete."""
    found = _plain(pod, container, init)
    annotations = pod.metadata.annotations
    if annotations and any(name.startswith(PREFIX) for name in annotations):
        return _scripted(annotations, container.name, attempt, found)
    return found


def _plain(pod: Pod, container: Container, init: bool) -> Behaviour:
    if image_is_missing(container.image):
        return Behaviour(pull_error=f'failed to resolve reference "{container.image}": not found')
    argv = (*container.command, *container.args)
    if argv and (end := parse(argv)) is not None:
        return Behaviour(run_seconds=end[0], exit_code=end[1], output=end[2])
    if init:
        return COMPLETES
    if pod.spec.restartPolicy != "Always" and any(
        owner.kind == "Job" and owner.controller for owner in pod.metadata.ownerReferences
    ):
        return Behaviour(run_seconds=JOB_SECONDS)
    return RUNS


@lru_cache(maxsize=1024)
def image_is_missing(image: str) -> bool:
    return bool(image_names.problem(image)) or _MISSING.search(image.lower()) is not None


@lru_cache(maxsize=1024)
def parse(argv: tuple[str, ...]) -> tuple[float, int, str] | None:
    """(seconds, exit code, output) of a trivial command; None for any other."""
    name = argv[0].rsplit("/", 1)[-1]
    if name in ("sh", "bash", "ash", "dash"):
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
            return (seconds, int(digits) & 255, "\n".join(output)) if digits.isdigit() else None
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


def _scripted(annotations: Mapping[str, str], container: str, attempt: int, base: Behaviour) -> Behaviour:
    def value(what: str) -> str:
        return annotations.get(f"{PREFIX}{what}.{container}", annotations.get(PREFIX + what, ""))

    def number(what: str, default: float) -> float:
        try:
            return max(float(value(what) or default), 0.0)
        except ValueError:
            return default

    run_seconds = base.run_seconds
    if value("run-seconds") or value("exit-code"):
        run_seconds = number("run-seconds", 0.0)
    exit_code = int(number("exit-code", base.exit_code))
    if attempt < number("fail-starts", 0):
        run_seconds, exit_code = 0.0, 1
    return Behaviour(
        start_delay=number("start-delay", base.start_delay),
        ready_delay=number("ready-delay", base.ready_delay),
        ready=value("ready") != "false",
        run_seconds=run_seconds,
        exit_code=exit_code,
        exit_reason=value("exit-reason"),
        start_error=value("start-error"),
        pull_error=value("pull-error") or base.pull_error,
        pull_delay=number("pull-delay", 0.0),
        stop_delay=number("stop-delay", 0.0),
        stop_exit_code=int(number("stop-exit-code", base.stop_exit_code)),
        output=base.output,
    )
