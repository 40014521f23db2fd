"""How a simulated container behaves: found from its image, its command and the Pod's annotations.

| what the Pod says | what its containers do |
|---|---|
| an image named or tagged `missing`, `does-not-exist`, `nonexistent`, `no-such-image`, `invalid` | ErrImagePull |
| an image whose name is no image reference | InvalidImageName |
| `true`, `false`, `exit 3`, `sleep 5`, `echo ...`, `sh -c "sleep 5; exit 1"` | end as they say |
| an init container with another command | completes at once |
| the image `pause` with no command | runs until it is stopped |
| a container of a Job's Pod with another command | completes after a second |
| any other | runs until it is stopped |

Annotations script a Pod; `podium.dev/simulate-<what>.<container>` is for one of its containers only:

| annotation `podium.dev/simulate-...` | value | effect |
|---|---|---|
| `start-delay` | seconds | the container is created, but starts later |
| `ready-delay` | seconds | it runs, but becomes ready later |
| `ready` | `false` | it isn't ready, until the annotation says otherwise |
| `run-seconds` | seconds, or `forever` | it ends after that time ... |
| `exit-code` | 0-255 | ... with this exit code (default 0); alone: it ends at once |
| `exit-reason` | text | the reason of the end, e.g. OOMKilled |
| `fail-starts` | count | the first runs end with exit code 1 as soon as they start |
| `start-error` | message | it can't be started: StartError, exit code 128 |
| `pull-error` | message | its image can't be pulled |
| `pull-delay` | seconds | pulling its image takes so long |
| `stop-delay` | seconds | it takes so long to stop, at most the grace period |
| `stop-exit-code` | 0-255 | its exit code when stopped (default 143: ended by SIGTERM) |

A value may depend on the Pod's index in its Job or StatefulSet, and on whether this is the first run on its node of any
Pod of that controller with that index: `0; 1,4-6: 3; first: 1; first 0: 2`. See `chosen`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from podium.agent import image_names
from podium.agent.runtimes.simulated import commands
from podium.models import owners
from podium.models.core_v1 import Container, Pod

PREFIX = "podium.dev/simulate-"
JOB_SECONDS = 1.0
_INDEXES = ("batch.kubernetes.io/job-completion-index", "apps.kubernetes.io/pod-index")
_RANGE = r"[0-9]{1,10}(?:\s*-\s*[0-9]{1,10})?"
_CASE = re.compile(rf"(first)?\s*(?:({_RANGE}(?:\s*,\s*{_RANGE})*)\s*)?:(.*)", re.DOTALL)
_PAUSE = re.compile(r"(.*/)?pause([:@].*)?")
_MISSING = re.compile(r"(^|[/:@._-])(missing|does-?not-?exist|non-?existent|no-such-image|invalid)([/:@._-]|$)")


STOP_SECONDS = 0.25
"""How long a container takes to stop that nothing is said of. kubectl looks twice for a Pod that it has deleted: if
the second time another had its name already, as a StatefulSet's have, kubectl would wait for the end of that one."""


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
    stop_delay: float = STOP_SECONDS
    stop_exit_code: int = 143
    output: str = ""


RUNS = Behaviour()
COMPLETES = Behaviour(run_seconds=0.0)


class FirstRuns:
    """Which run was the first on this node of a controller's Pods with the same index."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, str, str], str] = {}

    def is_first(self, pod: Pod, container: Container, attempt: int) -> bool:
        owner = owners.controller_of(pod)
        key = (owner.uid if owner is not None else pod.metadata.uid, index_of(pod), container.name)
        return self._pods.setdefault(key, pod.metadata.uid) == pod.metadata.uid and attempt == 0


def behaviour(pod: Pod, container: Container, attempt: int, *, init: bool = False, first: bool = False) -> Behaviour:
    """What this run of the container does. `init`: it is an init container that has to complete; `first`: FirstRuns."""
    found = _plain(pod, container, init)
    if is_scripted(pod):
        return _scripted(pod, container.name, attempt, first, found)
    return found


def is_scripted(pod: Pod) -> bool:
    return any(name.startswith(PREFIX) for name in pod.metadata.annotations)


def index_of(pod: Pod) -> str:
    """Its index in its Job or StatefulSet; empty if it has none."""
    return next((pod.metadata.labels[name] for name in _INDEXES if name in pod.metadata.labels), "")


def chosen(text: str, index: str, first: bool) -> str:
    """The value for a Pod of that index: of the first case that holds, or else what stands there without a case.

    `0; 1,4-6: 3; first: 2` is 3 for the indexes 1, 4, 5 and 6, otherwise 2 in a first run and 0 in later ones.
    """
    default: list[str] = []
    cases = 0
    for part in text.split(";"):
        case = _CASE.fullmatch(part.strip())
        if case is None or not (case[1] or case[2]):
            default.append(part)
            continue
        cases += 1
        if (first or not case[1]) and (not case[2] or _contains(case[2], index)):
            return case[3].strip()
    return ";".join(default).strip() if cases else text


def _contains(indexes: str, index: str) -> bool:
    if not re.fullmatch("[0-9]{1,10}", index):
        return False
    for part in indexes.split(","):
        low, _, high = part.partition("-")
        if int(low) <= int(index) <= int(high or low):
            return True
    return False


def _plain(pod: Pod, container: Container, init: bool) -> Behaviour:
    if image_is_missing(container.image):
        return Behaviour(pull_error=f'failed to resolve reference "{container.image}": not found')
    words = commands.command_of(pod, container)
    if words and (end := commands.parse(words)) is not None:
        return Behaviour(run_seconds=_until(end[0]), exit_code=end[1], output=end[2])
    if init:
        return COMPLETES
    if _PAUSE.fullmatch(container.image) and not words:
        return RUNS
    if _is_of_a_job(pod) and any(container.name == one.name for one in pod.spec.containers):
        return Behaviour(run_seconds=JOB_SECONDS)
    return RUNS


def _is_of_a_job(pod: Pod) -> bool:
    if pod.spec.restartPolicy == "Always":
        return False
    return any(owner.kind == "Job" and owner.controller for owner in pod.metadata.ownerReferences)


def _until(seconds: float) -> float | None:
    return None if math.isinf(seconds) else seconds


@lru_cache(maxsize=1024)
def image_is_missing(image: str) -> bool:
    return bool(image_names.problem(image)) or _MISSING.search(image.lower()) is not None


def _scripted(pod: Pod, container: str, attempt: int, first: bool, base: Behaviour) -> Behaviour:
    annotations, index = pod.metadata.annotations, index_of(pod)

    def value(what: str) -> str:
        found = annotations.get(f"{PREFIX}{what}.{container}", annotations.get(PREFIX + what, ""))
        return chosen(found, index, first)

    def number(what: str, default: float) -> float:
        try:
            found = float(value(what) or default)
        except ValueError:
            return default
        return max(found, 0.0) if math.isfinite(found) else default

    def code(what: str, default: int) -> int:
        return min(int(number(what, default)), 255)

    run_seconds = base.run_seconds
    if value("run-seconds") == "forever":
        run_seconds = None
    elif value("run-seconds") or value("exit-code"):
        run_seconds = number("run-seconds", 0.0)
    exit_code = code("exit-code", base.exit_code)
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
        stop_delay=number("stop-delay", STOP_SECONDS),
        stop_exit_code=code("stop-exit-code", base.stop_exit_code),
        output=base.output,
    )
