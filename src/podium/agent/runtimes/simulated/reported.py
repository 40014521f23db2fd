"""What a Pod's status tells of its containers' runs: where a simulated node that starts again takes its Pods up."""

from __future__ import annotations

from datetime import datetime

from podium.agent.runtime import ContainerRecord
from podium.agent.status import ID_SCHEME
from podium.models.core_v1 import Container, ContainerStateTerminated, ContainerStatus


def runs(spec: Container, status: ContainerStatus) -> tuple[ContainerRecord | None, ContainerRecord | None]:
    """The newest run and the one before it."""
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
