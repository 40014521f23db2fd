"""Whether a Job has reached its end, and which Pods to create or delete until then. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from podium.controllers import pods as pod_rules
from podium.controllers.job import backoff, failure_policy, indexes, success_policy
from podium.controllers.job.view import Pods, View, is_failed, is_indexed, replaces_only_failed
from podium.models import batch_v1, conditions, core_v1

BURST = 500
"""So many Pods at most are created or deleted before their fate has been observed."""
CONTROLLER = "kubernetes.io/job-controller"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the Job ends. It is stored before the Job is over: as FailureTarget or SuccessCriteriaMet."""

    failed: bool
    reason: str
    message: str


COMPLETED = Verdict(False, "CompletionsReached", "Reached expected number of succeeded pods")


def is_managed_elsewhere(job: batch_v1.Job) -> bool:
    """Whether spec.managedBy names somebody else (KEP-4368)."""
    return job.spec.managedBy not in ("", CONTROLLER)


def is_suspended(job: batch_v1.Job) -> bool:
    return bool(job.spec.suspend)


def verdict(view: View, started: datetime | None, now: datetime) -> Verdict | None:
    """How the Job ends, if that is certain although Pods may still run; None if it isn't.

    What was said once stays. Then: a rule of the podFailurePolicy, the back-off limit, the deadline, failed indexes and
    the successPolicy, in that order.
    """
    job = view.job
    for type_, failed in (("SuccessCriteriaMet", False), ("FailureTarget", True)):
        said = conditions.get(job.status.conditions, type_)
        if said is not None and said.status == "True":
            return Verdict(failed, said.reason, said.message)
    return _failure(view, started, now) or _success(view)


def _failure(view: View, started: datetime | None, now: datetime) -> Verdict | None:
    job = view.job
    spec = job.spec
    if spec.podFailurePolicy is not None:
        for pod in view.pods:
            if is_failed(pod, job) and (message := failure_policy.match(spec.podFailurePolicy, pod).message):
                return Verdict(True, "PodFailurePolicy", message)
    if view.failed > (spec.backoffLimit or 0) or _restarted_too_often(job, view.pods):
        return Verdict(True, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = deadline_left(job, started, now)
    if left is not None and left <= 0:
        return Verdict(True, "DeadlineExceeded", "Job was active longer than specified deadline")
    if view.failed_indexes is None:
        return None
    failed = indexes.total(view.failed_indexes)
    if spec.maxFailedIndexes is not None and failed > spec.maxFailedIndexes:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return Verdict(True, "MaxFailedIndexesExceeded", message)
    if failed and failed + indexes.total(view.succeeded_indexes) >= (spec.completions or 0):
        return Verdict(True, "FailedIndexes", "Job has failed indexes")
    return None


def _success(view: View) -> Verdict | None:
    spec = view.job.spec
    if not is_indexed(view.job):
        return None
    message = success_policy.match(spec.successPolicy, spec.completions or 0, view.succeeded_indexes)
    return None if message is None else Verdict(False, "SuccessPolicy", message)


def _restarted_too_often(job: batch_v1.Job, pods: Pods) -> bool:
    """With restartPolicy OnFailure the restarts of the containers of all Pods that live count as failures."""
    if job.spec.template.spec.restartPolicy != "OnFailure":
        return False
    restarts = sum(
        status.restartCount
        for pod in pods
        if pod.status.phase in ("Running", "Pending")
        for status in (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
    )
    limit = job.spec.backoffLimit or 0
    return restarts > 0 if limit == 0 else restarts >= limit


def deadline_left(job: batch_v1.Job, started: datetime | None, now: datetime) -> float | None:
    """Seconds until activeDeadlineSeconds are over; None if that can't happen."""
    if job.spec.activeDeadlineSeconds is None or started is None or is_suspended(job):
        return None
    return job.spec.activeDeadlineSeconds - (now - started).total_seconds()


def is_complete(view: View, active: int) -> bool:
    """Whether enough Pods have succeeded and none is left. Without `completions`, one success is enough."""
    completions = view.job.spec.completions
    return active == 0 and (view.succeeded > 0 if completions is None else view.succeeded >= completions)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do to have as many Pods as are wanted. Either some go or some come, never both at once."""

    delete: Pods = ()
    create: int = 0
    indexes: Sequence[int] = ()
    """For Indexed Jobs: which ones to create, `create` of them."""
    wait: float | None = None
    """Seconds until Pods may be created that are missing now."""


def plan(view: View, record: backoff.Record, now: datetime) -> Plan:
    job = view.job
    active = len(view.active)
    want = _wanted(view)
    delete = _surplus(view, active if is_suspended(job) else max(active - want, 0))
    if is_suspended(job):
        return Plan(delete=delete)
    if delete:
        return Plan(delete=delete[:BURST])
    missing = want - active - (view.terminating if replaces_only_failed(job) else 0)
    if missing <= 0:
        return Plan()
    if job.spec.backoffLimitPerIndex is None:
        wait = backoff.remaining(record, now)
        if wait > 0:
            return Plan(wait=wait)
    missing = min(missing, BURST)
    return _next_indexes(view, missing, now) if is_indexed(job) else Plan(create=missing)


def _wanted(view: View) -> int:
    spec = view.job.spec
    parallelism = 1 if spec.parallelism is None else spec.parallelism
    if spec.completions is None:  # whoever succeeds first ends it: the others may finish, none is added
        return len(view.active) if view.succeeded > 0 else parallelism
    return max(0, min(spec.completions - view.succeeded, parallelism))


def _surplus(view: View, at_least: int) -> Pods:
    """Which Pods must go: `at_least` so many, and all whose index is invalid or taken."""
    job = view.job
    if not view.active or (not at_least and not is_indexed(job)):
        return ()
    ordered = pod_rules.removal_order(view.active)
    if not is_indexed(job):
        return ordered[:at_least]
    order = {pod.metadata.uid: position for position, pod in enumerate(ordered)}
    remove, left = indexes.redundant(view.active, job.spec.completions or 0, order)
    more = at_least - len(remove)
    return [*remove, *sorted(left, key=lambda pod: order[pod.metadata.uid])[:more]] if more > 0 else remove


def _next_indexes(view: View, missing: int, now: datetime) -> Plan:
    """The lowest indexes that nobody works on, as far as their own back-off is over."""
    job = view.job
    taken = indexes.with_indexes(view.succeeded_indexes, indexes.of_pods(view.active))
    if replaces_only_failed(job):
        taken = indexes.with_indexes(taken, indexes.still_running(view.pods))
    taken = indexes.merge(taken, view.failed_indexes or ())
    candidates = indexes.missing(taken, missing, job.spec.completions or 0)
    if job.spec.backoffLimitPerIndex is None:
        return Plan(create=len(candidates), indexes=candidates)
    waits = {index: backoff.remaining_for_index(view.held.get(index), now) for index in candidates}
    due = [index for index in candidates if waits[index] <= 0]
    later = min((wait for wait in waits.values() if wait > 0), default=None)
    return Plan(create=len(due), indexes=due, wait=later)


def tracked_failures(view: View, released: Pods) -> tuple[list[core_v1.Pod], list[core_v1.Pod]]:
    """Of the Pods that ended, those whose finalizer goes now: what the back-off is reckoned from, each once."""
    going = {pod.metadata.uid for pod in released}
    succeeded = [pod for pod in view.new_succeeded if pod.metadata.uid in going]
    failed = [pod for pod in view.new_failed if pod.metadata.uid in going]
    return succeeded, failed
