"""Which run of a CronJob is due, and whether it may start. Pure: (CronJob, schedule, now) in, times and reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from podium.machinery.cron import Schedule
from podium.models import batch_v1, conditions
from podium.models.numbers import LONGEST

MANY = 100
"""More missed runs than that are told: the clock may be wrong, or the CronJob was suspended for long."""
SLACK = 0.1
"""Seconds after a run is due at which it is looked at, so that no clock that is a little slow makes it look early."""


class NeverDue(ValueError):
    """The schedule is well-formed, but no day is like that (February 31)."""


@dataclass(frozen=True, slots=True)
class Recent:
    time: datetime | None
    """The latest run up to now; those before it are skipped. None if there is none."""
    missed: int
    """About how many runs there were up to now; 0 when there were none or one."""


def due(cron_job: batch_v1.CronJob, schedule: Schedule, now: datetime) -> Recent:
    """What is to be started now; NeverDue if there is no run at all.

    Last run at 10:00, every hour, now 13:20: that is the run of 13:00, of 3. With startingDeadlineSeconds 600 there is
    none: 13:00 is longer ago than that. The deadline is also what `@every` is reckoned from, if the last run was before
    it, so `@every 1h` with a deadline of half an hour is never due.
    """
    earliest = _since(cron_job, cron_job.status.lastScheduleTime)
    deadline = cron_job.spec.startingDeadlineSeconds
    if deadline is not None:
        earliest = max(earliest, now - timedelta(seconds=min(deadline, LONGEST)))
    return _recent(schedule, earliest, now)


def following(cron_job: batch_v1.CronJob, last: datetime | None, schedule: Schedule, now: datetime) -> datetime | None:
    """The first run that lies ahead, `last` being the one that was started last; None if there is none."""
    earliest = _since(cron_job, last)
    try:
        recent = _recent(schedule, earliest, now)
    except NeverDue:
        return schedule.next(now)
    return schedule.next(recent.time or (now if recent.missed else earliest))


def _since(cron_job: batch_v1.CronJob, last: datetime | None) -> datetime:
    since = last or cron_job.metadata.creationTimestamp
    assert since is not None
    return since


def _recent(schedule: Schedule, earliest: datetime, now: datetime) -> Recent:
    """The latest run after `earliest`, found as Kubernetes finds it: all runs are taken to be as far apart as the first
    two, and only what lies less than two such intervals back is looked at. So at 22:00 nothing is found of
    "0,1 11 * * *", which is due at 11:00 and 11:01.
    """
    first = schedule.next(earliest)
    second = None if first is None else schedule.next(first)
    if first is not None and now < first:
        return Recent(None, 0)
    if first is not None and second is not None:
        if now < second:
            return Recent(first, 0)
        apart = round((second - first).total_seconds())
        missed = int((now - first).total_seconds()) // apart + 1
        return Recent(schedule.latest(first + timedelta(seconds=(missed - 2) * apart), now), missed)
    raise NeverDue("time difference between two schedules is less than 1 second")


def is_too_late(cron_job: batch_v1.CronJob, due: datetime, now: datetime) -> bool:
    deadline = cron_job.spec.startingDeadlineSeconds
    return deadline is not None and due + timedelta(seconds=min(deadline, LONGEST)) < now


def job_name(cron_job: batch_v1.CronJob, due: datetime) -> str:
    """The same for the same run, so that no run is started twice: the name and the minutes since 1970."""
    return f"{cron_job.metadata.name}-{int(due.timestamp()) // 60}"


def was_started(cron_job: batch_v1.CronJob, due: datetime) -> bool:
    if cron_job.status.lastScheduleTime == due:
        return True
    name = job_name(cron_job, due)
    return any(active.name == name for active in cron_job.status.active)


def ending(job: batch_v1.Job) -> str:
    """Complete or Failed; empty while the Job isn't over."""
    for type_ in ("Complete", "Failed"):
        if conditions.is_true(job.status.conditions, type_):
            return type_
    return ""


def expired(cron_job: batch_v1.CronJob, jobs: Sequence[batch_v1.Job]) -> list[batch_v1.Job]:
    """The Jobs that are more than the history limits allow: of each ending, those that started first."""
    limits = {
        "Complete": cron_job.spec.successfulJobsHistoryLimit,
        "Failed": cron_job.spec.failedJobsHistoryLimit,
    }
    found: list[batch_v1.Job] = []
    for type_, limit in limits.items():
        if limit is None:
            continue
        over = [job for job in jobs if ending(job) == type_ and job.metadata.deletionTimestamp is None]
        surplus = len(over) - limit
        if surplus > 0:
            found += sorted(over, key=_age)[:surplus]
    return found


def _age(job: batch_v1.Job) -> tuple[bool, float, str]:
    """Those that never started come last."""
    started = job.status.startTime
    return (started is None, 0.0 if started is None else started.timestamp(), job.metadata.name)


def last_success(cron_job: batch_v1.CronJob, jobs: Sequence[batch_v1.Job]) -> datetime | None:
    """When a Job completed last, as far as that is known."""
    times = [job.status.completionTime for job in jobs if ending(job) == "Complete"]
    known = [time for time in (*times, cron_job.status.lastSuccessfulTime) if time is not None]
    return max(known, default=None)
