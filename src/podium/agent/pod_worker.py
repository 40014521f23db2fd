"""One worker per Pod, for runtimes that run something: it looks at what is, decides what is next, and does that.

The worker is level-triggered: whatever wakes it (a change of the Pod, the end of a container, a probe's verdict, a
timer), it starts from what the runtime says (`container_views`). The decisions are in `actions`, `restart`, `phase`,
`conditions`; how a container is made is in `container_start`, how containers end in `container_stop`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from podium.agent import references, restart
from podium.agent.actions import Actions, Known, decide
from podium.agent.container_start import Place, container_config
from podium.agent.container_stop import ContainerStops
from podium.agent.container_views import ContainerViews
from podium.agent.containers import everything
from podium.agent.driver import NodeContext
from podium.agent.environment import PodFacts
from podium.agent.events import NORMAL, WARNING, crash_loop
from podium.agent.hostname import pod_name
from podium.agent.image_puller import ImagePuller
from podium.agent.phase import FINAL
from podium.agent.runtime import Runtime, RuntimeFailure, Sandbox, SandboxConfig
from podium.agent.services.proxy import ServiceProxy
from podium.agent.status import EXPIRED, PodView, Verdict, pod_status, verdict_of
from podium.agent.volumes.contents import VolumeError
from podium.agent.volumes.pod_volumes import PodVolumes
from podium.machinery import errors
from podium.models.core_v1 import Container, Pod, PodStatus

RETRY_SECONDS = 10.0
GONE_GRACE = 1.0
"""For the containers of a Pod that has left the API."""
LEFT_BEHIND_GRACE = 2.0
"""For what runs in a Pod that has already ended."""

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
        self._views = ContainerViews(context, runtime, pod, self._probed)
        self._stops = ContainerStops(context, runtime, self._views)
        self._images = ImagePuller(context, runtime)
        self._volumes = PodVolumes(context, pod.metadata.uid, self._wake.set)
        self._gone = False
        self._stopping = False
        """Containers are being stopped, which may take a while."""
        self._done = pod.status.phase in FINAL
        self._verdict = verdict_of(pod)

    # --- what others tell it

    def update(self, pod: Pod) -> None:
        """The Pod has changed in the API."""
        before, self.pod = self.pod, pod
        self._volumes.update(before, pod)
        if before.metadata.generation != pod.metadata.generation:
            self._compare_containers(before)
        grace, earlier = pod.metadata.deletionGracePeriodSeconds, before.metadata.deletionGracePeriodSeconds
        if grace is not None and (earlier is None or grace < earlier):
            self._stops.hurry(float(grace))
        if not self._done and pod.status.phase in FINAL and self._context.statuses.last(pod).phase not in FINAL:
            self._verdict = verdict_of(pod)  # somebody else has said that it is over
            self._wake.set()
        if (
            before.metadata.generation != pod.metadata.generation
            or before.metadata.deletionTimestamp != pod.metadata.deletionTimestamp
            or before.status.conditions != pod.status.conditions
        ):
            self._wake.set()

    def _compare_containers(self, before: Pod) -> None:
        """A container with another image is another one: it needn't wait for what happened to the one before."""
        earlier = {container.name: container for container in everything(before)}
        for container in everything(self.pod):
            known, old = self._views.known.get(container.name), earlier.get(container.name)
            if known is None or old is None:
                continue
            if old.image != container.image:
                known.pulls, known.retry_at, known.backoff = restart.NEVER_FAILED, None, restart.NEVER_FAILED
            known.resized |= restart.resize_restarts(old, container)

    def remove(self) -> None:
        """The Pod is gone from the API: nothing of it may stay."""
        self._gone = True
        self._stops.hurry(GONE_GRACE)
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def _probed(self) -> None:
        """A probe has come to another verdict, which is told at once even if containers are just being stopped."""
        if self._stopping:
            self._views.observe(self.pod)
            self._report()
        self._wake.set()

    # --- the loop

    async def run(self) -> None:
        try:
            while True:
                self._wake.clear()
                gone = self._gone  # if it goes from here on, what this step starts is still to be stopped
                try:
                    wait = await self._sync()
                except errors.StatusError as error:
                    _log.warning("pod %s/%s: %s", self.pod.metadata.namespace, self.pod.metadata.name, error)
                    wait = RETRY_SECONDS
                if gone:
                    await self._runtime.remove_sandbox(self.uid)
                    return
                await self._sleep(wait)
        finally:
            self._volumes.close()
            self._views.close()
            self._stops.close()

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
        self._views.observe(pod)
        if self._gone:
            await self._stop_all(GONE_GRACE)
            return None
        if pod.metadata.deletionTimestamp is not None:
            await self._terminate()
            return None
        if self._done:
            await self._stop_all(LEFT_BEHIND_GRACE)
            await self._runtime.stop_sandbox(self.uid)
            return None
        if self._verdict is not None:
            await self._finish()
            return None
        left = self._deadline_left()
        if left is not None and left <= 0:
            self._context.events.pod(pod, NORMAL, EXPIRED.reason, EXPIRED.message)
            await self._finish(EXPIRED)
            return None
        if pod.status.startTime is None:
            self._report()
        if not await self._prepare():
            return _soonest(RETRY_SECONDS, left)
        actions = decide(pod, self._views.known, self._context.clock.now())
        if actions.finished:
            if any(self._views.running(container) for container in everything(pod)):
                self._report()
            await self._finish()
            return None
        acted = await self._act(actions)
        self._views.observe(self.pod)
        self._report()
        if acted:
            again = decide(pod, self._views.known, self._context.clock.now())
            if again.start or again.kill or again.finished:
                self._wake.set()
            actions = again
            self._crash_loops(actions)
            self._report()
        refresh_at = self._volumes.refresh_at
        refresh = (refresh_at - self._context.clock.now()).total_seconds() if refresh_at is not None else None
        return _soonest(actions.wait, left, refresh)

    # --- the Pod's place

    def _sandbox(self) -> Sandbox | None:
        sandbox = self._runtime.sandbox(self.uid)
        return sandbox if sandbox is not None and not sandbox.stopped else None

    def _facts(self) -> PodFacts:
        return PodFacts(self._views.ip(self.pod), self._context.host_ip, self._context.allocatable)

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
        with self._reporting():
            for kill in actions.kill:
                if self._is_to_end():
                    return True
                known = self._views.known[kill.container.name]
                known.again = kill.again
                grace = self._kill_grace(kill.container, known)
                await self._stops.kill(self.pod, kill.container, grace, kill.message)
        for container in actions.start:
            if self._is_to_end():
                return True
            await self._start(container)
            self._views.observe(self.pod)
        return bool(actions.kill or actions.start)

    def _is_to_end(self) -> bool:
        return self._gone or self._verdict is not None or self.pod.metadata.deletionTimestamp is not None

    def _crash_loops(self, actions: Actions) -> None:
        for container in actions.crash_looping:
            known = self._views.known[container.name]
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
        known = self._views.known[container.name]
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
            known.backoff = restart.advanced(known.backoff, known.view.current.finished_at, now)
        known.view.waiting, known.retry_at, known.resized, known.again = None, None, False, False
        self._context.events.created(self.pod, container)
        try:
            await self._runtime.start_container(container_id)
        except RuntimeFailure as error:
            self._context.events.failed(self.pod, container, str(error))
            return
        self._context.events.started(self.pod, container)
        await self._forget_old_runs(container)
        await self._stops.post_start(self.pod, container, container_id, self._grace())

    async def _forget_old_runs(self, container: Container) -> None:
        """Keep the newest run and the one before it."""
        runs = [record for record in self._runtime.containers(self.uid) if record.name == container.name]
        for record in runs[:-2]:
            self._views.forget(record.id)
            await self._runtime.remove_container(record.id)

    # --- the end of the Pod

    async def _stop_all(self, grace: float) -> None:
        with self._reporting():
            await self._stops.stop_all(self.pod, grace)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Meanwhile containers are stopped: what probes find is reported as it comes."""
        self._stopping = True
        try:
            yield
        finally:
            self._stopping = False

    async def _terminate(self) -> None:
        """The Pod is deleted: stop it, report how it ended, take it out of the API."""
        grace = self.pod.metadata.deletionGracePeriodSeconds
        await self._stop_all(self._grace() if grace is None else float(grace))
        for known in self._views.known.values():
            known.view.waiting = None
        await self._runtime.stop_sandbox(self.uid)
        self._context.statuses.remove(self.pod, None if self._done else self._status())

    async def _finish(self, verdict: Verdict | None = None) -> None:
        """It is over for good, because all containers have ended or because of a verdict: nothing outlives that."""
        await self._stop_all(self._grace())
        self._verdict = verdict or self._verdict
        self._done = True
        await self._runtime.stop_sandbox(self.uid)
        self._report()

    def _deadline_left(self) -> float | None:
        seconds = self.pod.spec.activeDeadlineSeconds
        if seconds is None:
            return None
        return seconds - (self._context.clock.now() - self._start_time).total_seconds()

    # --- what it reports

    def _status(self) -> PodStatus:
        view = PodView(
            views={name: known.view for name, known in self._views.known.items()},
            start_time=self._start_time,
            host_ip=self._context.host_ip,
            ip=self._views.ip(self.pod),
            sandbox_ready=self._sandbox() is not None,
            ending=self._views.ending,
            verdict=self._verdict,
        )
        return pod_status(self.pod, view, self._context.now(), self._context.statuses.last(self.pod))

    def _report(self) -> None:
        self._context.statuses.set(self.pod, self._status())


def _soonest(*seconds: float | None) -> float | None:
    return min((value for value in seconds if value is not None), default=None)
