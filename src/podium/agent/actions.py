"""What a Pod needs next: which containers to start, which to kill, what to wait for. Pure.

Init containers run one after the other, sidecars among them keep running; then all containers run at once. What ended
runs again as its restart policy says, after its back-off. Ephemeral containers run once, beside all that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podium.agent import restart
from podium.agent.containers import ephemeral
from podium.agent.status import ContainerView
from podium.models.core_v1 import Container, Pod


@dataclass(slots=True)
class Known:
    """What the agent knows of one container of a Pod."""

    view: ContainerView = field(default_factory=ContainerView)
    backoff: restart.Backoff = restart.NEVER_FAILED
    pulls: restart.Backoff = restart.NEVER_FAILED
    retry_at: datetime | None = None
    """When an attempt that failed (a pull, a missing ConfigMap) may be made again."""
    unhealthy: str = ""
    """The probe for which it has to be killed."""
    resized: bool = False
    """It has been given other resources, which it gets with its next run."""
    again: bool = False
    """It was killed in order to run again, however it ended."""


@dataclass(frozen=True, slots=True)
class Kill:
    container: Container
    message: str
    """Of the Killing Event."""
    again: bool = True
    """It is to run again afterwards."""


@dataclass(frozen=True, slots=True)
class Actions:
    start: tuple[Container, ...] = ()
    kill: tuple[Kill, ...] = ()
    crash_looping: tuple[Container, ...] = ()
    """They wait for their restart."""
    wait: float | None = None
    """Seconds after which to look again, whatever happens."""
    finished: bool = False
    """Every container has ended for good."""


class _Plan:
    def __init__(self, pod: Pod, now: datetime) -> None:
        self.pod = pod
        self.now = now
        self.start: list[Container] = []
        self.kill: list[Kill] = []
        self.looping: list[Container] = []
        self.waits: list[float] = []

    def run(self, container: Container, known: Known) -> None:
        """It should be running: start it, unless it has to wait."""
        current = known.view.current
        if known.retry_at is not None and known.retry_at > self.now:
            self.waits.append((known.retry_at - self.now).total_seconds())
            return
        if current is not None and current.state == "exited":
            wait = restart.remaining(known.backoff, current.finished_at, self.now)
            if wait > 0:
                self.looping.append(container)
                self.waits.append(wait)
                return
        self.start.append(container)

    def look_after(self, container: Container, known: Known, *, sidecar: bool = False) -> None:
        """It is running: kill it if it must not go on like this. Whether it runs again is left to the restart policy
        only if a probe has failed."""
        current = known.view.current
        name = f"Init container {container.name}" if sidecar else f"Container {container.name}"
        again = sidecar or (container.restartPolicy or self.pod.spec.restartPolicy) != "Never"
        if current is not None and current.image != container.image:
            message, again = f"{name} definition changed", True
        elif known.unhealthy:
            message = f"{name} failed {known.unhealthy} probe"
        elif known.resized:
            self.kill.append(Kill(container, restart.RESIZED.format(container.name)))
            return
        else:
            return
        self.kill.append(Kill(container, f"{message}, will be restarted" if again and not sidecar else message, again))


def decide(pod: Pod, known: Mapping[str, Known], now: datetime) -> Actions:
    """What to do for a Pod that is to run."""
    spec = pod.spec
    plan = _Plan(pod, now)
    begun = any(known[container.name].view.current is not None for container in spec.containers)
    failed = False
    initialized = True
    for container in spec.initContainers:
        outcome = _initialize(plan, container, known[container.name], begun)
        failed |= outcome == "failed"
        if outcome != "done":
            initialized = begun
            if not begun:
                break
    finished = failed
    if initialized and not failed:
        finished = _run_all(plan, known)
    if not finished:
        _add_ephemeral(plan, known)
    return Actions(
        start=tuple(plan.start),
        kill=tuple(plan.kill),
        crash_looping=tuple(plan.looping),
        wait=min(plan.waits, default=None),
        finished=finished,
    )


def _initialize(plan: _Plan, container: Container, known: Known, begun: bool) -> str:
    """Bring one init container forward: "done", "failed" or "going on"."""
    current = known.view.current
    running = current is not None and current.state == "running"
    if restart.is_sidecar(container):
        if not running:
            if not (begun and _completed(plan.pod)):
                plan.run(container, known)
            return "going on"
        plan.look_after(container, known, sidecar=True)
        return "done" if known.view.started else "going on"
    if begun or (current is not None and current.state == "exited" and current.exit_code == 0):
        return "done"
    if running:
        return "going on"
    if current is not None and current.state == "exited":
        policy = plan.pod.spec.restartPolicy
        if not restart.restarts(policy, container, current.exit_code, init=True):
            return "failed"
    plan.run(container, known)
    return "going on"


def _run_all(plan: _Plan, known: Mapping[str, Known]) -> bool:
    """Bring the containers forward; True when all of them have ended for good."""
    finished = True
    for container in plan.pod.spec.containers:
        current = known[container.name].view.current
        if current is not None and current.state == "running":
            plan.look_after(container, known[container.name])
            finished = False
        elif (
            current is None
            or current.state == "created"
            or known[container.name].again
            or restart.restarts(plan.pod.spec.restartPolicy, container, current.exit_code)
        ):
            plan.run(container, known[container.name])
            finished = False
    return finished


def _add_ephemeral(plan: _Plan, known: Mapping[str, Known]) -> None:
    """Whatever the others do, each runs once and never again."""
    for container in ephemeral(plan.pod):
        current = known[container.name].view.current
        if current is None or current.state == "created":
            plan.run(container, known[container.name])


def _completed(pod: Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")
