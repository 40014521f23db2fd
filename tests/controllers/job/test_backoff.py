"""How long a Job waits after failures, and from when that counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.controllers.job import backoff
from podium.controllers.job.backoff import NO_FAILURE, Record
from podium.models import core_v1
from tests.controllers.build import NOW, ago
from tests.controllers.job.build import pod


@pytest.mark.parametrize(
    ("failures", "since", "remaining"),
    [(1, 0, 10), (1, 4, 6), (1, 10, 0), (1, 11, 0), (2, 0, 20), (3, 0, 40), (6, 0, 320), (7, 0, 600), (100, 0, 600)],
)
def test_it_doubles_up_to_ten_minutes(failures: int, since: float, remaining: float) -> None:
    assert backoff.remaining(Record(failures, ago(since)), NOW) == remaining


def test_nothing_to_wait_for() -> None:
    assert backoff.remaining(NO_FAILURE, NOW) == 0
    assert backoff.remaining_for_index(None, NOW) == 0


def test_an_index_has_a_backoff_of_its_own_and_ignored_failures_count() -> None:
    assert backoff.remaining_for_index(pod("a", "Failed", failures=0, ended=3), NOW) == 7
    assert backoff.remaining_for_index(pod("a", "Failed", failures=1, ignored=1, ended=3), NOW) == 37


@pytest.mark.parametrize(
    ("before", "succeeded", "failed", "after"),
    [
        (NO_FAILURE, [], [], NO_FAILURE),
        (NO_FAILURE, [], [5, 9], Record(2, ago(5))),
        (Record(2, ago(50)), [], [5], Record(3, ago(5))),
        (Record(2, ago(50)), [], [], Record(2, ago(50))),
        (Record(2, ago(50)), [5], [], NO_FAILURE),
        (Record(2, ago(50)), [5], [4, 3, 8], Record(2, ago(3))),
        (Record(2, ago(50)), [5], [5], NO_FAILURE),
    ],
)
def test_a_success_wipes_out_what_failed_before_it(
    before: Record, succeeded: list[float], failed: list[float], after: Record
) -> None:
    good = [pod(f"s{ended}", "Succeeded", ended=ended) for ended in succeeded]
    bad = [pod(f"f{ended}", "Failed", ended=ended) for ended in failed]
    assert backoff.after(before, good, bad) == after


def test_a_sidecar_ends_after_what_it_serves() -> None:
    made = pod("a", "Failed", ended=7, init_exit_code=0)
    (setup,) = made.status.initContainerStatuses
    assert setup.state is not None
    setup.state.terminated = core_v1.ContainerStateTerminated(exitCode=0, finishedAt=ago(3))
    made.spec.initContainers = (core_v1.Container(name="setup", image="work:1"),)
    assert backoff.ended_at(made) == ago(7)
    made.spec.initContainers = (core_v1.Container(name="setup", image="work:1", restartPolicy="Always"),)
    assert backoff.ended_at(made) == ago(3)
    setup.state = core_v1.ContainerState(running=core_v1.ContainerStateRunning(startedAt=ago(100)))
    assert backoff.ended_at(made) == ago(1000), "it hasn't ended yet"


def test_when_a_pod_ended() -> None:
    assert backoff.ended_at(pod("a", "Failed", ended=7)) == ago(7)
    unclear = pod("a", deleting=True)
    assert backoff.ended_at(unclear) == NOW
    unclear.metadata.deletionGracePeriodSeconds = 30
    assert backoff.ended_at(unclear) == NOW - timedelta(seconds=30)
    ready = core_v1.PodCondition(type="Ready", status="False", lastTransitionTime=ago(11))
    unclear.status.conditions = (ready,)
    assert backoff.ended_at(unclear) == ago(11)
    assert backoff.ended_at(pod("a")) == ago(1000)
