"""Jobs go away some time after they are over, and their Pods with them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.controllers.ttlafterfinished.controller import expires
from podium.models import batch_v1, codec, core_v1, meta_v1
from podium.testing.virtual import VirtualCluster
from tests.controllers.build import NOW
from tests.controllers.job import build


def finished(type_: str, status: str = "True", ttl: int | None = 60, deleting: bool = False) -> batch_v1.Job:
    condition = batch_v1.JobCondition(type=type_, status=status, lastTransitionTime=NOW)
    job = build.job(ttlSecondsAfterFinished=ttl, status=batch_v1.JobStatus(conditions=(condition,)))
    job.metadata.deletionTimestamp = NOW if deleting else None
    return job


@pytest.mark.parametrize(
    ("job", "after"),
    [
        (finished("Complete"), 60),
        (finished("Failed"), 60),
        (finished("Complete", ttl=0), 0),
        (finished("Complete", ttl=None), None),
        (finished("Complete", "False"), None),
        (finished("FailureTarget"), None),
        (finished("Complete", deleting=True), None),
    ],
)
def test_when_it_expires(job: batch_v1.Job, after: float | None) -> None:
    assert expires(job) == (None if after is None else NOW + timedelta(seconds=after))


def work(ttl: int) -> batch_v1.Job:
    job = build.job(ttlSecondsAfterFinished=ttl)
    job.metadata = meta_v1.ObjectMeta(name="work", namespace="default")
    return job


def test_it_goes_with_its_pods(podium_cluster: VirtualCluster) -> None:
    podium_cluster.create(work(60))
    podium_cluster.advance(55)
    assert len(podium_cluster.list(batch_v1.Job)) == len(podium_cluster.list(core_v1.Pod)) == 1
    podium_cluster.advance(10)
    assert not podium_cluster.list(batch_v1.Job)
    assert not podium_cluster.list(core_v1.Pod)


def test_at_once(podium_cluster: VirtualCluster) -> None:
    podium_cluster.create(work(0))
    podium_cluster.advance(10)
    assert not podium_cluster.list(batch_v1.Job)


def test_it_can_be_prolonged(podium_cluster: VirtualCluster) -> None:
    podium_cluster.create(work(60))
    podium_cluster.advance(30)
    job = codec.copy(podium_cluster.get(batch_v1.Job, "work"))
    job.spec.ttlSecondsAfterFinished = 600
    podium_cluster.run(podium_cluster.client.update(job))
    podium_cluster.advance(500)
    assert podium_cluster.list(batch_v1.Job)
    podium_cluster.advance(200)
    assert not podium_cluster.list(batch_v1.Job)
