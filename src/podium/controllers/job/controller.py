"""The Job controller: claims Pods, creates and deletes them, counts those that ended, tells how the Job fares.

What there is: view.py. What to do: decide.py. How ends are counted, exactly once each: tracking.py. Acting: pods.py.
Pods that no Job counts are let go by orphans.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from podium.client.queue import WorkQueue
from podium.controllers import pods as pod_rules
from podium.controllers import references
from podium.controllers.context import Context, Key
from podium.controllers.expectations import Expectations
from podium.controllers.job import backoff, decide, template, tracking
from podium.controllers.job.decide import Verdict
from podium.controllers.job.pods import Hands
from podium.controllers.job.tracking import Live
from podium.controllers.job.view import Pods, View, is_finished, is_indexed, observe
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import errors
from podium.models import batch_v1, codec, core_v1, owners, selectors

REST = 0.05
"""Seconds for which changes of Pods are gathered at least, ..."""
REST_PER_POD = 50e-6
"""... and for each Pod that has to be looked at."""
LONGEST_REST = 1.0


@dataclass(slots=True)
class _Acted:
    """What came of a plan."""

    live: Live
    error: errors.StatusError | None = None
    waits: list[float] = field(default_factory=list)


class JobController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("job-controller")
        self._expectations = Expectations(context.clock)
        self._written = Written(context.clock)
        self._released: set[str] = set()
        self._failures: dict[str, backoff.Record] = {}
        """By the Job's uid; lost with the process, as in Kubernetes."""
        self._jobs = context.informers.of(batch_v1.Job)
        self._pods = context.informers.of(core_v1.Pod)
        self._hands = Hands(context.client, self._recorder, self._expectations, self._released, self._pods)
        references.index_by_controller(self._pods)
        context.on_change(self._jobs, self._job_changed)
        context.on_change(self._pods, self._pod_changed)

    def _job_changed(self, old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        job = new if new is not None else old
        if job is None:
            return
        if new is None:
            self._forget(job.metadata.uid)
        self._queue.add((job.metadata.namespace, job.metadata.name))

    def _forget(self, uid: str) -> None:
        self._expectations.forget(uid)
        self._written.forget(uid)
        self._failures.pop(uid, None)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None or template.FINALIZER not in new.metadata.finalizers:
            pod = new if new is not None else old
            if pod is not None:
                self._released.discard(pod.metadata.uid)
        if new is not None:
            self._tell_owner(new, created=old is None, deleted=False)
        if old is not None and (new is None or old.metadata.ownerReferences != new.metadata.ownerReferences):
            self._tell_owner(old, created=False, deleted=new is None)
        if new is not None and owners.controller_of(new) is None:
            self._tell_adopters(old, new)

    def _tell_owner(self, pod: core_v1.Pod, *, created: bool, deleted: bool) -> None:
        reference = owners.controller_of(pod)
        if reference is None or reference.kind != "Job":
            return
        if deleted or pod.metadata.deletionTimestamp is not None:
            self._expectations.deletion_observed(reference.uid, pod.metadata.uid)
        if created:
            self._expectations.creation_observed(reference.uid)
        self._queue.add((pod.metadata.namespace, reference.name))

    def _tell_adopters(self, old: core_v1.Pod | None, new: core_v1.Pod) -> None:
        """A Pod that nobody controls, or no longer: whoever selects it may adopt it."""
        if old is not None and (old.metadata.labels, old.metadata.ownerReferences) == (
            new.metadata.labels,
            new.metadata.ownerReferences,
        ):
            return
        for job in self._jobs.list(new.metadata.namespace):
            if not is_finished(job) and selectors.compile(job.spec.selector).matches(new.metadata.labels):
                self._queue.add((new.metadata.namespace, job.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        job = self._jobs.get(*key)
        if job is None or decide.is_managed_elsewhere(job):
            return DONE
        uid = job.metadata.uid
        if is_finished(job):
            self._forget(uid)
            return DONE
        if not self._written.is_shown(uid, [job]):
            return Result(requeue_after=LONGEST_WAIT)  # its change will come sooner
        satisfied = self._expectations.satisfied(uid)
        pods = await self._claim(job)
        view = observe(job, pods, self._released, self._expectations.pending_creations(uid))
        try:
            acted = await self._sync(view, satisfied)
        except errors.NotFound:
            return DONE  # it was deleted meanwhile
        if acted.error is not None:
            raise acted.error
        left = self._expectations.seconds_left(uid)
        waits = acted.waits if left is None else [*acted.waits, left]
        rest = min(REST + len(pods) * REST_PER_POD, LONGEST_REST)
        return Result(requeue_after=min(waits, default=None), rest=rest)

    async def _claim(self, job: batch_v1.Job) -> Pods:
        own = references.controlled(self._pods, job.metadata.uid)
        free = references.uncontrolled(self._pods, job.metadata.namespace)
        claims = references.claims(job, selectors.compile(job.spec.selector), own, free)
        return await references.act(self._client, job, claims, (template.FINALIZER,))

    async def _sync(self, view: View, satisfied: bool) -> _Acted:
        job, now = view.job, self._context.clock.now()
        second = now.replace(microsecond=0)
        status = tracking.start(job, second)
        ending = decide.verdict(view, status.startTime, now)
        may_end = True
        if ending is not None:
            acted = await self._stop(view)
            may_end = satisfied and acted.live.active == 0
        elif satisfied and job.metadata.deletionTimestamp is None:
            acted = await self._manage(view, now)
        else:
            acted = _Acted(_live(view))
        if ending is None and decide.is_complete(view, acted.live.active):
            ending = decide.COMPLETED
        elif ending is None and satisfied and job.metadata.deletionTimestamp is None:
            status = self._suspend_or_resume(job, status, second)
        left = decide.deadline_left(job, status.startTime, now)
        if left is not None and ending is None:
            acted.waits.append(max(left, 0.0))
        error = await self._track(view, status, acted.live, ending if may_end else None, second)
        acted.error = acted.error or error
        return acted

    async def _stop(self, view: View) -> _Acted:
        if not view.active:
            return _Acted(_live(view))
        going, error = await self._hands.stop(view.job, view.active)
        return _Acted(_live(view, going), error)

    async def _manage(self, view: View, now: datetime) -> _Acted:
        job = view.job
        plan = decide.plan(view, self._backoff(view), now)
        waits = [] if plan.wait is None else [plan.wait]
        if plan.delete:
            going, error = await self._hands.drop(job, plan.delete)
            return _Acted(_live(view, going), error, waits)
        if not plan.create:
            return _Acted(_live(view), None, waits)

        def new(number: int) -> core_v1.Pod:
            if not is_indexed(job):
                return template.new_pod(job)
            index = plan.indexes[number]
            return template.new_indexed_pod(job, index, view.held.get(index))

        created, error = await self._hands.create(job, plan.create, new)
        live = _live(view)
        return _Acted(Live(live.active + created, live.ready, live.terminating), error, waits)

    def _backoff(self, view: View) -> backoff.Record:
        record = self._failures.get(view.job.metadata.uid, backoff.NO_FAILURE)
        return backoff.after(record, view.new_succeeded, view.new_failed)

    def _suspend_or_resume(self, job: batch_v1.Job, status: batch_v1.JobStatus, now: datetime) -> batch_v1.JobStatus:
        changed = tracking.suspension(job, status, now)
        if changed.conditions != status.conditions:
            suspended = decide.is_suspended(job)
            reason = "Suspended" if suspended else "Resumed"
            self._recorder.event(job, "Normal", reason, "Job suspended" if suspended else "Job resumed")
        return changed

    async def _track(
        self, view: View, status: batch_v1.JobStatus, live: Live, ending: Verdict | None, now: datetime
    ) -> errors.StatusError | None:
        """Count what ended: see tracking.py. Each step is stored before the next is taken."""
        uid = view.job.metadata.uid
        collected = tracking.collect(view, status, live, ending, now)
        job = await self._store(view.job, collected.status)
        succeeded, failed = decide.tracked_failures(view, collected.release)
        record = backoff.after(self._failures.get(uid, backoff.NO_FAILURE), succeeded, failed)
        if record != backoff.NO_FAILURE:
            self._failures[uid] = record
        else:
            self._failures.pop(uid, None)
        done, error = await self._hands.release(collected.release)
        status = tracking.settle(job.status, view.tracked - done)
        over = tracking.finish(job, status, ending, now) if ending is not None and collected.all else None
        job = await self._store(job, status if over is None else over)
        if over is not None and ending is not None:
            self._tell_end(job, ending)
        return error

    async def _store(self, job: batch_v1.Job, status: batch_v1.JobStatus) -> batch_v1.Job:
        """Store the status unless it is that already. Conflict if the Job has changed: then all is worked out anew."""
        if status == job.status:
            return job
        changed = codec.copy(job)
        changed.status = status
        written = await self._client.update_status(changed)
        self._written.note(job.metadata.uid, written)
        return written

    def _tell_end(self, job: batch_v1.Job, ending: Verdict) -> None:
        if ending.failed:
            self._recorder.event(job, "Warning", ending.reason, ending.message)
            return
        if job.spec.completions is not None and (job.status.succeeded or 0) > job.spec.completions:
            message = "Too many succeeded pods running after completion count reached"
            self._recorder.event(job, "Warning", "TooManySucceededPods", message)
        self._recorder.event(job, "Normal", "Completed", "Job completed")


def _live(view: View, going: Collection[str] = ()) -> Live:
    """How many Pods there are once those with the given uids are on their way out."""
    stopped = [pod for pod in view.active if pod.metadata.uid in going] if going else []
    return Live(
        active=len(view.active) + view.pending - len(stopped),
        ready=view.ready - sum(map(pod_rules.is_ready, stopped)),
        terminating=view.terminating + len(stopped),
    )
