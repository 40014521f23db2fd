"""The phase of a Pod, from the states of its containers (API reference: PodStatus.phase)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.agent.restart import is_sidecar
from podium.models.core_v1 import Container, ContainerStatus, PodSpec

PENDING, RUNNING, SUCCEEDED, FAILED = "Pending", "Running", "Succeeded", "Failed"
FINAL = (SUCCEEDED, FAILED)


@dataclass(slots=True)
class _Count:
    waiting: int = 0
    running: int = 0
    stopped: int = 0
    succeeded: int = 0


def phase(
    spec: PodSpec, inits: Sequence[ContainerStatus], statuses: Sequence[ContainerStatus], *, ending: bool = False
) -> str:
    """`ending`: nothing of the Pod will be started again (it is deleted, evicted or past its deadline)."""
    initializing, failed = _initialization(spec.initContainers, inits)
    if failed and (spec.restartPolicy == "Never" or ending):
        return FAILED
    count = _count(statuses)
    begun = count.running + count.stopped > 0
    if ending and not count.running and not _any_running(inits) and (count.waiting or not begun):
        return FAILED  # what hasn't begun by now never will
    if (initializing and not begun) or count.waiting:
        return PENDING
    if count.running or _any_running(inits):
        return RUNNING
    if not count.stopped:
        return PENDING
    if count.stopped == count.succeeded and (ending or spec.restartPolicy != "Always"):
        return SUCCEEDED
    if ending or _none_restarts(spec):
        return FAILED
    return RUNNING


def _initialization(containers: Sequence[Container], statuses: Sequence[ContainerStatus]) -> tuple[bool, bool]:
    """Whether init containers are still to come to their end, and whether one of them has failed."""
    by_name = {status.name: status for status in statuses}
    pending = failed = False
    for container in containers:
        status = by_name.get(container.name)
        if status is None:
            pending = True
        elif is_sidecar(container):
            pending |= not status.started
        else:
            ended = status.state.terminated or status.lastState.terminated
            if status.state.running is not None or ended is None:
                pending = True
            elif ended.exitCode != 0:
                pending = failed = True
    return pending, failed


def _count(statuses: Sequence[ContainerStatus]) -> _Count:
    count = _Count()
    for status in statuses:
        state = status.state
        ended = state.terminated or (status.lastState.terminated if state.running is None else None)
        if state.running is not None:
            count.running += 1
        elif ended is not None:
            count.stopped += 1
            count.succeeded += ended.exitCode == 0 and state.terminated is not None
        else:
            count.waiting += 1
    return count


def _any_running(statuses: Sequence[ContainerStatus]) -> bool:
    return any(status.state.running is not None for status in statuses)


def _none_restarts(spec: PodSpec) -> bool:
    return spec.restartPolicy == "Never" and all(c.restartPolicy in ("", "Never") for c in spec.containers)
