"""The CronJob controller: starts what is due, clears away old Jobs, keeps the list of active ones.

Which run is due is decided in decide.py. Between runs nothing happens: the key waits in the queue for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from podium.client.events import reference_to
from podium.client.queue import WorkQueue
from podium.controllers import references
from podium.controllers.context import Context, Key
from podium.controllers.cronjob import decide
from podium.controllers.cronjob.template import new_job
from podium.controllers.replicaset.controller import is_namespace_terminating
from podium.controllers.worker import DONE, Result
from podium.controllers.written import LONGEST_WAIT, Written
from podium.machinery import cron, errors
from podium.models import batch_v1, codec, core_v1, meta_v1, owners

Jobs = Sequence[batch_v1.Job]
TOO_MANY_MISSED = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
ALREADY_ACTIVE = "Not starting job because prior execution is running and concurrency policy is Forbid"


@dataclass(slots=True)
class _Run:
    """One look at a CronJob: the status as it becomes, and what there is."""

    cron_job: batch_v1.CronJob
    status: batch_v1.CronJobStatus
    jobs: Jobs

    def is_active(self, uid: str) -> bool:
        return any(active.uid == uid for active in self.status.active)

    def drop(self, uid: str) -> None:
        self.status.active = tuple(active for active in self.status.active if active.uid != uid)


class CronJobController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("cronjob-controller")
        self._written = Written(context.clock)
        self._deleted: set[str] = set()
        """The uids of Jobs that were deleted, until the cache shows it."""
        self._cron_jobs = context.informers.of(batch_v1.CronJob)
        self._jobs = context.informers.of(batch_v1.Job)
        references.index_by_controller(self._jobs)
        context.on_change(self._cron_jobs, self._cron_job_changed)
        context.on_change(self._jobs, self._job_changed)

    def _cron_job_changed(self, old: batch_v1.CronJob | None, new: batch_v1.CronJob | None) -> None:
        if new is None:
            if old is not None:
                self._written.forget(old.metadata.uid)
            return
        key = (new.metadata.namespace, new.metadata.name)
        if old is not None and (old.spec.schedule, old.spec.timeZone) != (new.spec.schedule, new.spec.timeZone):
            # runs that the new schedule would have had before it was made are not caught up on
            after = self._until_next(new)
            if after is not None:
                self._queue.add_after(key, after)
                return
        self._queue.add(key)

    def _until_next(self, cron_job: batch_v1.CronJob) -> float | None:
        now = self._context.clock.now()
        try:
            schedule = cron.parse(cron_job.spec.schedule, cron_job.spec.timeZone)
        except ValueError:
            return None  # reconcile tells
        return _seconds(decide.following(cron_job, cron_job.status.lastScheduleTime, schedule, now), now)

    def _job_changed(self, old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        if new is None and old is not None:
            self._deleted.discard(old.metadata.uid)
        for job in (old, new):
            reference = None if job is None else owners.controller_of(job)
            if job is not None and reference is not None and reference.kind == "CronJob":
                self._queue.add((job.metadata.namespace, reference.name))

    async def reconcile(self, key: Key) -> Result:
        cron_job = self._cron_jobs.get(*key)
        if cron_job is None:
            return DONE
        uid = cron_job.metadata.uid
        if not self._written.is_shown(uid, [cron_job]):
            return Result(requeue_after=LONGEST_WAIT)  # its change will come sooner
        jobs = [job for job in references.controlled(self._jobs, uid) if job.metadata.uid not in self._deleted]
        run = _Run(cron_job, replace(cron_job.status), jobs)
        try:
            after = await self._sync(run)
        except errors.StatusError:
            await self._store(run)  # what was done is true whatever failed after it
            raise
        await self._store(run)
        return Result(requeue_after=after)

    async def _sync(self, run: _Run) -> float | None:
        """Seconds until the next run, None if there is none to wait for."""
        await self._clear(run)
        await self._follow(run)
        return None if run.cron_job.metadata.deletionTimestamp is not None else await self._start(run)

    async def _store(self, run: _Run) -> None:
        if run.status == run.cron_job.status:
            return
        changed = codec.copy(run.cron_job)
        changed.status = run.status
        try:
            written = await self._client.update_status(changed)
        except errors.NotFound:
            return
        self._written.note(written.metadata.uid, written)

    async def _clear(self, run: _Run) -> None:
        for job in decide.expired(run.cron_job, run.jobs):
            await self._delete(run, job)

    async def _delete(self, run: _Run, job: batch_v1.Job) -> bool:
        metadata = job.metadata
        options = meta_v1.DeleteOptions(
            propagationPolicy="Background", preconditions=meta_v1.Preconditions(uid=metadata.uid)
        )
        self._deleted.add(metadata.uid)  # beforehand: the cache may show it before the API has answered
        try:
            await self._client.delete(batch_v1.Job, metadata.namespace, metadata.name, options)
        except errors.StatusError as error:
            self._deleted.discard(metadata.uid)
            self._recorder.event(run.cron_job, "Warning", "FailedDelete", f"Deleted job: {error}")
            return False
        run.drop(metadata.uid)
        self._recorder.event(run.cron_job, "Normal", "SuccessfulDelete", f"Deleted job {metadata.name}")
        return True

    async def _follow(self, run: _Run) -> None:
        """Bring the list of active Jobs in line with what there is."""
        for job in run.jobs:
            metadata, ended = job.metadata, decide.ending(job)
            if run.is_active(metadata.uid) and ended:
                run.drop(metadata.uid)
                message = f"Saw completed job: {metadata.name}, condition: {ended}"
                self._recorder.event(run.cron_job, "Normal", "SawCompletedJob", message)
            elif not ended and not run.is_active(metadata.uid) and metadata.deletionTimestamp is None:
                message = f"Saw a job that the controller did not create or forgot: {metadata.name}"
                self._recorder.event(run.cron_job, "Warning", "UnexpectedJob", message)
        run.status.lastSuccessfulTime = decide.last_success(run.cron_job, run.jobs)
        there = {job.metadata.uid for job in run.jobs}
        for active in run.status.active:
            if active.uid not in there and await self._get(active) is None:
                run.drop(active.uid)
                message = f"Active job went missing: {active.name}"
                self._recorder.event(run.cron_job, "Normal", "MissingJob", message)

    async def _get(self, active: core_v1.ObjectReference) -> batch_v1.Job | None:
        """The Job as the API has it: the cache may not show yet what was just created."""
        try:
            job = await self._client.get(batch_v1.Job, active.namespace, active.name)
        except errors.NotFound:
            return None
        return job if job.metadata.uid == active.uid else None

    async def _start(self, run: _Run) -> float | None:
        """Start what is due; seconds until the next run, None if there is none to wait for."""
        cron_job, now = run.cron_job, self._context.clock.now()
        try:
            cron.zone(cron_job.spec.timeZone)  # that it is unknown is told even while nothing is to be started
            if cron_job.spec.suspend:
                return None
            schedule = cron.parse(cron_job.spec.schedule, cron_job.spec.timeZone)
            recent = decide.due(cron_job, schedule, now)
        except ValueError as error:
            self._tell_unusable(cron_job, error)
            return None
        if recent.time is not None:
            if recent.missed > decide.MANY:
                self._recorder.event(cron_job, "Warning", "TooManyMissedTimes", TOO_MANY_MISSED)
            await self._start_due(run, recent.time, now)
        return _seconds(decide.following(cron_job, run.status.lastScheduleTime, schedule, now), now)

    def _tell_unusable(self, cron_job: batch_v1.CronJob, error: ValueError) -> None:
        """Nothing more happens until somebody changes the schedule."""
        text = cron_job.spec.schedule
        if isinstance(error, cron.UnknownTimeZone):
            message = f'invalid timeZone: "{cron_job.spec.timeZone}": {error}'
            self._recorder.event(cron_job, "Warning", "UnknownTimeZone", message)
        elif isinstance(error, decide.NeverDue):
            self._recorder.event(cron_job, "Warning", "InvalidSchedule", f"invalid schedule: {text} : {error}")
        else:
            message = f'unparseable schedule: "{text}" : {error}'
            self._recorder.event(cron_job, "Warning", "UnparseableSchedule", message)

    async def _start_due(self, run: _Run, due: datetime, now: datetime) -> None:
        cron_job = run.cron_job
        if decide.is_too_late(cron_job, due, now):
            message = f"Missed scheduled time to start a job: {due:%a, %d %b %Y %H:%M:%S +0000}"
            self._recorder.event(cron_job, "Warning", "MissSchedule", message)
            return
        if decide.was_started(cron_job, due):
            return
        if cron_job.spec.concurrencyPolicy == "Forbid" and run.status.active:
            self._recorder.event(cron_job, "Normal", "JobAlreadyActive", ALREADY_ACTIVE)
            return
        if cron_job.spec.concurrencyPolicy == "Replace":
            await self._replace(run)
        job = await self._create(run, due)
        if job is not None:
            active = reference_to(job)
            run.status.active = (*run.status.active, active)
            run.status.lastScheduleTime = due

    async def _replace(self, run: _Run) -> None:
        for active in run.status.active:
            try:
                job = await self._client.get(batch_v1.Job, active.namespace, active.name)
            except errors.StatusError as error:
                self._recorder.event(run.cron_job, "Warning", "FailedGet", f"Get job: {error}")
                raise
            if not await self._delete(run, job):
                raise errors.Conflict("jobs.batch", active.name, "it could not be replaced")

    async def _create(self, run: _Run, due: datetime) -> batch_v1.Job | None:
        """The Job of that run, also if it was created before a restart; None if somebody else's is in its place."""
        cron_job = run.cron_job
        job = new_job(cron_job, due, cron.zone(cron_job.spec.timeZone))
        name = job.metadata.name
        try:
            created = await self._client.create(job)
        except errors.AlreadyExists:
            there = await self._client.get(batch_v1.Job, cron_job.metadata.namespace, name)
            return there if owners.is_controlled_by(there, cron_job) and not run.is_active(there.metadata.uid) else None
        except errors.StatusError as error:
            if not is_namespace_terminating(error):
                self._recorder.event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
            raise
        self._recorder.event(cron_job, "Normal", "SuccessfulCreate", f"Created job {created.metadata.name}")
        return created


def _seconds(upcoming: datetime | None, now: datetime) -> float | None:
    """How long to wait until a run is looked at."""
    return None if upcoming is None else (upcoming - now).total_seconds() + decide.SLACK
