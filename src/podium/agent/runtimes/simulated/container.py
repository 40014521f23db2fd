"""One container of a simulated Pod, from its image to its end and its restarts: every step a timer, or taken at once.

What a run does is its `Behaviour`; whether and when it runs again are the rules of every runtime (`restart`). When it
may begin, and what its end means for the others, is the Pod's affair (`pod.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from podium.agent import image_names, restart
from podium.agent.driver import NodeContext
from podium.agent.events import crash_loop
from podium.agent.runtime import ContainerRecord
from podium.agent.runtimes.simulated import reported
from podium.agent.runtimes.simulated.behaviour import RUNS, Behaviour
from podium.agent.status import ContainerView
from podium.models.core_v1 import Container, ContainerStatus, Pod

Role = Literal["init", "main", "ephemeral"]
CONFIG_ERROR = "CreateContainerConfigError"


class Home(Protocol):
    """What a container needs of its Pod."""

    pod: Pod
    ending: bool

    def behaviour(self, container: SimulatedContainer) -> Behaviour:
        """What its next run does."""

    def problem(self, container: SimulatedContainer) -> str:
        """Why its environment can't be made now, if it can't; the Pod looks again when that may have changed."""

    def went_on(self) -> None:
        """Something happened to the container after a while: others may be due, and the status is another."""

    def ended(self, container: SimulatedContainer) -> None:
        """It has ended and won't run again."""


class SimulatedContainer:
    __slots__ = (
        "_context",
        "_home",
        "_pulled",
        "_pulls",
        "_ready_timer",
        "_timer",
        "acts",
        "backoff",
        "begun",
        "role",
        "spec",
        "view",
    )

    def __init__(self, home: Home, context: NodeContext, spec: Container, role: Role) -> None:
        self.spec = spec
        self.role = role
        self.view = ContainerView()
        self.begun = False
        """Its turn has come; until then it waits for init containers."""
        self.acts: Behaviour = RUNS
        self.backoff = restart.NEVER_FAILED
        self._home = home
        self._context = context
        self._pulls = restart.NEVER_FAILED
        self._pulled = False
        self._timer: asyncio.TimerHandle | None = None
        self._ready_timer: asyncio.TimerHandle | None = None

    @property
    def init(self) -> bool:
        return self.role == "init"

    @property
    def sidecar(self) -> bool:
        return self.init and restart.is_sidecar(self.spec)

    @property
    def running(self) -> bool:
        return self.view.current is not None and self.view.current.state == "running"

    @property
    def has_ended(self) -> bool:
        """It has ended, and nothing is planned that would start it again."""
        current = self.view.current
        return current is not None and current.state == "exited" and self._timer is None and self.view.waiting is None

    @property
    def lets_others_start(self) -> bool:
        """Of an init container: those behind it may begin."""
        current = self.view.current
        if self.sidecar:
            return self.view.started
        return current is not None and self.has_ended and current.exit_code == 0

    # --- what its Pod tells it

    def begin(self) -> None:
        """Its turn has come: pull the image, then start."""
        self.begun = True
        if problem := self._home.problem(self):
            self.view.waiting = (CONFIG_ERROR, problem)
            self._context.events.failed(self._home.pod, self.spec, problem)
            return
        acts = self.acts = self._home.behaviour(self)
        if acts.pull_error:
            self._pull_fails()
        elif acts.pull_delay and not self._pulled:
            self._pulled = True
            self._later(acts.pull_delay, self.begin)
        elif acts.start_delay:
            self._later(acts.start_delay, self._run)
        else:
            self._run()

    def resume(self, status: ContainerStatus) -> None:
        """Take up what an earlier run of the node reported: what ran still runs."""
        view = self.view
        view.restarts = status.restartCount
        view.current, view.previous = reported.runs(self.spec, status)
        view.started, view.ready = bool(status.started), status.ready
        self.begun = self._pulled = view.current is not None
        acts = self.acts = self._home.behaviour(self)
        if self.running and not (view.ready or self.sidecar):
            self._becomes_ready()
        if self.running and acts.run_seconds is not None and view.current is not None:
            now = self._context.clock.now()
            passed = (now - (view.current.started_at or now)).total_seconds()
            self._later(acts.run_seconds - passed, self._exit)
        elif view.current is not None and view.current.state == "exited":
            self._after_end()

    def respec(self, spec: Container) -> None:
        """Its spec has changed: with another image it starts anew, with other resources if its resizePolicy says so."""
        old, self.spec = self.spec, spec
        if self.init and not self.sidecar and self.running:
            return  # it is waited for
        if old.image != spec.image and (self.running or self.view.waiting):
            sidecar = f"Init container {old.name} definition changed"
            message = sidecar if self.sidecar else f"Container {old.name} definition changed, will be restarted"
            self.backoff = self._pulls = restart.NEVER_FAILED  # those were the other image's
        elif self.running and restart.resize_restarts(old, spec):
            message = restart.RESIZED.format(old.name)
        else:
            return
        self.cancel()
        if self.running:
            self._context.events.killing(self._home.pod, old, message)
            self._end(self.acts.stop_exit_code, "")
        current = self.view.current
        if current is not None and current.attempt == self.view.restarts:
            self.view.restarts += 1
        self.view.waiting = None
        self.begin()

    def rescript(self) -> None:
        """The annotations have changed: whether it is ready can change while it runs, everything else with its next
        run."""
        ready = self._home.behaviour(self).ready
        if not self.running or ready == self.acts.ready:
            return
        self.acts = replace(self.acts, ready=ready)
        self._forget_ready_timer()
        self._becomes_ready()

    def look_again(self) -> None:
        """What it missed may be there now."""
        if self.view.waiting is not None and self.view.waiting[0] == CONFIG_ERROR:
            self.view.waiting, self.begun = None, False

    def stop(self) -> None:
        """It ends now and for good."""
        self.cancel()
        self.view.waiting = None
        if self.running:
            self._end(self.acts.stop_exit_code, "")

    def cancel(self) -> None:
        """Nothing of what is planned for it will happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._forget_ready_timer()

    # --- a run

    def _run(self) -> None:
        view, spec, pod = self.view, self.spec, self._home.pod
        view.waiting = None
        if view.current is not None:
            view.previous = view.current
        view.current = ContainerRecord(
            id=f"{pod.metadata.uid}-{spec.name}-{view.restarts}",
            name=spec.name,
            attempt=view.restarts,
            state="running",
            image=spec.image,
            image_id=spec.image,
            started_at=self._context.now(),
        )
        if error := self.acts.start_error:
            self._end(128, "StartError", error)
            self._context.events.failed(pod, spec, error)
            self._after_end()
            return
        self._context.events.started(pod, spec)
        self._becomes_ready()
        seconds = self.acts.run_seconds
        if seconds is not None and seconds > 0:
            self._later(seconds, self._exit)
        elif seconds is not None:
            self._exit()

    def _becomes_ready(self) -> None:
        acts, view = self.acts, self.view
        if self.role == "ephemeral":  # nobody asks whether it is
            return
        view.started = True
        view.ready = acts.ready and not acts.ready_delay
        if acts.ready and acts.ready_delay:

            def ready() -> None:
                self._ready_timer = None
                view.ready = True
                self._home.went_on()

            self._ready_timer = self._context.clock.call_later(acts.ready_delay, ready)

    def _forget_ready_timer(self) -> None:
        if self._ready_timer is not None:
            self._ready_timer.cancel()
            self._ready_timer = None

    def _exit(self) -> None:
        self._end(self.acts.exit_code, self.acts.exit_reason)
        self._after_end()

    def _end(self, code: int, reason: str, message: str = "") -> None:
        view = self.view
        record = view.current
        if record is None:
            return
        self._forget_ready_timer()
        view.ready = view.started = False
        view.current = replace(
            record, state="exited", finished_at=self._context.now(), exit_code=code, reason=reason, message=message
        )

    def _after_end(self) -> None:
        """Restart it now or later, or let the Pod see what its end means."""
        record, pod = self.view.current, self._home.pod
        if self._home.ending or record is None:
            return
        if self.role == "ephemeral" or not restart.restarts(
            pod.spec.restartPolicy, self.spec, record.exit_code, init=self.init
        ):
            self._home.ended(self)
            return
        wait = restart.remaining(self.backoff, record.finished_at, self._context.clock.now())
        if wait > 0:
            self.view.waiting = crash_loop(pod, self.spec, self.backoff.seconds)
            self._context.events.restart_backoff(pod, self.spec)
            self._later(wait, self._restart)
        else:
            self._restart()

    def _restart(self) -> None:
        ended = self.view.current.finished_at if self.view.current is not None else None
        self.backoff = restart.advanced(self.backoff, ended, self._context.clock.now())
        self.view.restarts += 1
        self.begin()

    # --- its image

    def _pull_fails(self) -> None:
        events, pod, spec = self._context.events, self._home.pod, self.spec
        if problem := image_names.problem(spec.image):
            self.view.waiting = (image_names.INVALID, problem)
            events.image_refused(pod, spec, image_names.INVALID, problem)
            return
        message = f'failed to pull and unpack image "{spec.image}": {self.acts.pull_error}'
        self.view.waiting = ("ErrImagePull", message)
        now = self._context.clock.now()
        self._pulls = restart.advanced(self._pulls, now, now)
        events.pulling(pod, spec)
        events.pull_failed(pod, spec, "ErrImagePull", message)
        wait = self._pulls.seconds  # from now; the next look at the Pod finds the pull in back-off

        def back_off() -> None:
            self.view.waiting = ("ImagePullBackOff", f'Back-off pulling image "{spec.image}": ErrImagePull: {message}')
            events.pull_backoff(self._home.pod, spec)
            self._later(wait - 1, self.begin)

        self._later(1, back_off)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do that after so many seconds, then let the Pod go on."""

        def fire() -> None:
            self._timer = None
            action()
            self._home.went_on()

        self._timer = self._context.clock.call_later(seconds, fire)
