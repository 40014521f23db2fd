"""What controllers ask of Pods: whether one counts, is ready, is available, and which go first when some must go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from podium.models import core_v1

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "": 0, "Unknown": 1, "Running": 2}


def is_finished(pod: core_v1.Pod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: core_v1.Pod) -> bool:
    """Whether it counts as a replica: neither finished nor being deleted."""
    return pod.metadata.deletionTimestamp is None and not is_finished(pod)


def active(pods: Iterable[core_v1.Pod]) -> list[core_v1.Pod]:
    """Those that count. Written out, since it is asked about thousands of Pods with every change of one."""
    return [
        pod
        for pod in pods
        if pod.metadata.deletionTimestamp is None and pod.status.phase not in ("Succeeded", "Failed")
    ]


def is_terminating(pod: core_v1.Pod) -> bool:
    """Being deleted, and its containers may still run."""
    return pod.metadata.deletionTimestamp is not None and not is_finished(pod)


def ready_since(pod: core_v1.Pod) -> datetime | None:
    """Since when it is ready; None when it isn't."""
    for condition in pod.status.conditions:
        if condition.type == "Ready":
            if condition.status != "True":
                return None
            return condition.lastTransitionTime or pod.metadata.creationTimestamp
    return None


def is_ready(pod: core_v1.Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "Ready":
            return condition.status == "True"
    return False


def is_available(pod: core_v1.Pod, min_ready_seconds: int, now: datetime) -> bool:
    """Ready, and for at least that long."""
    if not min_ready_seconds:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + timedelta(seconds=min_ready_seconds) <= now


def next_available(pods: Iterable[core_v1.Pod], min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the next of the Pods that are ready becomes available; None if there is none to wait for."""
    waits = [
        wait
        for pod in pods
        if (since := ready_since(pod)) is not None
        and (wait := (since + timedelta(seconds=min_ready_seconds) - now).total_seconds()) > 0
    ]
    return min(waits, default=None)


def deletion_cost(pod: core_v1.Pod) -> int:
    """What its annotation says, 0 if that is no 32-bit integer."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    try:
        cost = int(text)
    except ValueError:
        return 0
    return cost if -(2**31) <= cost < 2**31 and text == str(cost) else 0


def restarts(pod: core_v1.Pod) -> tuple[int, int]:
    """The most restarts that any of its containers had, and any of its sidecars."""
    most = max((status.restartCount for status in pod.status.containerStatuses), default=0)
    sidecars = {container.name for container in pod.spec.initContainers if container.restartPolicy == "Always"}
    ended = (status.restartCount for status in pod.status.initContainerStatuses if status.name in sidecars)
    return most, max(ended, default=0)


def _age_bucket(since: datetime | None, now: datetime) -> int:
    """The logarithm of the age: Pods of about the same age count as equally old, so that the choice among them spreads
    (KEP-2185). 90 and 110 minutes share a bucket, 1 and 10 minutes don't."""
    if since is None:
        return 0
    nanoseconds = (now - since).total_seconds() * 1e9
    return int(math.log2(nanoseconds)) if nanoseconds > 1 else -1


def deletion_order(pods: Sequence[core_v1.Pod], related_on_node: Mapping[str, int], now: datetime) -> list[core_v1.Pod]:
    """The Pods, those first whose loss costs least.

    Unassigned before assigned, pending before running, not ready before ready, by deletion cost, from nodes with more
    related Pods before others, ready for a short time before long, often restarted before seldom, young before old.
    """

    def rank(pod: core_v1.Pod) -> tuple[object, ...]:
        since, (most, sidecars) = ready_since(pod), restarts(pod)
        return (
            bool(pod.spec.nodeName),
            _PHASES.get(pod.status.phase, 2),
            since is not None,
            deletion_cost(pod),
            -related_on_node.get(pod.spec.nodeName, 0),
            _age_bucket(since, now),
            -most,
            -sidecars,
            _age_bucket(pod.metadata.creationTimestamp, now),
            pod.metadata.uid,
        )

    return sorted(pods, key=rank)


def removal_order(pods: Sequence[core_v1.Pod]) -> list[core_v1.Pod]:
    """The same for Jobs: whatever a Pod is said to cost, wherever it runs, and to the second."""

    def rank(pod: core_v1.Pod) -> tuple[object, ...]:
        since, (most, sidecars) = ready_since(pod), restarts(pod)
        return (
            bool(pod.spec.nodeName),
            _PHASES.get(pod.status.phase, 2),
            since is not None,
            _youth(since),
            -most,
            -sidecars,
            _youth(pod.metadata.creationTimestamp),
            pod.metadata.uid,
        )

    return sorted(pods, key=rank)


def _youth(since: datetime | None) -> float:
    return 0.0 if since is None else -since.timestamp()


def count_by_node(pods: Iterable[core_v1.Pod]) -> dict[str, int]:
    """How many active Pods each node has."""
    counts: dict[str, int] = {}
    for pod in pods:
        if is_active(pod):
            counts[pod.spec.nodeName] = counts.get(pod.spec.nodeName, 0) + 1
    return counts
