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
class Timing:
    earliest: datetime
    """What runs are reckoned from: the last one, or when the CronJob was created, or the starting deadline."""
    due: datetime | None
    """The latest run up to now; those before it are skipped. None if there is none."""
    missed: int
    """How many runs there were up to now, the due one included; counted no further than MANY + 1."""
    next: datetime
    """The first run that lies ahead."""


def timing(cron_job: batch_v1.CronJob, schedule: Schedule, now: datetime) -> Timing:
    """NeverDue if there is no run at all.

    Last run at 10:00, every hour, now 13:20: due is 13:00, missed 3, next 14:00. With startingDeadlineSeconds 600,
    nothing is due: 13:00 is longer ago than that.
    """
    last = cron_job.status.lastScheduleTime or cron_job.metadata.creationTimestamp
    assert last is not None
    earliest = last
    deadline = cron_job.spec.startingDeadlineSeconds
    if deadline is not None:
        earliest = max(earliest, now - timedelta(seconds=min(deadline, LONGEST)))
    skipped = schedule.latest(last, earliest) or last
    due = schedule.latest(skipped, now)
    upcoming = schedule.next(due or skipped)
    if upcoming is None:
        raise NeverDue("time difference between two schedules is less than 1 second")
    return Timing(earliest, due, 0 if due is None else schedule.count(skipped, now, MANY + 1), upcoming)


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
