"""Which run of a CronJob is due: tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from podium.controllers.cronjob import decide
from podium.controllers.cronjob.template import SCHEDULED, new_job
from podium.machinery import cron
from podium.models import batch_v1, core_v1, meta_v1

DAY = "2026-05-01T"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else DAY + text).replace(tzinfo=UTC)


def cron_job(*, created: str = "10:00", last: str = "", active: tuple[str, ...] = (), **spec: Any) -> batch_v1.CronJob:
    return batch_v1.CronJob(
        metadata=meta_v1.ObjectMeta(name="backup", namespace="default", uid="c", creationTimestamp=at(created)),
        spec=batch_v1.CronJobSpec(**{"schedule": "0 * * * *", "concurrencyPolicy": "Allow", **spec}),
        status=batch_v1.CronJobStatus(
            lastScheduleTime=at(last) if last else None,
            active=tuple(core_v1.ObjectReference(name=name, uid=f"uid-{name}") for name in active),
        ),
    )


def job(name: str, ending: str = "", started: str = "", completed: str = "", deleting: bool = False) -> batch_v1.Job:
    conditions = (batch_v1.JobCondition(type=ending, status="True"),) if ending else ()
    return batch_v1.Job(
        metadata=meta_v1.ObjectMeta(name=name, uid=f"uid-{name}", deletionTimestamp=at("23:00") if deleting else None),
        status=batch_v1.JobStatus(
            conditions=conditions,
            startTime=at(started) if started else None,
            completionTime=at(completed) if completed else None,
        ),
    )


@pytest.mark.parametrize(
    ("made", "now", "due", "missed", "following"),
    [
        (cron_job(), "10:59:59", None, 0, "11:00"),
        (cron_job(), "11:00", "11:00", 0, "12:00"),
        (cron_job(), "13:20", "13:00", 3, "14:00"),
        (cron_job(last="13:00"), "13:20", None, 0, "14:00"),
        (cron_job(last="12:00"), "13:20", "13:00", 0, "14:00"),
        (cron_job(startingDeadlineSeconds=600), "13:20", None, 0, "14:00"),
        (cron_job(startingDeadlineSeconds=1200), "13:20", None, 0, "14:00"),
        (cron_job(startingDeadlineSeconds=1201), "13:20", "13:00", 0, "14:00"),
        (cron_job(startingDeadlineSeconds=6000), "13:20", "13:00", 2, "14:00"),
        (cron_job(startingDeadlineSeconds=2**62), "13:20", "13:00", 3, "14:00"),
        (cron_job(created="2026-04-27T09:00"), "13:20", "13:00", 100, "14:00"),
        (cron_job(created="2016-04-26T10:00", schedule="* * * * *"), "13:20", "13:20", 5266280, "13:21"),
        (cron_job(schedule="0 9 * * *", timeZone="America/New_York"), "14:00", "13:00", 0, "2026-05-02T13:00"),
        # the first two runs tell how far apart they all are taken to be
        (cron_job(schedule="30 6-16/4 * * 1-5"), "2026-05-04T07:00", "2026-05-04T06:30", 18, "2026-05-04T10:30"),
        (cron_job(schedule="0,1 11 * * *"), "11:01:30", "11:01", 2, "2026-05-02T11:00"),
        (cron_job(schedule="0,1 11 * * *"), "22:00", None, 661, "2026-05-02T11:00"),
        (cron_job(schedule="0,59 * * * *"), "13:20", None, 142, "13:59"),
        (cron_job(schedule="@every 25m"), "11:20", "11:15", 3, "11:40"),
        (cron_job(schedule="@every 25m", last="11:15"), "11:20", None, 0, "11:40"),
        # an interval begins when the deadline does, if that is after the last run
        (cron_job(schedule="@every 25m", startingDeadlineSeconds=1500), "10:25", "10:25", 0, "10:50"),
        (cron_job(schedule="@every 25m", startingDeadlineSeconds=1700), "11:20", "11:16:40", 0, "11:40"),
        (cron_job(schedule="@every 25m", startingDeadlineSeconds=3200), "11:20", "11:16:40", 2, "11:40"),
        (cron_job(schedule="@every 25m", startingDeadlineSeconds=1499), "10:25", None, 0, "10:50"),
    ],
)
def test_what_is_due(made: batch_v1.CronJob, now: str, due: str | None, missed: int, following: str) -> None:
    schedule = cron.parse(made.spec.schedule, made.spec.timeZone)
    found = decide.due(made, schedule, at(now))
    assert (found.time, found.missed) == (None if due is None else at(due), missed)
    assert decide.following(made, made.status.lastScheduleTime, schedule, at(now)) == at(following)


def test_a_schedule_without_any_day() -> None:
    with pytest.raises(decide.NeverDue):
        decide.due(cron_job(), cron.parse("0 0 31 2 *"), at("13:00"))


def test_names_come_from_the_minute() -> None:
    assert decide.job_name(cron_job(), at("1970-01-02T00:01")) == "backup-1441"
    assert decide.job_name(cron_job(), at("13:00")) == decide.job_name(cron_job(), at("13:00:59"))


def test_a_run_is_started_once() -> None:
    name = decide.job_name(cron_job(), at("13:00"))
    assert not decide.was_started(cron_job(), at("13:00"))
    assert not decide.was_started(cron_job(last="12:00", active=("other",)), at("13:00"))
    assert decide.was_started(cron_job(last="13:00"), at("13:00"))
    assert decide.was_started(cron_job(active=(name,)), at("13:00"))


def test_too_late() -> None:
    assert not decide.is_too_late(cron_job(), at("13:00"), at("23:00"))
    assert not decide.is_too_late(cron_job(startingDeadlineSeconds=60), at("13:00"), at("13:01"))
    assert decide.is_too_late(cron_job(startingDeadlineSeconds=60), at("13:00"), at("13:01:01"))


def test_history_limits() -> None:
    jobs = [
        job("s3", "Complete", "13:00"),
        job("s1", "Complete", "11:00"),
        job("f1", "Failed", "11:30"),
        job("s2", "Complete", "12:00"),
        job("f2", "Failed"),  # it never started
        job("r", "", "09:00"),
        job("s0", "Complete", "10:00", deleting=True),
    ]

    def expired(successful: int | None, failed: int | None) -> list[str]:
        made = cron_job(successfulJobsHistoryLimit=successful, failedJobsHistoryLimit=failed)
        return [one.metadata.name for one in decide.expired(made, jobs)]

    assert expired(None, None) == []
    assert expired(3, 2) == []
    assert expired(2, 1) == ["s1", "f1"]
    assert expired(0, 0) == ["s1", "s2", "s3", "f1", "f2"]


def test_the_last_success() -> None:
    made = cron_job()
    assert decide.last_success(made, [job("f", "Failed", completed="15:00")]) is None
    jobs = [job("a", "Complete", completed="13:00"), job("b", "Complete", completed="12:00")]
    assert decide.last_success(made, jobs) == at("13:00")
    made.status.lastSuccessfulTime = at("14:00")
    assert decide.last_success(made, jobs) == at("14:00")


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("", "2026-05-01T13:00:00Z"),
        ("Europe/Berlin", "2026-05-01T15:00:00+02:00"),
        ("Africa/Abidjan", "2026-05-01T13:00:00Z"),
    ],
)
def test_the_job_of_a_run(zone: str, text: str) -> None:
    template = batch_v1.JobTemplateSpec(
        metadata=meta_v1.ObjectMeta(labels={"a": "b"}, annotations={"c": "d"}), spec=batch_v1.JobSpec(parallelism=2)
    )
    made = cron_job(jobTemplate=template, timeZone=zone)
    found = new_job(made, at("13:00"), cron.zone(zone))
    assert found.metadata.labels == {"a": "b"}
    assert found.metadata.annotations == {"c": "d", SCHEDULED: text}
    (owner,) = found.metadata.ownerReferences
    assert (owner.kind, owner.name, owner.uid, owner.controller) == ("CronJob", "backup", "c", True)
    assert found.spec == template.spec
