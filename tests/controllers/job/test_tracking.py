"""From Pods that ended to numbers in the status: each step of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from podium.controllers.job import tracking
from podium.controllers.job.decide import COMPLETED, Verdict
from podium.controllers.job.tracking import Collected, Live
from podium.controllers.job.view import observe
from podium.models import batch_v1, codec, core_v1
from tests.controllers.build import NOW
from tests.controllers.job.build import indexed, job, pod

NOTHING = Live(0, 0, 0)
FAILED = Verdict(True, "BackoffLimitExceeded", "too often")


def collect(
    made: batch_v1.Job, pods: list[core_v1.Pod], ending: Verdict | None = None, live: Live = NOTHING
) -> Collected:
    return tracking.collect(observe(made, pods), tracking.start(made, NOW), live, ending, NOW)


def uncounted(found: Collected) -> tuple[list[str], list[str]]:
    pods = found.status.uncountedTerminatedPods
    assert pods is not None
    return list(pods.succeeded), list(pods.failed)


def names(found: Collected) -> list[str]:
    return [one.metadata.name for one in found.release]


def status(**fields: Any) -> batch_v1.JobStatus:
    return batch_v1.JobStatus(**fields)


ENDED = [
    pod("s", "Succeeded"),
    pod("f", "Failed"),
    pod("d", deleting=True),
    pod("r"),
    pod("old", "Succeeded", tracked=False),
]


def test_what_ended_is_noted_before_it_is_let_go() -> None:
    found = collect(job(completions=9), ENDED, live=Live(1, 1, 2))
    assert uncounted(found) == (["uid-s"], ["uid-f", "uid-d"])
    assert names(found) == ["s", "f", "d"]
    assert (found.status.succeeded, found.status.failed) == (None, None)
    assert (found.status.active, found.status.ready, found.status.terminating) == (1, 1, 2)
    assert found.status.startTime == NOW


def test_noted_once_counted_once() -> None:
    before = status(
        succeeded=4, uncountedTerminatedPods=batch_v1.UncountedTerminatedPods(succeeded=("uid-s", "uid-gone"))
    )
    found = collect(job(completions=9, status=before), ENDED)
    assert uncounted(found) == (["uid-s"], ["uid-f", "uid-d"])
    assert found.status.succeeded == 5  # the one that is gone
    done = tracking.settle(found.status, {"uid-f"})
    assert (done.succeeded, done.failed) == (6, 1)
    assert done.uncountedTerminatedPods == batch_v1.UncountedTerminatedPods(failed=("uid-f",))
    assert tracking.settle(done, {"uid-f"}) is done


def test_with_the_policy_failed_only_what_has_ended_counts() -> None:
    found = collect(job(completions=9, podReplacementPolicy="Failed"), ENDED)
    assert uncounted(found) == (["uid-s"], ["uid-f"])
    assert names(found) == ["s", "f"]


def test_indexes_need_no_uids() -> None:
    pods = [
        pod("a", "Succeeded", index=1),
        pod("b", "Succeeded", index=1),
        pod("c", "Succeeded", index=7),
        pod("d", "Failed", index=2),
        pod("e", "Failed", index=9),
    ]
    found = collect(indexed(5, status=status(completedIndexes="0", succeeded=1)), pods)
    assert (found.status.completedIndexes, found.status.succeeded) == ("0,1", 2)
    assert uncounted(found) == ([], ["uid-d"])
    assert sorted(names(found)) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(("limit", "failed", "written"), [(None, (), None), (1, (), ""), (0, (2,), "2"), (1, (2,), "")])
def test_failed_indexes_are_told_only_where_an_index_can_fail(
    limit: int | None, failed: tuple[int, ...], written: str | None
) -> None:
    made = indexed(5, backoffLimitPerIndex=limit)
    found = collect(made, [pod(f"p{index}", "Failed", index=index) for index in failed])
    assert codec.to_tree(found.status).get("failedIndexes") == written


def test_no_index_has_both_failed_and_succeeded() -> None:
    """As when a Pod was deleted, which failed its index, and succeeded before it was gone."""
    made = indexed(5, backoffLimitPerIndex=0, status=status(failedIndexes="1", completedIndexes="3", succeeded=1))
    found = collect(made, [pod("a", "Succeeded", index=1), pod("b", "Failed", index=3), pod("c", "Succeeded", index=4)])
    assert (found.status.completedIndexes, found.status.failedIndexes, found.status.succeeded) == ("3,4", "1", 2)
    assert names(found) == ["a", "b", "c"]


def test_an_index_has_succeeded_although_its_pod_counted_as_failed_before() -> None:
    """It was deleted, its finalizer could not be removed, and then it succeeded."""
    before = status(uncountedTerminatedPods=batch_v1.UncountedTerminatedPods(failed=("uid-a",)))
    found = collect(indexed(2, status=before), [pod("a", "Succeeded", index=1, deleting=True)])
    assert (found.status.completedIndexes, found.status.succeeded) == ("1", 1)
    assert (uncounted(found), names(found)) == (([], ["uid-a"]), ["a"])


def test_no_more_than_a_status_can_hold() -> None:
    found = collect(job(completions=900), [pod(f"p{number}", "Succeeded") for number in range(700)])
    assert (len(found.release), found.all) == (500, False)
    found = collect(job(completions=900), [pod(f"p{number}", "Succeeded") for number in range(500)])
    assert (len(found.release), found.all) == (500, True)


@pytest.mark.parametrize(
    ("ending", "failed", "type_"),
    [(FAILED, ["uid-f", "uid-d", "uid-r"], "FailureTarget"), (COMPLETED, ["uid-f", "uid-d"], "SuccessCriteriaMet")],
)
def test_when_a_job_fails_what_still_runs_has_failed_too(ending: Verdict, failed: list[str], type_: str) -> None:
    found = collect(job(completions=9), ENDED, ending)
    assert uncounted(found) == (["uid-s"], failed)
    assert names(found) == ["s", "f", "d", "r"]
    (condition,) = found.status.conditions
    assert (condition.type, condition.reason, condition.lastTransitionTime) == (type_, ending.reason, NOW)
    again = tracking.collect(observe(job(), []), found.status, Live(0, 0, 0), ending, NOW + timedelta(seconds=9))
    assert again.status.conditions == found.status.conditions


def test_a_deleted_job_lets_all_go_and_counts_what_ended() -> None:
    made = job(completions=9)
    made.metadata.deletionTimestamp = NOW
    found = collect(made, ENDED)
    assert uncounted(found) == (["uid-s"], ["uid-f", "uid-d"])
    assert names(found) == ["s", "f", "d", "r"]


def test_the_end_waits_for_the_last_pod() -> None:
    waiting = batch_v1.UncountedTerminatedPods(failed=("uid-f",))
    assert tracking.finish(job(), status(uncountedTerminatedPods=waiting), FAILED, NOW) is None
    assert tracking.finish(job(), status(terminating=1), FAILED, NOW) is None
    over = tracking.finish(job(), status(terminating=0, startTime=NOW), FAILED, NOW)
    assert over is not None
    assert ([condition.type for condition in over.conditions], over.completionTime) == (["Failed"], None)
    over = tracking.finish(job(), status(terminating=0), COMPLETED, NOW)
    assert over is not None
    assert ([condition.type for condition in over.conditions], over.completionTime) == (["Complete"], NOW)
    assert over.startTime == NOW


@pytest.mark.parametrize(
    ("spec", "started"),
    [({"suspend": True, "completions": 0}, None), ({"suspend": True}, NOW), ({"completions": 0}, NOW)],
)
def test_only_a_suspended_job_that_wants_nothing_never_started(spec: dict[str, Any], started: datetime | None) -> None:
    over = tracking.finish(job(**spec), status(terminating=0), COMPLETED, NOW)
    assert over is not None
    assert over.startTime == started


def test_suspending_and_resuming() -> None:
    later = NOW + timedelta(seconds=60)
    running = status(startTime=NOW)
    assert tracking.suspension(job(), running, later) is running
    suspended = tracking.suspension(job(suspend=True), running, later)
    assert (suspended.startTime, suspended.conditions[0].status) == (None, "True")
    assert tracking.suspension(job(suspend=True), suspended, later + timedelta(seconds=1)) == suspended
    resumed = tracking.suspension(job(), suspended, later)
    assert (resumed.startTime, resumed.conditions[0].status, resumed.conditions[0].reason) == (
        later,
        "False",
        "JobResumed",
    )
    assert tracking.start(job(suspend=True), NOW).startTime is None
