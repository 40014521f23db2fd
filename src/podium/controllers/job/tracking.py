"""The status of a Job, and how Pods that ended become numbers in it. Pure.

Three steps, each stored before the next: the uids of Pods that ended go to uncountedTerminatedPods (`collect`), their
finalizers are removed, the uids become counts (`settle`) and, once none is left, the Job is over (`finish`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from podium.controllers.job import failure_policy, indexes
from podium.controllers.job.decide import Verdict, is_suspended
from podium.controllers.job.view import Pods, View, is_failed, is_indexed, valid_index
from podium.models import batch_v1, conditions, core_v1

MOST_UNCOUNTED = 500
"""So many uids keep the status below some 20 KB."""


@dataclass(frozen=True, slots=True)
class Live:
    """How many Pods there are after what was just done."""

    active: int
    ready: int
    terminating: int


def start(job: batch_v1.Job, now: datetime) -> batch_v1.JobStatus:
    """The status to go on from: with a start time, once the Job isn't suspended."""
    status = replace(job.status, uncountedTerminatedPods=job.status.uncountedTerminatedPods or _NONE)
    if status.startTime is None and not is_suspended(job):
        status.startTime = now
    return status


_NONE = batch_v1.UncountedTerminatedPods()


def suspension(job: batch_v1.Job, status: batch_v1.JobStatus, now: datetime) -> batch_v1.JobStatus:
    """With the condition Suspended as spec.suspend has it. The clock stops with it and begins anew after it."""
    if is_suspended(job):
        suspended = _condition("Suspended", "True", "JobSuspended", "Job suspended", now)
        return replace(status, conditions=_put(status.conditions, suspended), startTime=None)
    if conditions.get(status.conditions, "Suspended") is None:
        return status
    resumed = _condition("Suspended", "False", "JobResumed", "Job resumed", now)
    changed = _put(status.conditions, resumed)
    return status if changed == status.conditions else replace(status, conditions=changed, startTime=now)


@dataclass(frozen=True, slots=True)
class Collected:
    status: batch_v1.JobStatus
    release: Pods
    """Whose finalizer is to be removed once the status is stored."""
    all: bool
    """False if more are left than a status can hold."""


def collect(view: View, status: batch_v1.JobStatus, live: Live, ending: Verdict | None, now: datetime) -> Collected:
    """The status with the Pods that ended, and which Pods can be let go. `ending`: the Job is about to end so."""
    status = settle(replace(status), view.tracked)
    status.active = live.active or None
    status.ready, status.terminating = live.ready, live.terminating
    uncounted = status.uncountedTerminatedPods or _NONE
    succeeded, failed = list(uncounted.succeeded), list(uncounted.failed)
    already = {*succeeded, *failed}
    done: set[int] = set()
    release: list[core_v1.Pod] = []
    complete = True
    for pod in view.pods:
        uid = pod.metadata.uid
        if uid not in view.tracked or not _may_go(view, pod, ending):
            continue
        if len(done) + len(succeeded) + len(failed) >= MOST_UNCOUNTED:
            complete = False
            break
        release.append(pod)
        if pod.status.phase == "Succeeded" and is_indexed(view.job):
            index = valid_index(pod, view.job)
            if index is not None and not indexes.has(view.stored_indexes, index):
                done.add(index)  # that is enough to recognize it, also if it was deleted and counted as failed before
        elif uid in already:
            continue
        elif pod.status.phase == "Succeeded":
            succeeded.append(uid)
        elif _counts_as_failed(view, pod, ending):
            failed.append(uid)
    status.uncountedTerminatedPods = batch_v1.UncountedTerminatedPods(succeeded=tuple(succeeded), failed=tuple(failed))
    if is_indexed(view.job):
        there = view.succeeded_indexes
        status.completedIndexes, status.succeeded = indexes.text(there), indexes.total(there) or None
        status.failedIndexes = None if view.failed_indexes is None else indexes.text(view.failed_indexes)
    if ending is not None:
        type_ = "FailureTarget" if ending.failed else "SuccessCriteriaMet"
        if not conditions.is_true(status.conditions, type_):
            interim = _condition(type_, "True", ending.reason, ending.message, now)
            status.conditions = _put(status.conditions, interim)
    return Collected(status, release, complete)


def _may_go(view: View, pod: core_v1.Pod, ending: Verdict | None) -> bool:
    """Whether its finalizer has done its duty."""
    if view.job.metadata.deletionTimestamp is not None or ending is not None or pod.status.phase == "Succeeded":
        return True
    if not is_failed(pod, view.job):
        return False
    index = indexes.of_pod(pod)
    held = view.held.get(index) if index is not None else None
    return held is None or held.metadata.uid != pod.metadata.uid


def _counts_as_failed(view: View, pod: core_v1.Pod, ending: Verdict | None) -> bool:
    """When the Job fails, what hadn't ended by then has failed, too."""
    if not is_failed(pod, view.job) and (ending is None or not ending.failed):
        return False
    if is_indexed(view.job) and valid_index(pod, view.job) is None:
        return False
    return failure_policy.match(view.job.spec.podFailurePolicy, pod).counts


def settle(status: batch_v1.JobStatus, tracked: Collection[str]) -> batch_v1.JobStatus:
    """Turn the uncounted Pods that aren't tracked any more into numbers."""
    uncounted = status.uncountedTerminatedPods or _NONE
    succeeded = tuple(uid for uid in uncounted.succeeded if uid in tracked)
    failed = tuple(uid for uid in uncounted.failed if uid in tracked)
    if (succeeded, failed) == (uncounted.succeeded, uncounted.failed):
        return status
    return replace(
        status,
        succeeded=((status.succeeded or 0) + len(uncounted.succeeded) - len(succeeded)) or None,
        failed=((status.failed or 0) + len(uncounted.failed) - len(failed)) or None,
        uncountedTerminatedPods=batch_v1.UncountedTerminatedPods(succeeded=succeeded, failed=failed),
    )


def finish(job: batch_v1.Job, status: batch_v1.JobStatus, ending: Verdict, now: datetime) -> batch_v1.JobStatus | None:
    """The status of the Job that is over; None as long as Pods are uncounted or still terminating.

    It has a start time, also when it was suspended meanwhile. Only a suspended Job without completions never started.
    """
    uncounted = status.uncountedTerminatedPods or _NONE
    if uncounted.succeeded or uncounted.failed or status.terminating:
        return None
    type_ = "Failed" if ending.failed else "Complete"
    over = _condition(type_, "True", ending.reason, ending.message, now)
    never_started = is_suspended(job) and job.spec.completions == 0
    started = status.startTime or (None if never_started else now)
    status = replace(status, conditions=_put(status.conditions, over), startTime=started)
    if not ending.failed:
        status.completionTime = now
    return status


def _condition(type_: str, status: str, reason: str, message: str, now: datetime) -> batch_v1.JobCondition:
    return batch_v1.JobCondition(
        type=type_, status=status, reason=reason, message=message, lastProbeTime=now, lastTransitionTime=now
    )


def _put(old: tuple[batch_v1.JobCondition, ...], new: batch_v1.JobCondition) -> tuple[batch_v1.JobCondition, ...]:
    """With the condition in the place of that of its type; one that says the same stays as it is."""
    there = conditions.get(old, new.type)
    if there is None:
        return (*old, new)
    if (there.status, there.reason, there.message) == (new.status, new.reason, new.message):
        return old
    return tuple(new if condition is there else condition for condition in old)
