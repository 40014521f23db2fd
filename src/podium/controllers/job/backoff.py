"""How long a Job waits before it replaces a failed Pod: 10 s, doubled with every failure in a row, up to 10 minutes.

Time counts from when the Pod ended, not from when that was noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from podium.controllers.job import attempts
from podium.models import core_v1

SHORTEST = 10.0
LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Record:
    """What the Job as a whole has to wait for."""

    failures: int = 0
    """Since the last success."""
    last: datetime | None = None


NO_FAILURE = Record()


def after(record: Record, succeeded: Sequence[core_v1.Pod], failed: Sequence[core_v1.Pod]) -> Record:
    """The record with the Pods that ended since. A success wipes out all failures before it."""
    ends = sorted(map(ended_at, failed))
    if succeeded:
        last_success = max(map(ended_at, succeeded))
        ends = [end for end in ends if end > last_success]
        record = NO_FAILURE
    return Record(record.failures + len(ends), ends[-1]) if ends else record


def remaining(record: Record, now: datetime) -> float:
    """Seconds until the Job may create Pods again."""
    if record.last is None:
        return 0.0
    return _remaining(record.failures, record.last, now)


def remaining_for_index(last_failed: core_v1.Pod | None, now: datetime) -> float:
    """Seconds until an index may be tried again, with a back-off of its own (KEP-3850)."""
    if last_failed is None:
        return 0.0
    return _remaining(attempts.all_failures(last_failed) + 1, ended_at(last_failed), now)


def _remaining(failures: int, last: datetime, now: datetime) -> float:
    delay = min(SHORTEST * 2.0 ** min(failures - 1, 64), LONGEST)
    return max(0.0, delay - (now - last).total_seconds())


def ended_at(pod: core_v1.Pod) -> datetime:
    """When the last container ended; else since when the Pod isn't ready; else when its deletion began.

    Sidecars end after the containers that they serve, so they count, too; other init containers have ended long ago.
    """
    sidecars = {container.name for container in pod.spec.initContainers if container.restartPolicy == "Always"}
    statuses = [status for status in pod.status.initContainerStatuses if status.name in sidecars]
    ends = [_terminated(status) for status in (*pod.status.containerStatuses, *statuses)]
    known = [end for end in ends if end is not None]
    if known and len(known) == len(ends):
        return max(known)
    for condition in pod.status.conditions:
        if (condition.type, condition.status) == ("Ready", "False") and condition.lastTransitionTime is not None:
            return condition.lastTransitionTime
    metadata = pod.metadata
    if metadata.deletionTimestamp is not None:
        return metadata.deletionTimestamp - timedelta(seconds=metadata.deletionGracePeriodSeconds or 0)
    assert metadata.creationTimestamp is not None
    return metadata.creationTimestamp


def _terminated(status: core_v1.ContainerStatus) -> datetime | None:
    if status.state is None or status.state.terminated is None:
        return None
    return status.state.terminated.finishedAt
