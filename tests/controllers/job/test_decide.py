"""How a Job ends and which Pods come and go: tables of cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from podium.controllers.job import backoff, decide, indexes
from podium.controllers.job.backoff import Record
from podium.controllers.job.view import observe
from podium.models import batch_v1, core_v1
from tests.controllers import build
from tests.controllers.build import NOW, ago
from tests.controllers.job.build import indexed, job, pod


def verdict(made: batch_v1.Job, pods: list[core_v1.Pod], started: datetime | None = None) -> tuple[bool, str] | None:
    found = decide.verdict(observe(made, pods), started or ago(50), NOW)
    return None if found is None else (found.failed, found.reason)


def failed(count: int, **options: Any) -> list[core_v1.Pod]:
    return [pod(f"f{number}", "Failed", **options) for number in range(count)]


@pytest.mark.parametrize(
    ("made", "pods", "expected"),
    [
        (job(), [], None),
        (job(backoffLimit=2), failed(2), None),
        (job(backoffLimit=2), failed(3), (True, "BackoffLimitExceeded")),
        (job(backoffLimit=0), failed(1), (True, "BackoffLimitExceeded")),
        (job(backoffLimit=2, status=batch_v1.JobStatus(failed=2)), failed(1), (True, "BackoffLimitExceeded")),
        (job(backoffLimit=0), failed(1, tracked=False), None),  # it was counted, or never ours
        (job(backoffLimit=0), [pod("a", deleting=True)], (True, "BackoffLimitExceeded")),
        (job(backoffLimit=0, podReplacementPolicy="Failed"), [pod("a", deleting=True)], None),
        (job(backoffLimit=3, restart="OnFailure"), [pod("a", restarts=2)], None),
        (job(backoffLimit=3, restart="OnFailure"), [pod("a", restarts=3)], (True, "BackoffLimitExceeded")),
        (job(backoffLimit=0, restart="OnFailure"), [pod("a", restarts=0)], None),
        (job(backoffLimit=0, restart="OnFailure"), [pod("a", restarts=1)], (True, "BackoffLimitExceeded")),
        (job(backoffLimit=3), [pod("a", restarts=9)], None),
        (job(activeDeadlineSeconds=51), [pod("a")], None),
        (job(activeDeadlineSeconds=50), [pod("a")], (True, "DeadlineExceeded")),
        (job(activeDeadlineSeconds=50, suspend=True), [pod("a")], None),
        (indexed(3, backoffLimitPerIndex=1), [pod("a", "Failed", index=0, failures=1)], None),
        (
            indexed(3, backoffLimitPerIndex=1, maxFailedIndexes=0),
            [pod("a", "Failed", index=0, failures=1)],
            (True, "MaxFailedIndexesExceeded"),
        ),
        (
            indexed(2, backoffLimitPerIndex=0),
            [pod("a", "Failed", index=0, failures=0), pod("b", "Succeeded", index=1)],
            (True, "FailedIndexes"),
        ),
        (
            indexed(3, successPolicy=batch_v1.SuccessPolicy(rules=(batch_v1.SuccessPolicyRule(succeededCount=1),))),
            [pod("a", "Succeeded", index=2), pod("b", index=0)],
            (False, "SuccessPolicy"),
        ),
    ],
)
def test_verdict(made: batch_v1.Job, pods: list[core_v1.Pod], expected: tuple[bool, str] | None) -> None:
    assert verdict(made, pods) == expected


@pytest.mark.parametrize(("type_", "failed"), [("FailureTarget", True), ("SuccessCriteriaMet", False)])
def test_what_was_said_once_stays(type_: str, failed: bool) -> None:
    said = batch_v1.JobCondition(type=type_, status="True", reason="Because", message="so")
    made = job(backoffLimit=0, status=batch_v1.JobStatus(conditions=(said,)))
    found = decide.verdict(observe(made, [pod("a", "Failed")]), ago(50), NOW)
    assert found == decide.Verdict(failed, "Because", "so")


def plan(made: batch_v1.Job, pods: list[core_v1.Pod], record: Record = backoff.NO_FAILURE) -> dict[str, Any]:
    """What isn't nothing."""
    found = decide.plan(observe(made, pods), record, NOW)
    said = {
        "delete": [one.metadata.name for one in found.delete],
        "create": found.create,
        "indexes": list(found.indexes),
        "wait": found.wait,
    }
    return {key: value for key, value in said.items() if value}


def running(count: int) -> list[core_v1.Pod]:
    return [pod(f"r{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("made", "pods", "expected"),
    [
        (job(completions=5, parallelism=2), [], {"create": 2}),
        (job(completions=5, parallelism=2), running(1), {"create": 1}),
        (job(completions=5, parallelism=2), running(2), {}),
        (job(completions=5, parallelism=9), [pod("s", "Succeeded")], {"create": 4}),
        (job(completions=5, parallelism=9, status=batch_v1.JobStatus(succeeded=4)), running(1), {}),
        (job(completions=5, parallelism=0), running(2), {"delete": ["r0", "r1"]}),
        (job(completions=5, parallelism=1), [pod("old", ready=True), pod("new", "Pending")], {"delete": ["new"]}),
        (job(completions=5, parallelism=2, suspend=True), running(2), {"delete": ["r0", "r1"]}),
        (job(completions=5, parallelism=2, suspend=True), [], {}),
        (job(completions=None, parallelism=3), running(1), {"create": 2}),
        (job(completions=None, parallelism=3), [pod("s", "Succeeded"), *running(1)], {}),
        (job(completions=2000, parallelism=2000), [], {"create": 500}),
        # one that is being deleted is replaced at once, unless the policy says otherwise
        (job(parallelism=1), [pod("d", deleting=True)], {"create": 1}),
        (job(parallelism=1, podReplacementPolicy="Failed"), [pod("d", deleting=True)], {}),
        (indexed(5, parallelism=2), [], {"create": 2, "indexes": [0, 1]}),
        (
            indexed(5, parallelism=3),
            [pod("a", "Succeeded", index=0), pod("b", index=2)],
            {"create": 2, "indexes": [1, 3]},
        ),
        (
            indexed(5, status=batch_v1.JobStatus(completedIndexes="0-2", succeeded=3)),
            [pod("a", index=4)],
            {"create": 1, "indexes": [3]},
        ),
        (indexed(2), [pod("a", index=0), pod("b", index=0), pod("c", index=1)], {"delete": ["a"]}),
        (indexed(2), [pod("a", index=0), pod("b"), pod("c", index=1)], {"delete": ["b"]}),
        (indexed(1), [pod("a", index=0), pod("b", index=1)], {"delete": ["b"]}),  # it was larger
        (
            indexed(3, podReplacementPolicy="Failed"),
            [pod("a", index=1, deleting=True)],
            {"create": 2, "indexes": [0, 2]},
        ),
        # an index that failed for good isn't tried again
        (
            indexed(2, backoffLimitPerIndex=0),
            [pod("a", "Failed", index=0, failures=0)],
            {"create": 1, "indexes": [1]},
        ),
        # one that may be tried again waits for itself only
        (
            indexed(2, backoffLimitPerIndex=5),
            [pod("a", "Failed", index=0, failures=1, ended=5)],
            {"create": 1, "indexes": [1], "wait": 15},
        ),
        (
            indexed(2, backoffLimitPerIndex=5),
            [pod("a", "Failed", index=0, failures=1, ended=20), pod("b", index=1)],
            {"create": 1, "indexes": [0]},
        ),
    ],
)
def test_plan(made: batch_v1.Job, pods: list[core_v1.Pod], expected: dict[str, Any]) -> None:
    assert plan(made, pods) == expected


def test_what_a_pod_is_said_to_cost_says_nothing_to_a_job() -> None:
    cheap, young = build.pod("cheap", ready=61, cost="-100"), build.pod("young", ready=60, cost="100")
    assert plan(job(completions=5, parallelism=1), [cheap, young]) == {"delete": ["young"]}
    for one in (cheap, young):
        one.metadata.annotations[indexes.INDEX] = "0"
    assert plan(indexed(1), [cheap, young]) == {"delete": ["young"]}


def test_failures_delay_the_whole_job() -> None:
    made = job(completions=5, parallelism=2)
    assert plan(made, running(1), Record(2, ago(5))) == {"wait": 15}
    assert plan(made, running(1), Record(2, ago(20))) == {"create": 1}
    assert plan(made, running(3), Record(2, ago(5))) == {"delete": ["r0"]}


def test_a_failed_pod_is_held_until_its_successor_knows_how_often_the_index_failed() -> None:
    made = indexed(2, backoffLimitPerIndex=5)
    first, second = pod("a", "Failed", index=0, failures=0, ended=50), pod("b", "Failed", index=0, failures=1, ended=9)
    assert observe(made, [first, second]).held == {0: second}
    assert observe(made, [first, second, pod("c", index=0, failures=2)]).held == {}
    assert observe(indexed(2), [first]).held == {}


def test_what_counts() -> None:
    uncounted = batch_v1.UncountedTerminatedPods(succeeded=("uid-a",), failed=("uid-b",))
    made = job(completions=9, status=batch_v1.JobStatus(succeeded=2, failed=1, uncountedTerminatedPods=uncounted))
    pods = [
        pod("a", "Succeeded"),
        pod("b", "Failed"),
        pod("c", "Succeeded"),
        pod("d", "Failed"),
        pod("e", "Succeeded", tracked=False),
        pod("f", ready=True),
        pod("g", deleting=True, tracked=False),
    ]
    view = observe(made, pods)
    assert (view.succeeded, view.failed, view.ready, view.terminating) == (4, 3, 1, 1)
    assert [one.metadata.name for one in view.active] == ["f"]
    late = observe(made, pods, released={"uid-c", "uid-d"})
    assert (late.succeeded, late.failed) == (3, 2)


def test_an_index_that_succeeded_has_not_failed() -> None:
    made = indexed(2, backoffLimitPerIndex=0)
    view = observe(made, [pod("a", "Failed", index=0, failures=0), pod("b", "Succeeded", index=0)])
    assert indexes.text(view.succeeded_indexes) == "0"
    assert view.failed_indexes == ()
