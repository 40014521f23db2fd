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


def max_unavailable(stateful_set: apps_v1.StatefulSet) -> int | None:
    """Rounded down, but at least 1. None: it isn't said."""
    rolling = stateful_set.spec.updateStrategy.rollingUpdate
    if rolling is None or rolling.maxUnavailable is None:
        return None
    return max(scaled_value(rolling.maxUnavailable, identity.replicas(stateful_set), round_up=False), 1)


def to_replace(
    stateful_set: apps_v1.StatefulSet, replicas: Sequence[core_v1.Pod | None], revision: str, now: datetime
) -> list[core_v1.Pod]:
    """`replicas`: the Pod of each ordinal, from the first on. A missing one is about to come, and not available.

    Without maxUnavailable one Pod at a time, whether it is available or not, once all above it are. With maxUnavailable
    as many as leave no more than that unavailable; outdated ones that aren't available don't count (they can only win).
    """
    min_ready_seconds = stateful_set.spec.minReadySeconds or 0

    def available(pod: core_v1.Pod | None) -> bool:
        return pod is not None and is_available(pod, min_ready_seconds, now)

    def outdated(pod: core_v1.Pod | None) -> bool:
        return pod is not None and pod.metadata.deletionTimestamp is None and identity.revision_of(pod) != revision

    limit = max_unavailable(stateful_set)
    candidates = [(pod, available(pod)) for pod in reversed(replicas[partition(stateful_set) :])]
    if limit is None:
        for pod, is_up in candidates:
            if outdated(pod):
                return [pod] if pod is not None else []
            if not is_up:
                return []
        return []
    room = limit - sum(not available(pod) and not outdated(pod) for pod in replicas)
    chosen: list[core_v1.Pod] = []
    for pod, _is_up in candidates:
        if pod is not None and outdated(pod) and len(chosen) < room:
            chosen.append(pod)
    return chosen
