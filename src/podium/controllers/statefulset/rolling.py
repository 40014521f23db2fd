"""Which Pods a rolling update replaces next: from the highest ordinal down to the partition. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from podium.controllers import pods as pod_rules
from podium.controllers.statefulset import identity
from podium.models import apps_v1, core_v1
from podium.models.intstr import scaled_value


def is_available(pod: core_v1.Pod, min_ready_seconds: int, now: datetime) -> bool:
    return pod.metadata.deletionTimestamp is None and is_running_and_available(pod, min_ready_seconds, now)


def is_running_and_ready(pod: core_v1.Pod) -> bool:
    return pod.status.phase == "Running" and pod_rules.is_ready(pod)


def is_running_and_available(pod: core_v1.Pod, min_ready_seconds: int, now: datetime) -> bool:
    return is_running_and_ready(pod) and pod_rules.is_available(pod, min_ready_seconds, now)


def partition(stateful_set: apps_v1.StatefulSet) -> int:
    """So many Pods, from the first ordinal on, stay as they are."""
    rolling = stateful_set.spec.updateStrategy.rollingUpdate
    return 0 if rolling is None else rolling.partition or 0


def max_unavailable(stateful_set: apps_v1.StatefulSet) -> int:
    """Rounded down, but at least 1, which is also the default."""
    rolling = stateful_set.spec.updateStrategy.rollingUpdate
    if rolling is None or rolling.maxUnavailable is None:
        return 1
    return max(scaled_value(rolling.maxUnavailable, identity.replicas(stateful_set), round_up=False), 1)


def to_replace(
    stateful_set: apps_v1.StatefulSet, replicas: Sequence[core_v1.Pod | None], revision: str, now: datetime
) -> list[core_v1.Pod]:
    """`replicas`: the Pod of each ordinal, from the first on. A missing one is about to come, and not available.

    From the highest ordinal down, as many as leave no more than maxUnavailable unavailable; those that are unavailable
    already go first, for nothing is lost with them. Outdated Pods below the partition stay, and don't count.
    """
    min_ready_seconds = stateful_set.spec.minReadySeconds or 0
    kept = identity.start(stateful_set) + partition(stateful_set)
    room = max_unavailable(stateful_set)
    broken: list[core_v1.Pod] = []
    healthy: list[core_v1.Pod] = []
    for pod in reversed(replicas):
        up = pod is not None and is_available(pod, min_ready_seconds, now)
        if pod is None or not _is_outdated(pod, revision):
            room -= not up
        elif identity.ordinal_of(pod) >= kept:
            (healthy if up else broken).append(pod)
    return [*broken[: max(room, 0)], *healthy[: max(room - len(broken), 0)]]


def _is_outdated(pod: core_v1.Pod, revision: str) -> bool:
    """Of another revision, and not on its way out already."""
    return pod.metadata.deletionTimestamp is None and identity.revision_of(pod) != revision
