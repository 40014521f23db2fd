"""What Kubernetes' conformance tests say about CronJobs, and its other tests of them, on simulated Pods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from podium.machinery import errors
from podium.models import batch_v1, codec, conditions, core_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import Clusters

CronJob = batch_v1.CronJob
Job = batch_v1.Job
MINUTELY = "*/1 * * * ?"
LONG = "[sleep, '300']"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
LABELLED = "special-label=test"


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def cron_job(policy: str = "Allow", command: str = LONG, spec: str = "", schedule: str = MINUTELY) -> str:
    """A CronJob; `spec` is what its spec says besides schedule, policy and template."""
    return f"""
apiVersion: batch/v1
kind: CronJob
metadata: {{name: test, labels: {{special-label: test}}}}
spec:
  schedule: "{schedule}"
  concurrencyPolicy: {policy}
  {spec or "suspend: false"}
  jobTemplate:
    spec:
      parallelism: 1
      completions: 1
      backoffLimit: 1
      template:
        spec:
          restartPolicy: OnFailure
          volumes: [{{name: data, emptyDir: {{}}}}]
          containers:
          - {{name: c, image: busybox, command: {command}, volumeMounts: [{{name: data, mountPath: /data}}]}}
"""


def created(cluster: VirtualCluster, text: str) -> CronJob:
    (made,) = cluster.apply(text)
    assert isinstance(made, CronJob)
    return made


def wait_active(cluster: VirtualCluster, count: int) -> CronJob:
    return cluster.wait(CronJob, "test", lambda it: len(it.status.active) >= count)


def is_over(job: Job) -> bool:
    return any(conditions.is_true(job.status.conditions, type_) for type_ in ("Complete", "Failed"))


def active(cluster: VirtualCluster) -> Sequence[Job]:
    """The Jobs that aren't over, by listing them."""
    return [job for job in cluster.list(Job) if not is_over(job)]


def finished(cluster: VirtualCluster) -> Sequence[Job]:
    return [job for job in cluster.list(Job) if is_over(job)]


def reasons(cluster: VirtualCluster) -> set[str]:
    cluster.settle()
    return {event.reason for event in cluster.list(core_v1.Event) if event.involvedObject.kind == "CronJob"}


def removed(cluster: VirtualCluster) -> None:
    """Delete it; its Jobs and their Pods go with it."""
    steps.delete(cluster, CronJob, "test")
    with pytest.raises(errors.NotFound):
        cluster.get(CronJob, "test")
    steps.until(cluster, lambda: not cluster.list(Job) and not steps.pods(cluster))


# Conformance


def test_should_schedule_multiple_jobs_concurrently(cluster: VirtualCluster) -> None:
    created(cluster, cron_job())
    wait_active(cluster, 2)
    assert len(active(cluster)) >= 2
    removed(cluster)


def test_should_not_schedule_jobs_when_suspended(cluster: VirtualCluster) -> None:
    made = created(cluster, cron_job(spec="suspend: true"))
    cluster.advance(5 * 60)
    changes = steps.changes(cluster, CronJob, made.metadata.resourceVersion)
    assert not changes, "it was never active"
    assert not cluster.list(Job)
    removed(cluster)


def test_should_not_schedule_new_jobs_when_forbid_concurrent(cluster: VirtualCluster) -> None:
    made = created(cluster, cron_job("Forbid"))
    found = wait_active(cluster, 1)
    assert len(found.status.active) == 1
    assert len(active(cluster)) == 1
    cluster.advance(4 * 60)
    assert steps.names(cluster.list(Job)) == {found.status.active[0].name}
    cluster.advance(5 * 60)
    seen = [it.status.active for _, it in steps.events(cluster, CronJob, made.metadata.resourceVersion)]
    assert max(map(len, seen)) == 1
    assert "JobAlreadyActive" in reasons(cluster)
    removed(cluster)


def test_should_replace_jobs_when_replace_concurrent(cluster: VirtualCluster) -> None:
    created(cluster, cron_job("Replace"))
    found = wait_active(cluster, 1)
    assert len(found.status.active) == 1
    (job,) = active(cluster)
    steps.until(cluster, lambda: steps.names(cluster.list(Job)) not in ({job.metadata.name}, set()))
    assert job.metadata.name not in steps.names(cluster.list(Job))
    assert len(cluster.list(Job)) == 1
    removed(cluster)


def test_should_support_cron_job_api_operations(cluster: VirtualCluster) -> None:
    text = cron_job(
        command="[/bin/true]",
        schedule="* */1 * * ?",
        spec="successfulJobsHistoryLimit: 1\n  failedJobsHistoryLimit: 0",
    )
    made = created(cluster, text)
    assert cluster.get(CronJob, "test").metadata.uid == made.metadata.uid
    since = steps.revision(cluster, CronJob, LABELLED)
    for namespace in ("default", ""):
        assert steps.names(cluster.list(CronJob, namespace, LABELLED)) == {"test"}
    patched = steps.patch(cluster, made, {"metadata": {"annotations": {"patched": "true"}}})
    assert patched.metadata.annotations["patched"] == "true"

    def annotate(it: CronJob) -> None:
        it.metadata.annotations["updated"] = "true"

    updated = steps.change(cluster, CronJob, "test", annotate)
    assert updated.metadata.annotations == {"patched": "true", "updated": "true"}
    for namespace in ("default", ""):
        told = steps.events(cluster, CronJob, since, LABELLED, namespace)
        assert [type_ for type_, _ in told] == ["MODIFIED"] * 2
        assert [it.metadata.annotations.get("updated") for _, it in told] == [None, "true"]
        assert all(it.metadata.annotations["patched"] == "true" for _, it in told)
    _statuses(cluster, made)
    created(cluster, text.replace("name: test,", "name: for-removal,"))
    cluster.delete(CronJob, "for-removal")
    with pytest.raises(errors.NotFound):
        cluster.get(CronJob, "for-removal")
    steps.delete_collection(cluster, CronJob, LABELLED)
    assert not cluster.list(CronJob, "default", LABELLED)


def _statuses(cluster: VirtualCluster, made: CronJob) -> None:
    first, second = cluster.clock.now().replace(microsecond=0), cluster.clock.now() + timedelta(seconds=1)
    second = second.replace(microsecond=0)
    last = codec.to_tree(batch_v1.CronJobStatus(lastScheduleTime=first))
    tree = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": last}
    patched = steps.patch(cluster, made, tree, "status")
    assert patched.status.lastScheduleTime == first
    assert patched.metadata.annotations["patchedstatus"] == "true"

    def later(it: CronJob) -> None:
        it.status.lastScheduleTime = second

    updated = steps.change(cluster, CronJob, "test", later, "status")
    assert updated.status.lastScheduleTime == second
    seen = cluster.run(cluster.client.get(CronJob, "default", "test", "status"))
    assert seen.metadata.uid == made.metadata.uid


# Kubernetes' other tests of CronJobs


def test_more_than_a_hundred_missed_runs(cluster: VirtualCluster) -> None:
    created(cluster, cron_job("Forbid", spec="suspend: true"))
    cluster.advance(24 * 3600)

    def resume(it: CronJob) -> None:
        it.spec.suspend = False

    steps.change(cluster, CronJob, "test", resume)
    wait_active(cluster, 1)
    assert len(active(cluster)) == 1
    assert "TooManyMissedTimes" in reasons(cluster)
    removed(cluster)


def test_nothing_unexpected_is_told(cluster: VirtualCluster) -> None:
    created(cluster, cron_job(command="[/bin/true]"))
    steps.until(cluster, lambda: len(cluster.list(Job)) >= 2 and finished(cluster))
    cluster.advance(30)
    assert not {"MissingJob", "UnexpectedJob"} & reasons(cluster)
    removed(cluster)


def test_jobs_say_when_they_were_due(cluster: VirtualCluster) -> None:
    created(cluster, cron_job(command="[/bin/true]"))
    steps.until(cluster, lambda: cluster.list(Job))
    due = datetime.fromisoformat(cluster.list(Job)[0].metadata.annotations[SCHEDULED])
    assert due == cluster.get(CronJob, "test").status.lastScheduleTime
    removed(cluster)


def test_a_deleted_job_is_not_active(cluster: VirtualCluster) -> None:
    created(cluster, cron_job("Forbid"))
    (job,) = wait_active(cluster, 1).status.active
    steps.delete(cluster, Job, job.name)
    with pytest.raises(errors.NotFound):
        cluster.get(Job, job.name)
    cluster.wait(CronJob, "test", lambda it: job.uid not in [other.uid for other in it.status.active])
    assert "MissingJob" in reasons(cluster)
    removed(cluster)


@pytest.mark.parametrize(("command", "succeeded", "failed"), [("[/bin/true]", 1, 0), ("[/bin/false]", 0, 1)])
def test_history_limits(cluster: VirtualCluster, command: str, succeeded: int, failed: int) -> None:
    limits = f"successfulJobsHistoryLimit: {succeeded}\n  failedJobsHistoryLimit: {failed}"
    created(cluster, cron_job(command=command, spec=limits))
    steps.until(cluster, lambda: finished(cluster))
    (job,) = finished(cluster)
    name = job.metadata.name
    steps.until(cluster, lambda: name not in steps.names(cluster.list(Job)))
    steps.until(cluster, lambda: not steps.pods(cluster, f"job-name={name}"))
    steps.until(cluster, lambda: len(finished(cluster)) == 1)
    removed(cluster)


def test_time_zones_are_checked(cluster: VirtualCluster) -> None:
    with pytest.raises(errors.Invalid, match="unknown time zone bad-time-zone"):
        created(cluster, cron_job(spec="timeZone: bad-time-zone"))
