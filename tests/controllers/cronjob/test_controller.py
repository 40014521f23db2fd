"""CronJobs over hours and over a year: what is started, what is kept, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from podium.clock import EPOCH
from podium.controllers.cronjob.template import SCHEDULED
from podium.models import batch_v1, codec, conditions, core_v1, meta_v1, owners
from podium.registry import housekeeping
from podium.testing.virtual import virtual_cluster
from tests.controllers.cluster import Cluster, run
from tests.controllers.job import build

ONLY = ("cronjob",)
HOUR = 3600.0


def cron_job(name: str = "backup", schedule: str = "0 * * * *", **spec: Any) -> batch_v1.CronJob:
    return batch_v1.CronJob(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default"),
        spec=batch_v1.CronJobSpec(
            schedule=schedule,
            jobTemplate=batch_v1.JobTemplateSpec(spec=batch_v1.JobSpec(template=build.template())),
            **spec,
        ),
    )


async def end(cluster: Cluster, name: str, *, failed: bool = False) -> None:
    """What the Job controller says in the end."""
    job = codec.copy(await cluster.client.get(batch_v1.Job, "default", name))
    now = cluster.clock.now().replace(microsecond=0)
    job.status.startTime = job.metadata.creationTimestamp
    for type_ in ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete"):
        condition = batch_v1.JobCondition(type=type_, status="True", lastTransitionTime=now)
        job.status.conditions = conditions.put(job.status.conditions, condition, now)
    job.status.completionTime = None if failed else now
    await cluster.client.update_status(job)
    await cluster.settle()


async def names(cluster: Cluster) -> list[str]:
    """The scheduled hours and minutes of the Jobs that are there."""
    jobs = await cluster.client.list(batch_v1.Job)
    return sorted(job.metadata.annotations[SCHEDULED][11:16] for job in jobs)


async def jobs(cluster: Cluster) -> Sequence[batch_v1.Job]:
    return sorted(await cluster.client.list(batch_v1.Job), key=lambda job: job.metadata.name)


async def status(cluster: Cluster) -> batch_v1.CronJobStatus:
    return (await cluster.client.get(batch_v1.CronJob, "default", "backup")).status


async def change(cluster: Cluster, **spec: Any) -> None:
    changed = codec.copy(await cluster.client.get(batch_v1.CronJob, "default", "backup"))
    for field, value in spec.items():
        setattr(changed.spec, field, value)
    await cluster.client.update(changed)
    await cluster.settle()


async def told(cluster: Cluster) -> list[tuple[str, str]]:
    return [(reason, message) for kind, reason, message in await cluster.events() if kind == "CronJob"]


def test_a_job_an_hour() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job())
        await cluster.advance(HOUR - 1)
        assert await jobs(cluster) == []
        await cluster.advance(2)
        (job,) = await jobs(cluster)
        minutes = int((EPOCH + timedelta(hours=1)).timestamp()) // 60
        assert job.metadata.name == f"backup-{minutes}"
        now = await status(cluster)
        assert now.lastScheduleTime == EPOCH + timedelta(hours=1)
        assert [(active.kind, active.name, active.uid) for active in now.active] == [
            ("Job", job.metadata.name, job.metadata.uid)
        ]
        await end(cluster, job.metadata.name)
        now = await status(cluster)
        over = await cluster.client.get(batch_v1.Job, "default", job.metadata.name)
        assert (now.active, now.lastSuccessfulTime) == ((), over.status.completionTime)
        assert await told(cluster) == [
            ("SuccessfulCreate", f"Created job {job.metadata.name}"),
            ("SawCompletedJob", f"Saw completed job: {job.metadata.name}, condition: Complete"),
        ]
        before = cluster.registry.revision
        await cluster.advance(HOUR - 10)
        assert cluster.registry.revision == before, "something writes between the runs"

    run(body, ONLY)


@pytest.mark.parametrize(
    ("policy", "there", "active"),
    [("Allow", ["01:00", "02:00", "03:00"], 3), ("Forbid", ["01:00"], 1), ("Replace", ["03:00"], 1)],
)
def test_when_the_one_before_still_runs(policy: str, there: list[str], active: int) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(concurrencyPolicy=policy))
        await cluster.advance(3 * HOUR + 1)
        assert await names(cluster) == there
        assert len((await status(cluster)).active) == active
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        assert (("JobAlreadyActive", message) in await told(cluster)) == (policy == "Forbid")
        if policy == "Forbid":  # the run that waited starts late
            await end(cluster, (await jobs(cluster))[0].metadata.name)
            assert await names(cluster) == ["01:00", "03:00"]

    run(body, ONLY)


def test_suspended_and_resumed() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(suspend=True))
        await cluster.advance(5.5 * HOUR)
        assert await jobs(cluster) == []
        await change(cluster, suspend=False)
        assert await names(cluster) == ["05:00"]
        await cluster.advance(HOUR)
        assert await names(cluster) == ["05:00", "06:00"]

    run(body, ONLY)


def test_a_starting_deadline_skips_what_is_too_late() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(startingDeadlineSeconds=600, suspend=True))
        await cluster.advance(5.5 * HOUR)
        await change(cluster, suspend=False)
        assert await jobs(cluster) == []
        await cluster.advance(0.6 * HOUR)
        assert await names(cluster) == ["06:00"]

    run(body, ONLY)


def test_more_than_a_hundred_missed_runs_are_told() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(schedule="*/5 * * * *", suspend=True))
        await cluster.advance(9 * HOUR + 1)
        await change(cluster, suspend=False)
        assert await names(cluster) == ["09:00"]
        message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        assert (await told(cluster))[0] == ("TooManyMissedTimes", message)

    run(body, ONLY)


def test_a_new_schedule_begins_from_now_on() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(schedule="0 0 * * *"))
        await cluster.advance(2.5 * HOUR)
        await change(cluster, schedule="0 * * * *")
        assert await jobs(cluster) == []
        await cluster.advance(HOUR)
        assert await names(cluster) == ["03:00"]

    run(body, ONLY)


def test_history_is_cleared() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(successfulJobsHistoryLimit=1, failedJobsHistoryLimit=2))
        await cluster.advance(1)
        for hour in range(6):
            await cluster.advance(HOUR)
            name = (await jobs(cluster))[-1].metadata.name
            await end(cluster, name, failed=hour % 2 == 0)
        assert await names(cluster) == ["03:00", "05:00", "06:00"]
        assert "SuccessfulDelete" in dict(await told(cluster))

    run(body, ONLY)


def test_a_job_that_went_missing_and_one_that_nobody_expected() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job())
        await cluster.advance(HOUR + 1)
        (job,) = await jobs(cluster)
        options = meta_v1.DeleteOptions(propagationPolicy="Background")
        await cluster.client.delete(batch_v1.Job, "default", job.metadata.name, options)
        await cluster.settle()
        assert (await status(cluster)).active == ()
        assert ("MissingJob", f"Active job went missing: {job.metadata.name}") in await told(cluster)
        owner = await cluster.client.get(batch_v1.CronJob, "default", "backup")
        manual = batch_v1.Job(
            metadata=meta_v1.ObjectMeta(
                name="manual", namespace="default", ownerReferences=(owners.new_controller_ref(owner),)
            ),
            spec=codec.copy(owner.spec.jobTemplate.spec),
        )
        await cluster.client.create(manual)
        await cluster.settle()
        expected = ("UnexpectedJob", "Saw a job that the controller did not create or forgot: manual")
        assert expected in await told(cluster)
        await end(cluster, "manual")
        assert (await status(cluster)).lastSuccessfulTime is not None

    run(body, ONLY)


def test_a_restart_in_between_starts_no_run_twice() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job())
        await cluster.advance(HOUR - 1)
        await cluster.stop()
        await cluster.advance(60)
        # as if the process had died right after it created the Job
        owner = await cluster.client.get(batch_v1.CronJob, "default", "backup")
        minutes = int((EPOCH + timedelta(hours=1)).timestamp()) // 60
        orphan = batch_v1.Job(
            metadata=meta_v1.ObjectMeta(
                name=f"backup-{minutes}",
                namespace="default",
                annotations={SCHEDULED: "2026-01-01T01:00:00Z"},
                ownerReferences=(owners.new_controller_ref(owner),),
            ),
            spec=codec.copy(owner.spec.jobTemplate.spec),
        )
        await cluster.client.create(orphan)
        await cluster.start(ONLY)
        assert await names(cluster) == ["01:00"]
        now = await status(cluster)
        assert ([active.name for active in now.active], now.lastScheduleTime) == (
            [f"backup-{minutes}"],
            EPOCH + timedelta(hours=1),
        )

    run(body, ONLY)


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"schedule": "0 0 31 2 *"},
            "InvalidSchedule",
            "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second",
        ),
    ],
)
def test_a_schedule_that_is_of_no_use_is_told(spec: dict[str, Any], reason: str, message: str) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(**spec))
        await cluster.advance(60)
        assert await told(cluster) == [(reason, message)]

    run(body, ONLY)


@pytest.mark.parametrize("suspended", [False, True])
def test_a_zone_that_there_is_no_more_is_told_even_of_a_suspended_cron_job(suspended: bool) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.stop()
        await cluster.client.create(cron_job(timeZone="Europe/Berlin", suspend=suspended))
        (there,) = (await cluster.store.list("/cronjobs.batch/")).records
        value = there.value.replace(b"Europe/Berlin", b"Europe/Atlantis")
        await cluster.store.update(there.key, value, there.revision)
        await cluster.start(ONLY)
        await cluster.advance(60)
        message = 'invalid timeZone: "Europe/Atlantis": unknown time zone Europe/Atlantis'
        assert await told(cluster) == [("UnknownTimeZone", message)]
        await cluster.advance(2 * HOUR)
        assert await jobs(cluster) == []

    run(body, ONLY)


def test_an_interval_begins_when_the_deadline_does() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(cron_job(schedule="@every 30m", startingDeadlineSeconds=1800))
        await cluster.advance(HOUR + 1)
        assert await names(cluster) == ["00:30", "01:00"]
        await cluster.client.create(cron_job("never", schedule="@every 30m", startingDeadlineSeconds=1790))
        await cluster.advance(3 * HOUR)
        assert {owner.name for job in await jobs(cluster) for owner in job.metadata.ownerReferences} == {"backup"}

    run(body, ONLY)


NEW_YORK = "America/New_York"


def test_a_year_in_new_york(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three CronJobs for a year: clocks go forward on March 8 at 02:00 and back on November 1 at 02:00."""
    started: dict[str, list[str]] = {"skipped": [], "twice": [], "monthly": []}
    broken: list[str] = []
    monkeypatch.setattr(housekeeping, "BOOKMARKS", 24 * HOUR)  # half a million wake-ups fewer
    monkeypatch.setattr(housekeeping, "COMPACTION", 24 * HOUR)

    async def body(cluster: Cluster) -> None:
        running: set[asyncio.Task[None]] = set()
        alive: dict[str, int] = dict.fromkeys(started, 0)

        async def finish(name: str) -> None:
            await cluster.clock.sleep(30)
            job = codec.copy(await cluster.client.get(batch_v1.Job, "default", name))
            now = cluster.clock.now().replace(microsecond=0)
            job.status = batch_v1.JobStatus(startTime=job.metadata.creationTimestamp, completionTime=now)
            for type_ in ("SuccessCriteriaMet", "Complete"):
                condition = batch_v1.JobCondition(type=type_, status="True", lastTransitionTime=now)
                job.status.conditions = (*job.status.conditions, condition)
            await cluster.client.update_status(job)

        def changed(old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
            job = new if new is not None else old
            assert job is not None
            owner = job.metadata.ownerReferences[0].name
            if old is None:
                alive[owner] += 1
                started[owner].append(job.metadata.annotations[SCHEDULED])
                running.add(asyncio.create_task(finish(job.metadata.name)))
            elif new is None:
                alive[owner] -= 1
            if alive[owner] > 4:  # three are kept, and one runs
                broken.append(f"{alive[owner]} of {owner}")

        cluster.truth.of(batch_v1.Job).on_change(changed)
        for name, schedule in (("skipped", "30 2 * * *"), ("twice", "30 1 * * *"), ("monthly", "0 12 1 * *")):
            await cluster.client.create(cron_job(name, schedule, timeZone=NEW_YORK))
        await cluster.advance(365 * 24 * HOUR)

    run(body, ONLY)
    assert broken == []
    assert len(started["skipped"]) == 364
    assert not any(text.startswith("2026-03-08") for text in started["skipped"])
    assert len(started["twice"]) == 366
    assert [text for text in started["twice"] if text.startswith("2026-11-01")] == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
    ]
    assert {text[11:19] for text in started["skipped"]} == {"02:30:00"}
    assert [text[:10] for text in started["monthly"]] == [f"2026-{month:02}-01" for month in range(1, 13)]
    moments = [datetime.fromisoformat(text).astimezone(UTC) for text in started["twice"]]
    assert moments == sorted(set(moments))


def test_a_whole_day_on_a_cluster() -> None:
    with virtual_cluster(nodes=1) as cluster:
        made = cron_job()
        cluster.create(made)
        cluster.advance(24 * HOUR + 10)
        found = cluster.get(batch_v1.CronJob, "backup").status
        assert found.lastScheduleTime == EPOCH + timedelta(hours=24)
        assert found.active == ()
        assert len(cluster.list(batch_v1.Job)) == 3
        assert len(cluster.list(core_v1.Pod)) == 3
