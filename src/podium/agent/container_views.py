"""What is known of a Pod's containers: their runs as the runtime has them, what their probes say, their last words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from podium.agent import termination_message
from podium.agent.actions import Known
from podium.agent.containers import everything
from podium.agent.driver import NodeContext
from podium.agent.events import WARNING
from podium.agent.probes import handlers
from podium.agent.probes.prober import Prober
from podium.agent.probes.state import ProbeKind
from podium.agent.runtime import ContainerRecord, Runtime
from podium.agent.status import ID_SCHEME
from podium.models.core_v1 import Container, ContainerStatus, Pod


class ContainerViews:
    def __init__(self, context: NodeContext, runtime: Runtime, pod: Pod, probed: Callable[[], None]) -> None:
        """`probed` is called when a probe's verdict has changed."""
        self.known = {container.name: Known() for container in everything(pod)}
        self.ending = False
        """No container is started or probed any more."""
        self._context = context
        self._runtime = runtime
        self._uid = pod.metadata.uid
        self._probed = probed
        self._probers: dict[str, Prober] = {}
        self._messages: dict[str, str] = {}

    def observe(self, pod: Pod) -> None:
        """Take over what the runtime and the probers know."""
        runs: dict[str, list[ContainerRecord]] = {}
        for record in self._runtime.containers(self._uid):
            runs.setdefault(record.name, []).append(record)
        reported = {
            status.name: status
            for status in (
                *pod.status.initContainerStatuses,
                *pod.status.containerStatuses,
                *pod.status.ephemeralContainerStatuses,
            )
        }
        for container in everything(pod):
            known = self.known.setdefault(container.name, Known())
            status = reported.get(container.name)
            self._take_over_runs(known, container, runs.get(container.name, ()), status)
            self._take_over_probes(known, pod, container, status)

    def running(self, container: Container) -> ContainerRecord | None:
        """The run of the container that is under way."""
        current = self.known[container.name].view.current
        return current if current is not None and current.state == "running" else None

    def ip(self, pod: Pod) -> str:
        sandbox = self._runtime.sandbox(self._uid)
        return sandbox.ip if sandbox is not None else pod.status.podIP

    def target(self, pod: Pod, container: Container, container_id: str) -> handlers.Target:
        """A run of a container, for its probes and hooks."""
        return handlers.Target(self._runtime, self._context.clock, container, container_id, self.ip(pod))

    def stop_probes(self, container_id: str, *kinds: ProbeKind) -> None:
        if prober := self._probers.get(container_id):
            prober.stop(*kinds)

    def forget(self, container_id: str) -> None:
        """The run is no longer remembered."""
        self._messages.pop(container_id, None)

    def close(self) -> None:
        for prober in self._probers.values():
            prober.stop()

    def _take_over_runs(
        self, known: Known, container: Container, records: Sequence[ContainerRecord], status: ContainerStatus | None
    ) -> None:
        view = known.view
        view.current = self._with_message(container, records[-1]) if records else None
        view.previous = self._with_message(container, records[-2]) if len(records) > 1 else None
        view.restarts = records[-1].attempt if records else status.restartCount if status else 0

    def _take_over_probes(self, known: Known, pod: Pod, container: Container, status: ContainerStatus | None) -> None:
        known.unhealthy = ""
        view, current = known.view, known.view.current
        if current is None or current.state != "running":
            view.started = view.ready = False
            if current is not None and (ended := self._probers.pop(current.id, None)):
                ended.stop()
            return
        view.waiting = None
        prober = self._probers.get(current.id)
        if prober is None and not self.ending and current.started_at is not None:
            same = status is not None and status.containerID == ID_SCHEME + current.id
            started, ready = (bool(status.started), status.ready) if same and status else (False, False)
            prober = self._probe(pod, container, current, started=started, ready=ready)
        if prober is not None:
            view.started, view.ready = prober.started, prober.ready
            known.unhealthy = "" if self.ending else prober.failed or ""

    def _with_message(self, container: Container, record: ContainerRecord) -> ContainerRecord:
        """A run that has ended, with the last message it left."""
        if record.state != "exited" or record.message:
            return record
        if record.id not in self._messages:
            self._messages[record.id] = termination_message.read(
                self._runtime.termination_message(record.id),
                self._runtime.log_path(record.id),
                record.exit_code,
                container.terminationMessagePolicy,
                containers=len(self.known),
            )
        return replace(record, message=self._messages[record.id])

    def _probe(self, pod: Pod, container: Container, record: ContainerRecord, *, started: bool, ready: bool) -> Prober:
        prober = Prober(
            self.target(pod, container, record.id),
            record.started_at or self._context.clock.now(),
            self._probed,
            lambda reason, message: self._context.events.container(pod, container, WARNING, reason, message),
        )
        self._probers[record.id] = prober
        prober.start(started=started, ready=ready)
        return prober
