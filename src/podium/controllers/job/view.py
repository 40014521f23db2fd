"""What a Job and its Pods look like at one moment: the numbers from which everything else is decided. Pure.

A Pod counts as long as it carries the tracking finalizer. Those in status.uncountedTerminatedPods are on their way from
being a Pod to being a number: their uids are stored before their finalizer is removed, and the number is raised after
(KEP-2307), so that a crash in between neither loses one nor counts it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from podium.controllers import pods as pod_rules
from podium.controllers.job import attempts, backoff, failure_policy, indexes
from podium.controllers.job.indexes import Intervals
from podium.controllers.job.template import FINALIZER
from podium.models import batch_v1, conditions, core_v1

Pods = Sequence[core_v1.Pod]


@dataclass(frozen=True, slots=True)
class View:
    job: batch_v1.Job
    pods: Pods
    """All that it controls; those of Indexed Jobs by their index."""
    active: Pods
    pending: int
    """How many were created that the cache doesn't show yet."""
    terminating: int
    ready: int
    tracked: frozenset[str]
    """The uids of the Pods that are yet to be counted."""
    new_succeeded: Pods
    """Those that ended and are not even among the uncounted."""
    new_failed: Pods
    succeeded: int
    failed: int
    """With those that are yet to be counted."""
    stored_indexes: Intervals
    """Indexes that have succeeded, as the status says it."""
    succeeded_indexes: Intervals
    failed_indexes: Intervals | None
    """None without backoffLimitPerIndex."""
    held: Mapping[int, core_v1.Pod]
    """By index: the failed Pod whose failure count its successor is to inherit. It stays until that one is there."""


def is_indexed(job: batch_v1.Job) -> bool:
    return job.spec.completionMode == "Indexed"


def is_finished(job: batch_v1.Job) -> bool:
    return any(conditions.is_true(job.status.conditions, type_) for type_ in ("Complete", "Failed"))


def replaces_only_failed(job: batch_v1.Job) -> bool:
    """Whether a Pod that is being deleted is replaced only once it has ended (KEP-3939)."""
    return job.spec.podReplacementPolicy == "Failed" or job.spec.podFailurePolicy is not None


def is_failed(pod: core_v1.Pod, job: batch_v1.Job) -> bool:
    """A Pod that is being deleted may never get to say that it failed; unless the Job waits for that, it has."""
    if pod.status.phase == "Failed":
        return True
    deleted = pod.metadata.deletionTimestamp is not None and pod.status.phase != "Succeeded"
    return deleted and not replaces_only_failed(job)


def valid_index(pod: core_v1.Pod, job: batch_v1.Job) -> int | None:
    """Its index, if the Job has that (still)."""
    index = indexes.of_pod(pod)
    return index if index is not None and index < (job.spec.completions or 0) else None


def observe(job: batch_v1.Job, pods: Pods, released: Collection[str] = frozenset(), pending: int = 0) -> View:
    """`released`: uids of Pods whose finalizer was removed, whatever the cache still shows."""
    status = job.status
    if is_indexed(job):
        pods = sorted(pods, key=lambda pod: (indexes.of_pod(pod) or 0, pod.metadata.name))
    active = [pod for pod in pods if pod_rules.is_active(pod)]
    tracked = frozenset(
        pod.metadata.uid for pod in pods if FINALIZER in pod.metadata.finalizers and pod.metadata.uid not in released
    )
    uncounted = status.uncountedTerminatedPods or batch_v1.UncountedTerminatedPods()
    known = {*uncounted.succeeded, *uncounted.failed}

    def ended(fate: Callable[[core_v1.Pod], bool]) -> Pods:
        return [pod for pod in pods if fate(pod) and _counts(pod, job, tracked) and pod.metadata.uid not in known]

    new_succeeded = ended(lambda pod: pod.status.phase == "Succeeded")
    new_failed = ended(lambda pod: is_failed(pod, job))
    policy = job.spec.podFailurePolicy
    counting = sum(failure_policy.match(policy, pod).counts for pod in new_failed)
    stored, succeeded_indexes, failed_indexes = _indexes(job, pods, tracked)
    succeeded = (status.succeeded or 0) + len(new_succeeded) + len(uncounted.succeeded)
    return View(
        job=job,
        pods=pods,
        active=active,
        pending=pending,
        terminating=sum(map(pod_rules.is_terminating, pods)),
        ready=sum(map(pod_rules.is_ready, active)),
        tracked=tracked,
        new_succeeded=new_succeeded,
        new_failed=new_failed,
        succeeded=indexes.total(succeeded_indexes) if is_indexed(job) else succeeded,
        failed=(status.failed or 0) + counting + len(uncounted.failed),
        stored_indexes=stored,
        succeeded_indexes=succeeded_indexes,
        failed_indexes=failed_indexes,
        held={} if failed_indexes is None else _held(job, pods, tracked, active, succeeded_indexes, failed_indexes),
    )


def _counts(pod: core_v1.Pod, job: batch_v1.Job, tracked: Collection[str]) -> bool:
    return pod.metadata.uid in tracked and (not is_indexed(job) or valid_index(pod, job) is not None)


def _indexes(job: batch_v1.Job, pods: Pods, tracked: Collection[str]) -> tuple[Intervals, Intervals, Intervals | None]:
    """Which have succeeded as stored and as of now, and which have failed for good. What was stored stays.

    A Pod that was deleted, and so has failed its index for good, may still succeed: that comes too late.
    """
    if not is_indexed(job):
        return (), (), None
    completions = job.spec.completions or 0
    stored = indexes.parse(job.status.completedIndexes, completions)
    given_up = indexes.parse(job.status.failedIndexes or "", completions)
    counting = [pod for pod in pods if _counts(pod, job, tracked)]
    ended = indexes.of_pods(pod for pod in counting if pod.status.phase == "Succeeded")
    succeeded = indexes.with_indexes(stored, {index for index in ended if not indexes.has(given_up, index)})
    if job.spec.backoffLimitPerIndex is None:
        return stored, succeeded, None
    failing = indexes.of_pods(pod for pod in counting if _fails_index(pod, job))
    failed = indexes.with_indexes(given_up, {index for index in failing if not indexes.has(succeeded, index)})
    return stored, succeeded, failed


def _fails_index(pod: core_v1.Pod, job: batch_v1.Job) -> bool:
    """Whether its index isn't tried again: the limit is used up, or a rule says so."""
    if not is_failed(pod, job):
        return False
    matched = failure_policy.match(job.spec.podFailurePolicy, pod)
    if matched.action == "FailIndex":
        return True
    return matched.counts and attempts.failures(pod) >= (job.spec.backoffLimitPerIndex or 0)


def _held(
    job: batch_v1.Job, pods: Pods, tracked: Collection[str], active: Pods, succeeded: Intervals, failed: Intervals
) -> Mapping[int, core_v1.Pod]:
    """Of the failed Pods of each index that is yet to be tried again, the one that failed last."""
    settled = indexes.with_indexes(indexes.merge(succeeded, failed), indexes.of_pods(active))
    held: dict[int, core_v1.Pod] = {}
    for pod in pods:
        index = valid_index(pod, job)
        if index is None or pod.metadata.uid not in tracked or not is_failed(pod, job) or indexes.has(settled, index):
            continue
        other = held.get(index)
        if other is None or _failed_later(pod, other):
            held[index] = pod
    return held


def _failed_later(pod: core_v1.Pod, other: core_v1.Pod) -> bool:
    more = attempts.all_failures(pod) >= attempts.all_failures(other)
    return more and backoff.ended_at(pod) >= backoff.ended_at(other)
