"""What the node agent reports of a Pod: container statuses as the kubelet words them, and the PodStatus around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from podium.agent import conditions
from podium.agent.containers import ephemeral
from podium.agent.phase import FAILED, FINAL, PENDING
from podium.agent.phase import phase as phase_of
from podium.agent.restart import is_sidecar
from podium.agent.runtime import ContainerRecord
from podium.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    Pod,
    PodIP,
    PodStatus,
)

ID_SCHEME = "podium://"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a Pod has come to, whatever its containers say: the node or somebody else has decided it."""

    phase: str
    reason: str = ""
    message: str = ""


EXPIRED = Verdict(FAILED, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


def verdict_of(pod: Pod) -> Verdict | None:
    """What the Pod has come to, as the API says; None if it has not."""
    status = pod.status
    return Verdict(status.phase, status.reason, status.message) if status.phase in FINAL else None


@dataclass(slots=True)
class ContainerView:
    """What is known of one container of a Pod at this moment."""

    current: ContainerRecord | None = None
    """The newest run."""
    previous: ContainerRecord | None = None
    """The run before it."""
    waiting: tuple[str, str] | None = None
    """(reason, message) of what keeps it from running, whatever became of the last run."""
    ready: bool = False
    """Its readiness probe succeeds (or it has none)."""
    started: bool = False
    """Its startup probe has succeeded (or it has none)."""
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class PodView:
    """What is known of a Pod: everything its status is made of."""

    views: Mapping[str, ContainerView]
    start_time: datetime | None
    host_ip: str = ""
    ip: str = ""
    sandbox_ready: bool = False
    ending: bool = False
    """Nothing of it will be started again."""
    verdict: Verdict | None = None


_NOT_YET = ContainerView()


def pod_status(pod: Pod, view: PodView, now: datetime, reported: PodStatus) -> PodStatus:
    """The status to report; fields that others own are kept from the Pod. `reported` is what was reported last."""
    spec = pod.spec
    views = view.views
    initialized = True
    inits: tuple[ContainerStatus, ...] = ()
    if spec.initContainers:
        inits = tuple(init_status(c, views.get(c.name, _NOT_YET)) for c in spec.initContainers)
        initialized = _initialized(pod, inits)
    blank = "ContainerCreating" if initialized else "PodInitializing"
    statuses = tuple(container_status(c, views.get(c.name, _NOT_YET), blank) for c in spec.containers)
    verdict = view.verdict or Verdict(phase_of(spec, inits, statuses, ending=view.ending))
    if verdict.phase in FINAL and view.verdict is None and _any_running(*inits, *statuses):
        verdict = Verdict(reported.phase or PENDING)  # it has ended when all of it has
    phase = verdict.phase
    return structs.replace(
        pod.status,
        observedGeneration=pod.metadata.generation,
        phase=phase,
        conditions=conditions.conditions(pod, phase, inits, statuses, view.sandbox_ready, now, reported.conditions),
        reason=verdict.reason,
        message=verdict.message,
        hostIP=view.host_ip,
        hostIPs=(HostIP(ip=view.host_ip),) if view.host_ip else (),
        podIP=view.ip,
        podIPs=(PodIP(ip=view.ip),) if view.ip else (),
        startTime=pod.status.startTime or reported.startTime or view.start_time,
        initContainerStatuses=inits,
        containerStatuses=statuses,
        ephemeralContainerStatuses=tuple(_ephemeral(c, views.get(c.name, _NOT_YET)) for c in ephemeral(pod)),
    )


def container_status(container: Container, view: ContainerView, blank: str = "ContainerCreating") -> ContainerStatus:
    """`blank` is the waiting reason while nothing is known."""
    current = view.current
    state = _state(view, blank)
    last = ContainerState()
    ended = current if view.waiting is not None and current is not None else view.previous
    if ended is not None and ended.state == "exited":
        last = ContainerState(terminated=terminated(ended))
    running = state.running is not None
    given = container.resources
    return ContainerStatus(
        name=container.name,
        image=container.image,
        imageID=current.image_id if current is not None else "",
        containerID=ID_SCHEME + current.id if current is not None else "",
        state=state,
        lastState=last,
        ready=running and view.started and view.ready,
        started=running and view.started,
        restartCount=view.restarts,
        resources=given if given.requests or given.limits else None,
        allocatedResources=given.requests,
    )


def init_status(container: Container, view: ContainerView) -> ContainerStatus:
    """An init container is ready when it has completed; a sidecar as any other container."""
    status = container_status(container, view, "PodInitializing")
    if not is_sidecar(container):
        ended = status.state.terminated
        status.ready = ended is not None and ended.exitCode == 0
    return status


def _ephemeral(container: Container, view: ContainerView) -> ContainerStatus:
    """It has no probes, and nobody waits for it to be ready."""
    return structs.replace(container_status(container, view), ready=False, started=None)


def terminated(record: ContainerRecord) -> ContainerStateTerminated:
    return ContainerStateTerminated(
        exitCode=record.exit_code,
        reason=record.reason or ("Completed" if record.exit_code == 0 else "Error"),
        message=record.message,
        startedAt=record.started_at,
        finishedAt=record.finished_at,
        containerID=ID_SCHEME + record.id,
    )


def _state(view: ContainerView, blank: str) -> ContainerState:
    current = view.current
    if view.waiting is not None:
        reason, message = view.waiting
        return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))
    if current is None or current.state == "created":
        return ContainerState(waiting=ContainerStateWaiting(reason=blank))
    if current.state == "running":
        return ContainerState(running=ContainerStateRunning(startedAt=current.started_at))
    return ContainerState(terminated=terminated(current))


def _any_running(*statuses: ContainerStatus) -> bool:
    return any(status.state.running is not None for status in statuses)


def _initialized(pod: Pod, inits: tuple[ContainerStatus, ...]) -> bool:
    return all(
        status.started if is_sidecar(container) else status.ready
        for container, status in zip(pod.spec.initContainers, inits, strict=True)
    )
