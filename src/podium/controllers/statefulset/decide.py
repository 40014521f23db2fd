"""What a StatefulSet does next, and what its status says. Pure.

OrderedReady: one step at a time, each only when all Pods with lower ordinals are available; from the highest ordinal
down when Pods have to go. Parallel: all that can be done at once, except that updates go on one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from podium.controllers import pods as pod_rules
from podium.controllers.statefulset import identity, rolling, stuck
from podium.models import apps_v1, core_v1

YOUNGEST_REPLACED = timedelta(seconds=2)
"""A Pod that failed is at least that old when it is replaced: one that its node rejects fails at once, and controller
and node would fight as fast as they can."""
BURST = 500
"""So many Pods at most are created at once."""


@dataclass(frozen=True, slots=True)
class Pods:
    """A set's Pods, by what is to become of them."""

    replicas: Sequence[core_v1.Pod | None]
    """The Pod of each ordinal that there has to be, from the first on; behind BURST missing ones, those there are."""
    ordinals: Sequence[int]
    """Whose they are."""
    many_missing: bool
    """Whether more are missing than `replicas` shows."""
    condemned: Sequence[core_v1.Pod]
    """Those of other ordinals, highest first."""

    @property
    def all(self) -> list[core_v1.Pod]:
        return [*(pod for pod in self.replicas if pod is not None), *self.condemned]


@dataclass(slots=True)
class Plan:
    create: list[int] = field(default_factory=list)
    """Ordinals."""
    delete: list[core_v1.Pod] = field(default_factory=list)
    repair: list[core_v1.Pod] = field(default_factory=list)
    """Their labels, or the owners of their claims, are not as they have to be."""
    hand_over: Sequence[core_v1.Pod] = ()
    """They go, and before that the owners of their claims have to be right; nothing else about them matters."""
    claim: list[core_v1.Pod] = field(default_factory=list)
    """They wait to be started: perhaps a claim is missing."""
    look_again: datetime | None = None
    """When something is due although nothing changes: a Pod that failed may be replaced."""


def sort_out(stateful_set: apps_v1.StatefulSet, pods: Sequence[core_v1.Pod]) -> Pods:
    """No matter how many replicas are asked for, this costs no more than the Pods that there are, and BURST."""
    there: dict[int, core_v1.Pod] = {}
    condemned = []
    for pod in pods:
        ordinal = identity.ordinal_of(pod)
        if identity.in_range(stateful_set, ordinal):
            there[ordinal] = pod
        elif ordinal >= 0:
            condemned.append(pod)
    first = identity.start(stateful_set)
    end = first + identity.replicas(stateful_set)
    ordinals: list[int] = []
    missing = 0
    for ordinal in range(first, end):
        if missing == BURST:
            break
        ordinals.append(ordinal)
        missing += ordinal not in there
    following = first + len(ordinals)
    ordinals += sorted(ordinal for ordinal in there if ordinal >= following)
    return Pods(
        replicas=[there.get(ordinal) for ordinal in ordinals],
        ordinals=ordinals,
        many_missing=end - first > missing + len(there),
        condemned=sorted(condemned, key=identity.ordinal_of, reverse=True),
    )


def plan(
    stateful_set: apps_v1.StatefulSet,
    pods: Pods,
    revision: str,
    blocked: Callable[[int], bool],
    in_order: Callable[[core_v1.Pod], bool],
    now: datetime,
) -> Plan:
    """`revision`: the one that Pods are to have. `blocked`: whether an ordinal's Pod can't be created yet. `in_order`:
    whether a Pod's labels, volumes and claims are as they have to be."""
    result = Plan()
    if stateful_set.metadata.deletionTimestamp is not None:
        return result
    ordered = stateful_set.spec.podManagementPolicy != "Parallel"
    waits = _bring_up(stateful_set, pods, _Step(result, ordered, revision, blocked, in_order, now))
    if waits:
        return result
    result.hand_over = pods.condemned
    if _bring_down(stateful_set, pods, result, ordered, now):
        return result
    if stateful_set.spec.updateStrategy.type != "OnDelete" and not pods.many_missing:
        chosen = rolling.to_replace(stateful_set, pods.replicas, revision, now)
        result.delete += [pod for pod in chosen if not any(pod is one for one in result.delete)]
    return result


@dataclass(frozen=True, slots=True)
class _Step:
    plan: Plan
    ordered: bool
    revision: str
    blocked: Callable[[int], bool]
    in_order: Callable[[core_v1.Pod], bool]
    now: datetime


def _bring_up(stateful_set: apps_v1.StatefulSet, pods: Pods, step: _Step) -> bool:
    """Create what is missing, replace what ended. Whether everything else has to wait."""
    for ordinal, pod in zip(pods.ordinals, pods.replicas, strict=True):
        waits = _look_at_replica(stateful_set, ordinal, pod, step)
        if waits and step.ordered:
            return True
    return False


def _look_at_replica(stateful_set: apps_v1.StatefulSet, ordinal: int, pod: core_v1.Pod | None, step: _Step) -> bool:
    """Whether those with higher ordinals have to wait for this one."""
    if pod is None:
        if not step.blocked(ordinal):
            step.plan.create.append(ordinal)
        return True
    terminating = pod.metadata.deletionTimestamp is not None
    if pod_rules.is_finished(pod):
        if not terminating:
            _replace_failed(pod, step)
        return True
    if _is_replaceable(stateful_set, pod, step.revision) and stuck.cannot_start(pod):
        step.plan.delete.append(pod)
        return True
    if pod.status.phase == "Pending" and not terminating:
        step.plan.claim.append(pod)
    if step.ordered and not rolling.is_available(pod, stateful_set.spec.minReadySeconds or 0, step.now):
        return True
    if not terminating and not step.in_order(pod):
        step.plan.repair.append(pod)
    return False


def _replace_failed(pod: core_v1.Pod, step: _Step) -> None:
    created = pod.metadata.creationTimestamp
    due = step.now if created is None else created + YOUNGEST_REPLACED
    if due <= step.now:
        step.plan.delete.append(pod)
    else:
        step.plan.look_again = due if step.plan.look_again is None else min(due, step.plan.look_again)


def _is_replaceable(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod, revision: str) -> bool:
    """Whether it is outdated, and to be updated without somebody's help."""
    index = identity.ordinal_of(pod) - identity.start(stateful_set)
    return (
        stateful_set.spec.updateStrategy.type != "OnDelete"
        and index >= rolling.partition(stateful_set)
        and identity.revision_of(pod) != revision
    )


def _bring_down(stateful_set: apps_v1.StatefulSet, pods: Pods, result: Plan, ordered: bool, now: datetime) -> bool:
    """Delete what is too much, in order: one that is broken only if it is the first that is. Whether to wait for it."""
    min_ready_seconds = stateful_set.spec.minReadySeconds or 0
    lowest_first = [*pods.replicas, *reversed(pods.condemned)]
    broken = next((pod for pod in lowest_first if not _is_up(pod, min_ready_seconds, now)), None)
    for pod in pods.condemned:
        if pod.metadata.deletionTimestamp is not None:
            if ordered:
                return True
            continue
        up = rolling.is_running_and_available(pod, min_ready_seconds, now)
        if ordered and not up and pod is not broken:
            return True
        result.delete.append(pod)
        if ordered:
            return True
    return False


def _is_up(pod: core_v1.Pod | None, min_ready_seconds: int, now: datetime) -> bool:
    return pod is not None and rolling.is_available(pod, min_ready_seconds, now)


def is_current(stateful_set: apps_v1.StatefulSet, ordinal: int, left: int, to_update: Collection[int] = ()) -> bool:
    """Whether a new Pod of that ordinal is of the current revision rather than the updated one.

    Below the partition it is. If the strategy says no more than its type, it is where the update, which comes down from
    the highest ordinal, hasn't been yet: of 5 Pods, with `left` = 3 of the current revision, db-0 to db-2.

    Not those in `to_update`, whose Pods were deleted to be updated. In Kubernetes a db-0 that can't start comes back as
    it was as long as db-1 is of the current revision, and no update mends it. Nor any of a Parallel set: it replaces
    first what is unavailable, so a Pod that comes back as it was would go again at once, forever.
    """
    strategy = stateful_set.spec.updateStrategy
    if strategy.type == "OnDelete":
        return False
    if strategy.rollingUpdate is not None:
        return ordinal < identity.start(stateful_set) + rolling.partition(stateful_set)
    if stateful_set.spec.podManagementPolicy == "Parallel" or ordinal in to_update:
        return False
    return ordinal < identity.start(stateful_set) + left


def to_update(stateful_set: apps_v1.StatefulSet, going: Iterable[core_v1.Pod], revision: str) -> set[int]:
    """The ordinals of those Pods, which are about to be deleted, that go because they are outdated: not of those that
    are too many, nor of those that have run and ended, which would go anyway."""
    return {
        identity.ordinal_of(pod)
        for pod in going
        if identity.in_range(stateful_set, identity.ordinal_of(pod))
        and _is_replaceable(stateful_set, pod, revision)
        and (not pod_rules.is_finished(pod) or stuck.was_rejected(pod))
    }


def status(
    stateful_set: apps_v1.StatefulSet,
    pods: Sequence[core_v1.Pod],
    revisions: tuple[str, str],
    collisions: int,
    now: datetime,
    going: Sequence[core_v1.Pod] = (),
) -> apps_v1.StatefulSetStatus:
    """`revisions`: the names of the current one and the updated one. An update that is complete makes it current.

    `going`: what is about to be deleted. It is of no revision any more: its successor's is decided by these counts.
    """
    current, updated = revisions
    min_ready_seconds = stateful_set.spec.minReadySeconds or 0
    created = [pod for pod in pods if pod.status.phase]
    ready = [pod for pod in created if rolling.is_running_and_ready(pod)]
    available = sum(rolling.is_running_and_available(pod, min_ready_seconds, now) for pod in ready)
    leaving = {pod.metadata.uid for pod in going}
    staying = [
        identity.revision_of(pod)
        for pod in created
        if pod.metadata.deletionTimestamp is None and pod.metadata.uid not in leaving
    ]
    current_replicas, updated_replicas = staying.count(current), staying.count(updated)
    if stateful_set.spec.updateStrategy.type == "RollingUpdate" and {
        updated_replicas,
        len(ready),
        len(created),
    } == {identity.replicas(stateful_set)}:
        current, current_replicas = updated, updated_replicas
    return apps_v1.StatefulSetStatus(
        observedGeneration=stateful_set.metadata.generation,
        replicas=len(created),
        readyReplicas=len(ready) or None,
        availableReplicas=available,
        currentReplicas=current_replicas or None,
        updatedReplicas=updated_replicas or None,
        currentRevision=current,
        updateRevision=updated,
        collisionCount=collisions,
        conditions=stateful_set.status.conditions,
    )
