"""One simulated Pod: a record, and timers for what is to happen to it later.

It says whose turn it is among its containers, what the end of one means for the others, when the whole Pod ends, and
what its status is. A Pod that is plausible is Running and Ready with one status write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from podium.agent import conditions
from podium.agent.containers import ephemeral
from podium.agent.driver import NodeContext
from podium.agent.phase import FINAL
from podium.agent.runtimes.simulated import needs
from podium.agent.runtimes.simulated.behaviour import Behaviour, FirstRuns, behaviour, is_scripted
from podium.agent.runtimes.simulated.container import Role, SimulatedContainer
from podium.agent.status import EXPIRED, PodView, Verdict, pod_status, verdict_of
from podium.models.core_v1 import Container, ContainerStatus, Pod, PodStatus


class SimulatedPod:
    __slots__ = (
        "_context",
        "_deadline",
        "_first_runs",
        "_placed",
        "_start_time",
        "_verdict",
        "containers",
        "ending",
        "ip",
        "pod",
    )

    def __init__(self, context: NodeContext, first_runs: FirstRuns, pod: Pod, ip: str) -> None:
        self.pod = pod
        self.ip = ip
        self.ending = False
        """Nothing of it will be started again."""
        self.containers = [
            SimulatedContainer(self, context, spec, role) for role, specs in _specs(pod) for spec in specs
        ]
        self._context = context
        self._first_runs = first_runs
        self._start_time = pod.status.startTime or context.now()
        self._placed = False
        """Its volumes are there."""
        self._verdict: Verdict | None = None
        self._deadline: asyncio.TimerHandle | None = None
        """Its activeDeadlineSeconds, or when it is to go, the end of its grace period."""

    # --- what its node tells it

    def start(self) -> None:
        status = self.pod.status
        if status.containerStatuses and status.podIP:
            known = {one.name: one for one in _statuses(status)}
            for container in self.containers:
                if container.spec.name in known:
                    container.resume(known[container.spec.name])
        if self.pod.metadata.deletionTimestamp is not None:
            self._terminate()
            return
        if self.pod.spec.activeDeadlineSeconds is not None:
            self._arm_deadline()
        self._advance()
        self._report()

    def update(self, pod: Pod) -> None:
        """The Pod has changed in the API."""
        before, self.pod = self.pod, pod
        now, earlier = pod.metadata, before.metadata
        if now.deletionTimestamp is not None:
            if not self.ending or earlier.deletionGracePeriodSeconds != now.deletionGracePeriodSeconds:
                self._terminate()
            return
        if not self.ending and pod.status.phase in FINAL and self._context.statuses.last(pod).phase not in FINAL:
            self._verdict = verdict_of(pod)  # somebody else has said that it is over
            self._end()
            self._report()
            return
        rescripted = now.annotations != earlier.annotations and (is_scripted(pod) or is_scripted(before))
        if rescripted:
            for container in self.containers:
                container.rescript()
        if now.generation != earlier.generation:
            self._respec()
        elif rescripted or conditions.readiness_is_stale(pod) or self._context.statuses.is_overwritten(pod):
            self._report()

    def cancel(self) -> None:
        """Nothing of what is planned will happen."""
        self._context.interests.forget(self.pod.metadata.uid)
        for container in self.containers:
            container.cancel()
        self._disarm()

    def forget(self) -> None:
        """The Pod is gone. Its containers know it and it knows them: without this only a collector would free them."""
        self.cancel()
        self.containers = []

    # --- what its containers ask and tell

    def behaviour(self, container: SimulatedContainer) -> Behaviour:
        init = container.init and not container.sidecar
        attempt = container.view.restarts
        first = is_scripted(self.pod) and self._first_runs.is_first(self.pod, container.spec, attempt)
        return behaviour(self.pod, container.spec, attempt, init=init, first=first)

    def problem(self, container: SimulatedContainer) -> str:
        problem = needs.container_problem(self.pod, container.spec, self._context.interests)
        if problem:
            self._look_again_later()
        return problem

    def went_on(self) -> None:
        if not self.ending:
            self._advance()
        self._report()

    def ended(self, container: SimulatedContainer) -> None:
        ended = container.view.current
        if container.init and ended is not None and ended.exit_code == 0:
            self._advance()
        elif container.init or all(one.has_ended for one in self.containers if one.role == "main"):
            self._end()

    def _end(self) -> None:
        """It is over: sidecars don't outlive the others."""
        self.ending = True
        self._stop_containers()
        self.cancel()

    # --- whose turn it is

    def _advance(self) -> None:
        """Begin every container whose turn it is: ephemeral ones at any time, init containers one after the other, then
        all others."""
        if not self._placed and not self._place():
            return
        for container in self.containers:
            if not container.begun:
                container.begin()
            if container.init and not container.lets_others_start:
                return

    def _place(self) -> bool:
        """Whether the Pod's volumes could be set up; if not, it is tried again when what they show has changed."""
        problem = needs.volume_problem(self.pod, self._context.interests)
        if problem:
            self._context.events.pod(self.pod, "Warning", "FailedMount", problem)
            self._look_again_later()
        self._placed = not problem
        return self._placed

    def _look_again_later(self) -> None:
        """Go on when an object comes or changes that the Pod refers to."""
        uid = self.pod.metadata.uid

        def changed() -> None:
            if not self.ending:
                self._context.interests.forget(uid)
                for container in self.containers:
                    container.look_again()
                self._advance()
                self._report()

        self._context.interests.want(uid, needs.keys(self.pod, self._context.interests), changed)

    def _respec(self) -> None:
        """What may change of a Pod's spec has changed: its deadline, images, resources; or there are more ephemeral
        containers."""
        if not self.ending:
            self._arm_deadline()
            known = {container.spec.name: container for container in self.containers}
            new: list[SimulatedContainer] = []
            for role, specs in _specs(self.pod):
                for spec in specs:
                    if spec.name in known:
                        known[spec.name].respec(spec)
                    else:
                        new.append(SimulatedContainer(self, self._context, spec, role))
            self.containers = [*new, *self.containers]
            self._advance()
        self._report()

    # --- its end

    def _terminate(self) -> None:
        """The Pod is to go: its containers stop, at once unless scripted, at the latest after the grace period."""
        self.ending = True
        self.cancel()
        grace = float(self.pod.metadata.deletionGracePeriodSeconds or 0)
        delay = min(max((one.acts.stop_delay for one in self.containers if one.running), default=0.0), grace)
        if delay > 0:
            self._deadline = self._context.clock.call_later(delay, self._gone)
            self._report()
        else:
            self._gone()

    def _gone(self) -> None:
        self._deadline = None
        self._stop_containers()
        pod = self.pod
        if pod.metadata.finalizers or pod.spec.restartPolicy != "Always":
            self._context.statuses.remove(pod, self._status())  # somebody reads how it ended
        else:
            self._context.statuses.remove(pod)

    def _arm_deadline(self) -> None:
        self._disarm()
        seconds = self.pod.spec.activeDeadlineSeconds
        if seconds is not None:
            left = seconds - (self._context.clock.now() - self._start_time).total_seconds()
            self._deadline = self._context.clock.call_later(left, self._expire)

    def _expire(self) -> None:
        self._deadline = None
        self._verdict, self.ending = EXPIRED, True
        self._stop_containers()
        self._context.events.pod(self.pod, "Normal", EXPIRED.reason, EXPIRED.message)
        self._report()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_containers(self) -> None:
        for container in self.containers:
            container.stop()

    # --- its status

    def _status(self) -> PodStatus:
        views = {container.spec.name: container.view for container in self.containers}
        view = PodView(
            views=views,
            start_time=self._start_time,
            host_ip=self._context.host_ip,
            ip=self.ip,
            sandbox_ready=not self.ending,
            ending=self.ending,
            verdict=self._verdict,
        )
        return pod_status(self.pod, view, self._context.now(), self._context.statuses.last(self.pod))

    def _report(self) -> None:
        self._context.statuses.set(self.pod, self._status())


def _specs(pod: Pod) -> Iterable[tuple[Role, Sequence[Container]]]:
    """The Pod's containers in the order in which it is their turn."""
    return (
        ("ephemeral", ephemeral(pod)),
        ("init", pod.spec.initContainers),
        ("main", pod.spec.containers),
    )


def _statuses(status: PodStatus) -> Iterable[ContainerStatus]:
    return (*status.initContainerStatuses, *status.containerStatuses, *status.ephemeralContainerStatuses)
