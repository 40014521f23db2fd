"""One worker per Pod, for runtimes that run something: it looks at what is, decides what is next, and does that.

The worker is level-triggered: whatever wakes it (a change of the Pod, the end of a container, a probe's verdict, a
timer), it starts from what the runtime says. The decisions are in `actions`, `restart`, `phase`, `conditions`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from podium.agent import logs, references, restart
from podium.agent.actions import Actions, Known, decide
from podium.agent.container_start import Place, container_config
from podium.agent.containers import everything
from podium.agent.driver import NodeContext
from podium.agent.environment import PodFacts
from podium.agent.events import NORMAL, WARNING, crash_loop
from podium.agent.hostname import pod_name
from podium.agent.image_puller import ImagePuller
from podium.agent.phase import FINAL
from podium.agent.probes import handlers
from podium.agent.probes.prober import Prober
from podium.agent.runtime import ContainerRecord, Runtime, RuntimeFailure, Sandbox, SandboxConfig
from podium.agent.services.proxy import ServiceProxy
from podium.agent.status import DEADLINE, ID_SCHEME, PodView, pod_status
from podium.agent.volumes.contents import VolumeError
from podium.agent.volumes.pod_volumes import PodVolumes
from podium.machinery import errors
from podium.models.core_v1 import Container, Pod, PodStatus

RETRY_SECONDS = 10.0
HOOK_RESERVE = 2.0
"""What is left of the grace period for the stop itself, however long the preStop hook took."""
MESSAGE_BYTES, FALLBACK_BYTES, FALLBACK_LINES = 4096, 2048, 80

_log = logging.getLogger(__name__)


class PodWorker:
    def __init__(self, context: NodeContext, runtime: Runtime, services: ServiceProxy, pod: Pod) -> None:
        self.pod = pod
        self.uid = pod.metadata.uid
        self._context = context
        self._runtime = runtime
        self._services = services
        self._wake = asyncio.Event()
        self._start_time = pod.status.startTime or context.now()
        self._known = {container.name: Known() for container in everything(pod)}
        self._probers: dict[str, Prober] = {}
        self._messages: dict[str, str] = {}
        self._images = ImagePuller(context, runtime)
        self._volumes = PodVolumes(context, pod.metadata.uid, self._wake.set)
        self._gone = False
        self._ending = False
        self._done = pod.status.phase in FINAL
        self._reason = pod.status.reason if self._done else ""
        self._hurrying: set[asyncio.Task[None]] = set()

    # --- what others tell it

    def update(self, pod: Pod) -> None:
        """The Pod has changed in the API."""
        before, self.pod = self.pod, pod
        self._volumes.update(before, pod)
        if before.metadata.generation != pod.metadata.generation:
            self._try_new_images(before)
        grace = pod.metadata.deletionGracePeriodSeconds
        earlier = before.metadata.deletionGracePeriodSeconds
        if grace is not None and earlier is not None and grace < earlier:
            self._hurry(float(grace))
        if (
            before.metadata.generation != pod.metadata.generation
            or before.metadata.deletionTimestamp != pod.metadata.deletionTimestamp
            or before.status.conditions != pod.status.conditions
        ):
            self._wake.set()

    def _try_new_images(self, before: Pod) -> None:
        """A container that waits for an image needn't wait for another one."""
        images = {c.name: c.image for c in (*before.spec.initContainers, *before.spec.containers)}
        for container in self._containers():
            known = self._known.get(container.name)
            if known is not None and images.get(container.name) != container.image:
                known.pulls, known.retry_at = restart.NEVER_FAILED, None

    def remove(self) -> None:
        """The Pod is gone from the API: nothing of it may stay."""
        self._gone = True
        self._hurry(1.0)
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    # --- the loop

    async def run(self) -> None:
        try:
            while True:
                self._wake.clear()
                try:
                    wait = await self._sync()
                except errors.StatusError as error:
                    _log.warning("pod %s/%s: %s", self.pod.metadata.namespace, self.pod.metadata.name, error)
                    wait = RETRY_SECONDS
                if self._gone:
                    await self._runtime.remove_sandbox(self.uid)
                    return
                await self._sleep(wait)
        finally:
            self._volumes.close()
            for prober in self._probers.values():
                prober.stop()
            for task in self._hurrying:
                task.cancel()

    async def _sleep(self, seconds: float | None) -> None:
        handle = self._context.clock.call_later(seconds, self._wake.set) if seconds is not None else None
        try:
            await self._wake.wait()
        finally:
            if handle is not None:
                handle.cancel()

    async def _sync(self) -> float | None:
        """Bring the Pod one step forward; seconds until the next look, or None."""
        pod = self.pod
        self._observe()
        if self._gone:
            await self._stop_all(1.0)
            return None
        if pod.metadata.deletionTimestamp is not None:
            await self._terminate()
            return None
        if self._done:
            await self._stop_all(2.0)
            await self._runtime.stop_sandbox(self.uid)
            return None
        left = self._deadline_left()
        if left is not None and left <= 0:
            await self._expire()
            return None
        if pod.status.startTime is None:
            self._report()
        if not await self._prepare():
            return _soonest(RETRY_SECONDS, left)
        actions = decide(pod, self._known, self._context.clock.now())
        if actions.finished:
            await self._complete()
            return None
        acted = await self._act(actions)
        self._observe()
        self._report()
        if acted:
            again = decide(pod, self._known, self._context.clock.now())
            if again.start or again.kill or again.finished:
                self._wake.set()
            actions = again
            self._crash_loops(actions)
            self._report()
        refresh_at = self._volumes.refresh_at
        refresh = (refresh_at - self._context.clock.now()).total_seconds() if refresh_at is not None else None
        return _soonest(actions.wait, left, refresh)

    # --- what is

    def _observe(self) -> None:
        """Take over what the runtime and the probers know."""
        runs: dict[str, list[ContainerRecord]] = {}
        for record in self._runtime.containers(self.uid):
            runs.setdefault(record.name, []).append(record)
        reported = {
            status.name: status
            for status in (
                *self.pod.status.initContainerStatuses,
                *self.pod.status.containerStatuses,
                *self.pod.status.ephemeralContainerStatuses,
            )
        }
        for container in self._containers():
            known = self._known.setdefault(container.name, Known())
            view = known.view
            records = runs.get(container.name, [])
            view.current = self._with_message(container, records[-1]) if records else None
            view.previous = self._with_message(container, records[-2]) if len(records) > 1 else None
            status = reported.get(container.name)
            view.restarts = records[-1].attempt if records else status.restartCount if status else 0
            known.unhealthy = ""
            current = view.current
            if current is None or current.state != "running":
                view.started = view.ready = False
                if current is not None and (prober := self._probers.pop(current.id, None)):
                    prober.stop()
                continue
            view.waiting = None
            prober = self._probers.get(current.id)
            if prober is None and not self._ending and current.started_at is not None:
                same = status is not None and status.containerID == ID_SCHEME + current.id
                started, ready = (bool(status.started), status.ready) if same and status else (False, False)
                prober = self._probe(container, current, started=started, ready=ready)
            if prober is not None:
                view.started, view.ready = prober.started, prober.ready
                known.unhealthy = "" if self._ending else prober.failed or ""

    def _with_message(self, container: Container, record: ContainerRecord) -> ContainerRecord:
        """A run that has ended, with the last message it left."""
        if record.state != "exited" or record.message:
            return record
        if record.id not in self._messages:
            path = self._runtime.termination_message(record.id)
            with path.open("rb") as file:
                text = file.read(MESSAGE_BYTES).decode(errors="replace")
            if not text and record.exit_code and container.terminationMessagePolicy == "FallbackToLogsOnError":
                text = logs.last_bytes(self._runtime.log_path(record.id), FALLBACK_BYTES, FALLBACK_LINES)
            self._messages[record.id] = text
        return replace(record, message=self._messages[record.id])

    def _probe(self, container: Container, record: ContainerRecord, *, started: bool, ready: bool) -> Prober:
        began = record.started_at or self._context.clock.now()
        prober = Prober(
            handlers.Target(self._runtime, self._context.clock, container, record.id, self._ip()),
            (self._context.clock.now() - began).total_seconds(),
            self._wake.set,
            lambda reason, message: self._context.events.container(self.pod, container, WARNING, reason, message),
        )
        self._probers[record.id] = prober
        prober.start(started=started, ready=ready)
        return prober

    def _containers(self) -> tuple[Container, ...]:
        return everything(self.pod)

    def _sandbox(self) -> Sandbox | None:
        sandbox = self._runtime.sandbox(self.uid)
        return sandbox if sandbox is not None and not sandbox.stopped else None

    def _ip(self) -> str:
        sandbox = self._runtime.sandbox(self.uid)
        return sandbox.ip if sandbox is not None else self.pod.status.podIP

    def _facts(self) -> PodFacts:
        return PodFacts(self._ip(), self._context.host_ip, self._context.allocatable)

    # --- the Pod's place

    async def _prepare(self) -> bool:
        """Volumes and sandbox; False if they are not there yet."""
        try:
            await self._volumes.ensure(self.pod, self._runtime.directory(self.uid) / "volumes", self._facts())
        except VolumeError as error:
            self._context.events.pod(self.pod, WARNING, "FailedMount", str(error))
            if self._volumes.placed is None:
                self._report()
                return False
        if self._sandbox() is not None:
            return True
        try:
            await self._runtime.run_sandbox(self._sandbox_config())
        except (RuntimeFailure, LookupError) as error:
            message = f"Failed to create pod sandbox: {error}"
            self._context.events.pod(self.pod, WARNING, "FailedCreatePodSandBox", message)
            self._report()
            return False
        return True

    def _sandbox_config(self) -> SandboxConfig:
        metadata, spec = self.pod.metadata, self.pod.spec
        name = pod_name(self.pod)
        shared = bool(spec.hostNetwork) or not self._runtime.mounts
        return SandboxConfig(
            uid=self.uid,
            namespace=metadata.namespace,
            name=metadata.name,
            hostname=name.hostname,
            host_network=bool(spec.hostNetwork),
            own_names=name.names,
            host_aliases=tuple((alias.ip, alias.hostnames) for alias in spec.hostAliases),
            service_names=() if shared else self._services.names(metadata.namespace),
        )

    # --- its containers

    async def _act(self, actions: Actions) -> bool:
        """Carry the actions out; whether anything was done that may call for more."""
        self._crash_loops(actions)
        for container, message in actions.kill:
            known = self._known[container.name]
            await self._kill(container, self._kill_grace(container, known), message)
        for container in actions.start:
            if self._gone or self.pod.metadata.deletionTimestamp is not None:
                return True
            await self._start(container)
            self._observe()
        return bool(actions.kill or actions.start)

    def _crash_loops(self, actions: Actions) -> None:
        for container in actions.crash_looping:
            known = self._known[container.name]
            waiting = crash_loop(self.pod, container, known.backoff.seconds)
            if known.view.waiting != waiting:
                self._context.events.restart_backoff(self.pod, container)
            known.view.waiting = waiting

    def _kill_grace(self, container: Container, known: Known) -> float:
        probe = container.startupProbe if known.unhealthy == "startup" else container.livenessProbe
        if known.unhealthy and probe is not None and probe.terminationGracePeriodSeconds is not None:
            return float(probe.terminationGracePeriodSeconds)
        return self._grace()

    def _grace(self) -> float:
        seconds = self.pod.spec.terminationGracePeriodSeconds
        return float(30 if seconds is None else seconds)

    async def _start(self, container: Container) -> None:
        """Start the container, or note why that can't be done now."""
        known = self._known[container.name]
        now = self._context.clock.now()
        image = await self._images.ensure(self.pod, container, known)
        if image is None:
            return
        attempt = known.view.restarts
        if known.view.current is not None or (known.view.restarts and not self._runtime.containers(self.uid)):
            attempt += 1
        try:
            sandbox = self._runtime.sandbox(self.uid)
            found = await references.fetch(self._context, self.pod, services=True)
            if sandbox is not None and not sandbox.network:
                found = await references.with_api_itself(self._context, found)
            placed = self._volumes.placed or {}
            place = Place(self._runtime.directory(self.uid), placed, self._facts(), found, self._runtime.mounts)
            config = container_config(self.pod, container, attempt, image, place)
            container_id = await self._runtime.create_container(self.uid, config)
        except RuntimeFailure as error:
            known.view.waiting = (error.reason, str(error))
            known.retry_at = now + timedelta(seconds=RETRY_SECONDS)
            self._context.events.failed(self.pod, container, str(error))
            return
        if known.view.current is not None:
            known.backoff = restart.advanced(known.backoff, now)
        known.view.waiting, known.retry_at = None, None
        self._context.events.created(self.pod, container)
        try:
            await self._runtime.start_container(container_id)
        except RuntimeFailure as error:
            self._context.events.failed(self.pod, container, str(error))
            return
        self._context.events.started(self.pod, container)
        await self._forget_old_runs(container)
        await self._post_start(container, container_id)

    async def _forget_old_runs(self, container: Container) -> None:
        """Keep the newest run and the one before it."""
        runs = [record for record in self._runtime.containers(self.uid) if record.name == container.name]
        for record in runs[:-2]:
            self._messages.pop(record.id, None)
            await self._runtime.remove_container(record.id)

    async def _post_start(self, container: Container, container_id: str) -> None:
        lifecycle = container.lifecycle
        if lifecycle is None or lifecycle.postStart is None:
            return
        target = handlers.Target(self._runtime, self._context.clock, container, container_id, self._ip())
        outcome = await handlers.hook(target, lifecycle.postStart, self._grace())
        if not outcome.success:
            self._context.events.container(
                self.pod, container, WARNING, "FailedPostStartHook", f"PostStartHook failed: {outcome.message}"
            )
            self._observe()
            await self._kill(container, self._grace(), "FailedPostStartHook")

    async def _kill(self, container: Container, grace: float, message: str = "") -> None:
        """Stop a container: its preStop hook, then the signal, both within the grace period."""
        current = self._known[container.name].view.current
        if current is None or current.state != "running":
            return
        if prober := self._probers.get(current.id):
            prober.stop("liveness", "startup")
        self._context.events.killing(self.pod, container, message)
        began = self._context.clock.monotonic()
        hook = container.lifecycle.preStop if container.lifecycle is not None else None
        if hook is not None and grace > 0:
            target = handlers.Target(self._runtime, self._context.clock, container, current.id, self._ip())
            outcome = await handlers.hook(target, hook, grace)
            if not outcome.success:
                self._context.events.container(
                    self.pod, container, WARNING, "FailedPreStopHook", f"PreStopHook failed: {outcome.message}"
                )
            grace = max(grace - (self._context.clock.monotonic() - began), HOOK_RESERVE)
        await self._runtime.stop_container(current.id, grace)
        self._observe()

    # --- the end of the Pod

    async def _stop_all(self, grace: float) -> None:
        """Stop the containers at once, then the sidecars, the last one first."""
        self._ending = True
        began = self._context.clock.monotonic()
        first = [c for c in self._containers() if not restart.is_sidecar(c) or c in self.pod.spec.containers]
        await asyncio.gather(*(self._kill(container, grace) for container in first))
        sidecars = [c for c in self.pod.spec.initContainers if restart.is_sidecar(c)]
        for container in reversed(sidecars):
            left = max(grace - (self._context.clock.monotonic() - began), min(grace, 1.0))
            await self._kill(container, left)
        self._observe()

    async def _terminate(self) -> None:
        """The Pod is deleted: stop it, report how it ended, take it out of the API."""
        grace = self.pod.metadata.deletionGracePeriodSeconds
        await self._stop_all(self._grace() if grace is None else float(grace))
        for known in self._known.values():
            known.view.waiting = None
        await self._runtime.stop_sandbox(self.uid)
        self._context.statuses.remove(self.pod, self._status())

    async def _complete(self) -> None:
        """All containers have ended for good: sidecars don't outlive them."""
        await self._stop_all(self._grace())
        self._done = True
        await self._runtime.stop_sandbox(self.uid)
        self._report()

    async def _expire(self) -> None:
        self._reason = "DeadlineExceeded"
        self._context.events.pod(self.pod, NORMAL, "DeadlineExceeded", DEADLINE)
        await self._stop_all(self._grace())
        self._done = True
        await self._runtime.stop_sandbox(self.uid)
        self._report()

    def _deadline_left(self) -> float | None:
        seconds = self.pod.spec.activeDeadlineSeconds
        if seconds is None:
            return None
        return seconds - (self._context.clock.now() - self._start_time).total_seconds()

    def _hurry(self, grace: float) -> None:
        """The Pod is to end sooner than a stop that is under way allows."""
        for record in self._runtime.containers(self.uid):
            if record.state == "running":
                stop = self._runtime.stop_container(record.id, grace)
                task = asyncio.get_running_loop().create_task(stop)
                self._hurrying.add(task)
                task.add_done_callback(self._hurrying.discard)

    # --- what it reports

    def _status(self) -> PodStatus:
        view = PodView(
            views={name: known.view for name, known in self._known.items()},
            start_time=self._start_time,
            host_ip=self._context.host_ip,
            ip=self._ip(),
            sandbox_ready=self._sandbox() is not None,
            ending=self._ending,
            reason=self._reason,
            message=DEADLINE if self._reason else "",
        )
        return pod_status(self.pod, view, self._context.now(), self._context.statuses.last(self.pod))

    def _report(self) -> None:
        self._context.statuses.set(self.pod, self._status())


def _soonest(*seconds: float | None) -> float | None:
    return min((value for value in seconds if value is not None), default=None)
