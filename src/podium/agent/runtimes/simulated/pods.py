"""The Pods of a simulated node. Nothing runs: a Pod is a record, and what is to happen to it later is a timer.

A Pod whose image is plausible is Running and Ready with one status write; there is no task per Pod, so that thousands
cost little. What a container does comes from `behaviour`; restarts, phases and statuses are the rules of every runtime.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from podium.agent import image_names, restart
from podium.agent.addresses import AddressPool
from podium.agent.driver import NodeContext, container_not_found
from podium.agent.events import crash_loop
from podium.agent.phase import FINAL
from podium.agent.runtime import ContainerRecord
from podium.agent.runtimes.simulated import commands, needs
from podium.agent.runtimes.simulated import exec as exec_
from podium.agent.runtimes.simulated.behaviour import RUNS, Behaviour, FirstRuns, behaviour, is_scripted
from podium.agent.status import DEADLINE, ID_SCHEME, ContainerView, PodView, pod_status
from podium.machinery import errors
from podium.machinery.streams import ClientStreams, Connection, LogOptions, StreamOptions
from podium.models.core_v1 import Container, ContainerStateTerminated, ContainerStatus, Pod, PodStatus

ATTACH_POLL = 0.5

CONFIG_ERROR = "CreateContainerConfigError"


class SimulatedContainer:
    __slots__ = ("acts", "backoff", "begun", "init", "pulled", "pulls", "spec", "timer", "view")

    def __init__(self, spec: Container, init: bool) -> None:
        self.spec = spec
        self.init = init
        self.view = ContainerView()
        self.backoff = restart.NEVER_FAILED
        self.pulls = restart.NEVER_FAILED
        self.pulled = False
        self.begun = False
        self.acts: Behaviour = RUNS
        self.timer: asyncio.TimerHandle | None = None

    @property
    def sidecar(self) -> bool:
        return self.init and restart.is_sidecar(self.spec)

    @property
    def running(self) -> bool:
        return self.view.current is not None and self.view.current.state == "running"

    @property
    def ended(self) -> bool:
        """It has ended, and nothing is planned that would start it again."""
        current = self.view.current
        return current is not None and current.state == "exited" and self.timer is None and self.view.waiting is None

    def cancel(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class SimulatedPod:
    __slots__ = ("containers", "deadline", "ending", "ip", "placed", "pod", "reason", "start_time", "views")

    def __init__(self, pod: Pod, ip: str, start_time: datetime) -> None:
        self.pod = pod
        self.ip = ip
        self.start_time = start_time
        self.ending = False
        self.placed = False
        """Its volumes are there."""
        self.reason = ""
        self.deadline: asyncio.TimerHandle | None = None
        self.containers = [SimulatedContainer(c, True) for c in pod.spec.initContainers]
        self.containers += [SimulatedContainer(c, False) for c in pod.spec.containers]
        self.views = {c.spec.name: c.view for c in self.containers}


class SimulatedPods:
    """The driver of a simulated node."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._clock = context.clock
        self._pods: dict[str, SimulatedPod] = {}
        self._addresses = AddressPool(context.pod_cidr)
        self._first_runs = FirstRuns()

    async def start(self) -> None:
        """Nothing outlives the process but the statuses in the API."""
        await self._context.interests.start()

    async def remove_orphans(self) -> None:
        """There is nothing that could run without its Pod."""

    async def stop(self) -> None:
        for sim in self._pods.values():
            self._cancel(sim)
        self._pods.clear()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is None:
            if old is not None:
                self._forget(old)
            return
        sim = self._pods.get(new.metadata.uid)
        if sim is None:
            self._admit(new)
        else:
            before, sim.pod = sim.pod, new
            if new.metadata.deletionTimestamp is not None:
                if not sim.ending or before.metadata.deletionGracePeriodSeconds != (
                    new.metadata.deletionGracePeriodSeconds
                ):
                    self._terminate(sim)
            elif new.metadata.generation != before.metadata.generation:
                self._respec(sim)

    async def logs(self, pod: Pod, options: LogOptions) -> AsyncIterator[bytes]:
        """What a trivial command would have printed."""
        sim = self._pods.get(pod.metadata.uid)
        container = next((c for c in sim.containers if c.spec.name == options.container), None) if sim else None
        if container is None or container.view.current is None:
            raise errors.BadRequest(
                f'container "{options.container}" in pod "{pod.metadata.name}" is waiting to start: ContainerCreating'
            )
        record = container.view.previous if options.previous else container.view.current
        if record is None:
            raise errors.BadRequest(
                f'previous terminated container "{options.container}" in pod "{pod.metadata.name}" not found'
            )
        if container.acts.output:
            yield (container.acts.output + "\n").encode()

    async def exec(self, pod: Pod, command: Sequence[str], options: StreamOptions, client: ClientStreams) -> int:
        container = self._running(pod, options.container)
        hostname = pod.spec.hostname or pod.metadata.name[:63]
        known = commands.variables(pod, container.spec)
        return await exec_.run(command, options, client, {"PATH": os.defpath, "HOSTNAME": hostname, **known})

    async def attach(self, pod: Pod, options: StreamOptions, client: ClientStreams) -> None:
        """It never writes anything after its start: there is only its end to wait for."""
        container = self._running(pod, options.container)
        record = container.view.current
        while container.running and container.view.current is record and pod.metadata.uid in self._pods:
            await self._clock.sleep(ATTACH_POLL)

    async def connect(self, pod: Pod, port: int) -> Connection:
        raise errors.InternalError(f"Pods of this node are simulated: nothing listens on port {port}")

    def _running(self, pod: Pod, name: str) -> SimulatedContainer:
        sim = self._pods.get(pod.metadata.uid)
        for container in sim.containers if sim else ():
            if container.spec.name == name and container.running:
                return container
        raise container_not_found(name)

    # --- a Pod comes and goes

    def _admit(self, pod: Pod) -> None:
        status = pod.status
        if status.phase in FINAL:
            if pod.metadata.deletionTimestamp is not None:
                self._context.statuses.remove(pod)
            return
        host_network = bool(pod.spec.hostNetwork)
        ip = self._context.host_ip if host_network else self._address(status.podIP)
        sim = SimulatedPod(pod, ip, status.startTime or self._context.now())
        self._pods[pod.metadata.uid] = sim
        if status.containerStatuses and status.podIP:
            self._resume(sim, status)
        if pod.metadata.deletionTimestamp is not None:
            self._terminate(sim)
            return
        if pod.spec.activeDeadlineSeconds is not None:
            self._arm_deadline(sim)
        self._advance(sim)
        self._report(sim)

    def _address(self, known: str) -> str:
        if known and self._addresses.claim(known):
            return known
        return self._addresses.take()

    def _forget(self, pod: Pod) -> None:
        sim = self._pods.pop(pod.metadata.uid, None)
        if sim is not None:
            self._cancel(sim)
            if not pod.spec.hostNetwork:
                self._addresses.give_back(sim.ip)
        self._context.statuses.forget(pod.metadata.uid)

    def _cancel(self, sim: SimulatedPod) -> None:
        self._context.interests.forget(sim.pod.metadata.uid)
        for container in sim.containers:
            container.cancel()
        if sim.deadline is not None:
            sim.deadline.cancel()
            sim.deadline = None

    def _resume(self, sim: SimulatedPod, status: PodStatus) -> None:
        """Take up a Pod that an earlier run reported: what ran still runs."""
        known = {s.name: s for s in (*status.initContainerStatuses, *status.containerStatuses)}
        for container in sim.containers:
            reported = known.get(container.spec.name)
            if reported is None:
                continue
            view = container.view
            view.restarts = reported.restartCount
            view.current, view.previous = _records(container.spec, reported)
            view.started, view.ready = bool(reported.started), reported.ready
            container.begun = container.pulled = view.current is not None
            container.acts = self._behaviour(sim, container)
            if container.running and not (view.ready or container.sidecar):
                self._start_probes(sim, container)
            if container.running and container.acts.run_seconds is not None and view.current is not None:
                began = view.current.started_at or sim.start_time
                passed = (self._clock.now() - began).total_seconds()
                self._later(sim, container, container.acts.run_seconds - passed, self._exit)
            elif view.current is not None and view.current.state == "exited":
                self._after_exit(sim, container)

    def _terminate(self, sim: SimulatedPod) -> None:
        """The Pod is to go: its containers stop, at once unless scripted, at the latest after the grace period."""
        sim.ending = True
        self._cancel(sim)
        grace = sim.pod.metadata.deletionGracePeriodSeconds or 0
        delay = max((c.acts.stop_delay for c in sim.containers if c.running), default=0.0)
        delay = min(delay, float(grace))
        if delay > 0:
            sim.deadline = self._clock.call_later(delay, lambda: self._stopped(sim))
            self._report(sim)
        else:
            self._stopped(sim)

    def _stopped(self, sim: SimulatedPod) -> None:
        self._stop_running(sim)
        pod = sim.pod
        if pod.metadata.finalizers or pod.spec.restartPolicy != "Always":
            self._context.statuses.remove(pod, self._status(sim))  # somebody reads how it ended
        else:
            self._context.statuses.remove(pod)

    def _stop_running(self, sim: SimulatedPod) -> None:
        for container in sim.containers:
            container.cancel()
            container.view.waiting = None
            if container.running:
                self._ended(container, container.acts.stop_exit_code, "")

    def _arm_deadline(self, sim: SimulatedPod) -> None:
        if sim.deadline is not None:
            sim.deadline.cancel()
            sim.deadline = None
        seconds = sim.pod.spec.activeDeadlineSeconds
        if seconds is not None and not sim.ending:
            left = seconds - (self._clock.now() - sim.start_time).total_seconds()
            sim.deadline = self._clock.call_later(left, lambda: self._expire(sim))

    def _expire(self, sim: SimulatedPod) -> None:
        sim.deadline = None
        sim.reason, sim.ending = "DeadlineExceeded", True
        self._stop_running(sim)
        self._context.events.pod(sim.pod, "Normal", "DeadlineExceeded", DEADLINE)
        self._report(sim)

    def _respec(self, sim: SimulatedPod) -> None:
        """What may change of a Pod's spec has changed: its deadline, or images, for which containers start anew."""
        self._arm_deadline(sim)
        specs = {spec.name: spec for spec in (*sim.pod.spec.initContainers, *sim.pod.spec.containers)}
        for container in sim.containers:
            old, container.spec = container.spec, specs[container.spec.name]
            if old.image != container.spec.image and not sim.ending and (container.running or container.view.waiting):
                message = f"Container {old.name} definition changed, will be restarted"
                self._context.events.killing(sim.pod, old, message)
                container.cancel()
                if container.running:
                    self._ended(container, container.acts.stop_exit_code, "")
                    container.view.restarts += 1
                container.view.waiting = None
                self._begin(sim, container)
        self._report(sim)

    # --- its containers

    def _advance(self, sim: SimulatedPod) -> None:
        """Start every container whose turn it is."""
        if not sim.placed and not self._place(sim):
            return
        for container in sim.containers:
            if not container.init:
                if not container.begun:
                    self._begin(sim, container)
                continue
            if not container.begun:
                self._begin(sim, container)
            current = container.view.current
            if container.sidecar:
                if not container.view.started:
                    return
            elif current is None or not container.ended or current.exit_code != 0:
                return

    def _place(self, sim: SimulatedPod) -> bool:
        """Whether the Pod's volumes could be set up; if not, it is tried again when what they show has changed."""
        problem = needs.volume_problem(sim.pod, self._context.interests)
        if problem:
            self._context.events.pod(sim.pod, "Warning", "FailedMount", problem)
            self._look_again(sim)
        sim.placed = not problem
        return sim.placed

    def _look_again(self, sim: SimulatedPod) -> None:
        """Go on when an object comes or changes that the Pod refers to."""
        uid = sim.pod.metadata.uid

        def changed() -> None:
            if not sim.ending:
                self._context.interests.forget(uid)
                for container in sim.containers:
                    if container.view.waiting is not None and container.view.waiting[0] == CONFIG_ERROR:
                        container.view.waiting, container.begun = None, False
                self._advance(sim)
                self._report(sim)

        self._context.interests.want(uid, needs.keys(sim.pod, self._context.interests), changed)

    def _behaviour(self, sim: SimulatedPod, container: SimulatedContainer) -> Behaviour:
        init = container.init and not container.sidecar
        attempt = container.view.restarts
        first = is_scripted(sim.pod) and self._first_runs.is_first(sim.pod, container.spec, attempt)
        return behaviour(sim.pod, container.spec, attempt, init=init, first=first)

    def _begin(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        container.begun = True
        problem = needs.container_problem(sim.pod, container.spec, self._context.interests)
        if problem:
            container.view.waiting = (CONFIG_ERROR, problem)
            self._context.events.failed(sim.pod, container.spec, problem)
            self._look_again(sim)
            return
        acts = container.acts = self._behaviour(sim, container)
        if acts.pull_error:
            self._pull_fails(sim, container)
        elif acts.pull_delay and not container.pulled:
            container.pulled = True
            self._later(sim, container, acts.pull_delay, self._begin)
        elif acts.start_delay:
            self._later(sim, container, acts.start_delay, self._run)
        else:
            self._run(sim, container)

    def _run(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        acts, view = container.acts, container.view
        view.waiting = None
        if view.current is not None:
            view.previous = view.current
        view.current = ContainerRecord(
            id=f"{sim.pod.metadata.uid}-{container.spec.name}-{view.restarts}",
            name=container.spec.name,
            attempt=view.restarts,
            state="running",
            image=container.spec.image,
            image_id=container.spec.image,
            started_at=self._context.now(),
        )
        if acts.start_error:
            self._ended(container, 128, "StartError", acts.start_error)
            self._context.events.failed(sim.pod, container.spec, acts.start_error)
            self._after_exit(sim, container)
            return
        self._context.events.started(sim.pod, container.spec)
        self._start_probes(sim, container)
        if acts.run_seconds is not None:
            if acts.run_seconds > 0:
                self._later(sim, container, acts.run_seconds, self._exit)
            else:
                self._exit(sim, container)

    def _start_probes(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        acts, view = container.acts, container.view
        view.started = True
        view.ready = acts.ready and not acts.ready_delay
        if acts.ready and acts.ready_delay:
            record = view.current

            def ready() -> None:
                if view.current is record and container.running and not sim.ending:
                    view.ready = True
                    self._report(sim)

            self._clock.call_later(acts.ready_delay, ready)

    def _exit(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        acts = container.acts
        self._ended(container, acts.exit_code, acts.exit_reason)
        self._after_exit(sim, container)

    def _ended(self, container: SimulatedContainer, code: int, reason: str, message: str = "") -> None:
        view = container.view
        record = view.current
        if record is None:
            return
        view.ready = view.started = False
        view.current = ContainerRecord(
            id=record.id,
            name=record.name,
            attempt=record.attempt,
            state="exited",
            image=record.image,
            image_id=record.image_id,
            started_at=record.started_at,
            finished_at=self._context.now(),
            exit_code=code,
            reason=reason,
            message=message,
        )

    def _after_exit(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        """Restart it now or later, or see what its end means for the Pod."""
        record = container.view.current
        if sim.ending or record is None:
            return
        if restart.restarts(sim.pod.spec.restartPolicy, container.spec, record.exit_code, init=container.init):
            now = self._clock.now()
            wait = restart.remaining(container.backoff, record.finished_at, now)
            if wait > 0:
                container.view.waiting = crash_loop(sim.pod, container.spec, container.backoff.seconds)
                self._context.events.restart_backoff(sim.pod, container.spec)
                self._later(sim, container, wait, self._restart)
            else:
                self._restart(sim, container)
        elif container.init:
            self._advance(sim)
        elif all(c.ended for c in sim.containers if not c.init):
            sim.ending = True
            self._stop_running(sim)  # sidecars don't outlive the others
            self._cancel(sim)

    def _restart(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        container.backoff = restart.advanced(container.backoff, self._clock.now())
        container.view.restarts += 1
        self._begin(sim, container)

    def _pull_fails(self, sim: SimulatedPod, container: SimulatedContainer) -> None:
        events, spec, error = self._context.events, container.spec, container.acts.pull_error
        if problem := image_names.problem(spec.image):
            container.view.waiting = (image_names.INVALID, problem)
            events.image_refused(sim.pod, spec, image_names.INVALID, problem)
            return
        message = f'failed to pull and unpack image "{spec.image}": {error}'
        container.view.waiting = ("ErrImagePull", message)
        container.pulls = restart.advanced(container.pulls, self._clock.now())
        events.pulling(sim.pod, spec)
        events.pull_failed(sim.pod, spec, "ErrImagePull", message)
        wait = container.pulls.seconds  # from now; the next look at the Pod finds the pull in back-off

        def back_off(sim: SimulatedPod, container: SimulatedContainer) -> None:
            text = f'Back-off pulling image "{spec.image}": ErrImagePull: {message}'
            container.view.waiting = ("ImagePullBackOff", text)
            events.pull_backoff(sim.pod, spec)
            self._later(sim, container, wait - 1, self._begin)

        self._later(sim, container, 1, back_off)

    # --- helpers

    def _later(
        self,
        sim: SimulatedPod,
        container: SimulatedContainer,
        seconds: float,
        action: Callable[[SimulatedPod, SimulatedContainer], None],
    ) -> None:
        """Do that to the container after so many seconds, then start what follows and report."""

        def fire() -> None:
            container.timer = None
            action(sim, container)
            if not sim.ending:
                self._advance(sim)
            self._report(sim)

        container.timer = self._clock.call_later(seconds, fire)

    def _status(self, sim: SimulatedPod) -> PodStatus:
        view = PodView(
            views=sim.views,
            start_time=sim.start_time,
            host_ip=self._context.host_ip,
            ip=sim.ip,
            sandbox_ready=not sim.ending,
            ending=sim.ending,
            reason=sim.reason,
            message=DEADLINE if sim.reason else "",
        )
        return pod_status(sim.pod, view, self._context.now(), self._context.statuses.last(sim.pod))

    def _report(self, sim: SimulatedPod) -> None:
        self._context.statuses.set(sim.pod, self._status(sim))


def _records(spec: Container, status: ContainerStatus) -> tuple[ContainerRecord | None, ContainerRecord | None]:
    """The newest run and the one before it, as a status tells."""

    running = status.state.running
    current = None
    if running is not None:
        current = _record(spec, status, status.restartCount, running.startedAt, None)
    elif status.state.terminated is not None:
        current = _record(spec, status, status.restartCount, None, status.state.terminated)
    previous = None
    if status.lastState.terminated is not None:
        previous = _record(spec, status, max(status.restartCount - 1, 0), None, status.lastState.terminated)
    return (current, previous) if current is not None else (previous, None)


def _record(
    spec: Container,
    status: ContainerStatus,
    attempt: int,
    started: datetime | None,
    ended: ContainerStateTerminated | None,
) -> ContainerRecord:
    return ContainerRecord(
        id=(ended.containerID if ended is not None else status.containerID).removeprefix(ID_SCHEME),
        name=spec.name,
        attempt=attempt,
        state="running" if ended is None else "exited",
        image=spec.image,
        image_id=status.imageID,
        started_at=started if ended is None else ended.startedAt,
        finished_at=None if ended is None else ended.finishedAt,
        exit_code=0 if ended is None else ended.exitCode,
        reason="" if ended is None else ended.reason,
        message="" if ended is None else ended.message,
    )
