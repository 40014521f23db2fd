"""How many Pods to create, which to delete, and what the status says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from podium.controllers import pods as pod_rules
from podium.controllers.references import matching
from podium.models import apps_v1, conditions, core_v1
from podium.models.selectors import of_labels

BURST = 500
"""So many Pods at most are created or deleted before their fate has been observed."""
REJECTED_FIRST, REJECTED_LONGEST = timedelta(seconds=2), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Plan:
    create: int = 0
    delete: Sequence[core_v1.Pod] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    replicas: int
    fully_labeled: int
    ready: int
    available: int
    terminating: int


def wanted(owner: Any) -> int:
    """spec.replicas, which is 1 when it isn't said."""
    replicas: int | None = owner.spec.replicas
    return 1 if replicas is None else replicas


def plan(
    owner: Any, active: Sequence[core_v1.Pod], related_on_node: Mapping[str, int], now: datetime, burst: int = BURST
) -> Plan:
    """`related_on_node`: how many Pods of this and related ReplicaSets each node has; where most are, one goes."""
    missing = wanted(owner) - len(active)
    if missing > 0:
        return Plan(create=min(missing, burst))
    surplus = min(-missing, burst)
    if not surplus:
        return Plan()
    if surplus == len(active):
        return Plan(delete=tuple(active))
    return Plan(delete=tuple(pod_rules.deletion_order(active, related_on_node, now)[:surplus]))


def held_back(pods: Sequence[core_v1.Pod], now: datetime) -> float:
    """For how many seconds no more Pods are to be created, because nodes have rejected the last ones.

    Such a Pod fails at once; controller and node would make thousands of them as fast as they can. So after the newest
    one two seconds pass for each that there is, but at most a minute.
    """
    rejected = [
        pod.metadata.creationTimestamp
        for pod in pods
        if pod.status.phase == "Failed" and pod.status.reason and not pod.status.containerStatuses
    ]
    newest = max((time for time in rejected if time is not None), default=None)
    if newest is None:
        return 0.0
    return max((newest + min(REJECTED_FIRST * len(rejected), REJECTED_LONGEST) - now).total_seconds(), 0.0)


def count(owner: Any, pods: Sequence[core_v1.Pod], pending: int, now: datetime) -> Counts:
    """One pass over the Pods. `pending`: how many more were created that the cache doesn't show yet; they count, lest
    somebody believes there were room for others."""
    active = pod_rules.active(pods)
    labeled = len(matching(of_labels(owner.spec.template.metadata.labels), active))
    ready = [pod for pod in active if pod_rules.is_ready(pod)]
    available = len(ready)
    if seconds := owner.spec.minReadySeconds:
        available = sum(pod_rules.is_available(pod, seconds, now) for pod in ready)
    terminating = sum(map(pod_rules.is_terminating, pods)) if len(active) < len(pods) else 0
    return Counts(len(active) + pending, labeled, len(ready), available, terminating)


def status(owner: Any, counts: Counts, failure: str | None, now: datetime) -> apps_v1.ReplicaSetStatus:
    """The status that follows from the counts. `failure` is why Pods could not be created or deleted, if they couldn't.

    Zero counts are left out, as the API does it; terminatingReplicas is said even when it is 0.
    """
    old: tuple[apps_v1.ReplicaSetCondition, ...] = owner.status.conditions
    return apps_v1.ReplicaSetStatus(
        replicas=counts.replicas,
        fullyLabeledReplicas=counts.fully_labeled or None,
        readyReplicas=counts.ready or None,
        availableReplicas=counts.available or None,
        terminatingReplicas=counts.terminating,
        observedGeneration=owner.metadata.generation,
        conditions=_with_failure(old, failure, counts.replicas - wanted(owner), now),
    )


def _with_failure(
    old: tuple[apps_v1.ReplicaSetCondition, ...], failure: str | None, surplus: int, now: datetime
) -> tuple[apps_v1.ReplicaSetCondition, ...]:
    """With the condition ReplicaFailure as long as there is a failure. The first one's message stays."""
    if failure is None:
        return conditions.without(old, "ReplicaFailure")
    if conditions.get(old, "ReplicaFailure") is not None:
        return old
    reason = "FailedCreate" if surplus < 0 else "FailedDelete" if surplus > 0 else ""
    condition = apps_v1.ReplicaSetCondition(type="ReplicaFailure", status="True", reason=reason, message=failure)
    return conditions.put(old, condition, now)
