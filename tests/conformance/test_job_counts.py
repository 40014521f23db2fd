"""What Kubernetes' integration tests say about Jobs: what they count and what comes of it, step by step.

There are no nodes: the test says how each Pod fares. What is expected of a step has to be true at some time after it,
since what follows may take it on from there.
"""

from __future__ import annotations

import pytest

from podium.models import batch_v1, codec, core_v1, meta_v1
from tests.conformance.job_counts import (
    COMPLETE,
    CONTROLLERS,
    FAILED,
    FAILURES,
    INDEX,
    LONGEST_WAIT,
    Counts,
    Step,
    active,
    blocked,
    change,
    codes,
    counts,
    create,
    disruptions,
    end,
    end_all,
    expect,
    get,
    job,
    no_finalizers,
    play,
    policy,
    run,
    success,
    types,
)
from tests.controllers.cluster import Cluster
from tests.controllers.job.build import indexed

BACKOFF_LIMIT_PER_INDEX: dict[str, tuple[batch_v1.Job, list[Step], list[str]]] = {
    "an index is tried again": (
        indexed(2, backoffLimitPerIndex=1, backoffLimit=None),
        [Step(0, "Failed", (2, 0, 1, 0), (0, 1), failed="")],
        COMPLETE,
    ),
    "until its limit": (
        indexed(2, backoffLimitPerIndex=2, backoffLimit=None),
        [
            Step(0, "Failed", (2, 0, 1, 0), (0, 1), failed=""),
            Step(0, "Failed", (2, 0, 2, 0), (0, 1), failed=""),
            Step(0, "Failed", (1, 0, 3, 0), (1,), failed="0"),
        ],
        FAILED,
    ),
    "the limit of the Job comes first": (
        indexed(3, backoffLimitPerIndex=1, backoffLimit=2),
        [
            Step(0, "Failed", (3, 0, 1, 0), (0, 1, 2), failed=""),
            Step(1, "Failed", (3, 0, 2, 0), (0, 1, 2), failed=""),
            Step(2, "Failed", (0, 0, 5, 2), failed=""),
        ],
        FAILED,
    ),
    "the others go on": (
        indexed(2, backoffLimitPerIndex=0, backoffLimit=None),
        [
            Step(0, "Failed", (1, 0, 1, 0), (1,), failed="0"),
            Step(1, "Succeeded", (0, 1, 1, 0), completed="1", failed="0"),
        ],
        FAILED,
    ),
    "until too many have failed": (
        indexed(3, backoffLimitPerIndex=0, backoffLimit=None, maxFailedIndexes=1),
        [
            Step(0, "Failed", (2, 0, 1, 0), (1, 2), failed="0"),
            Step(1, "Failed", (0, 0, 3, 1), failed="0,1"),
        ],
        FAILED,
    ),
    "a rule fails an index": (
        indexed(
            2,
            backoffLimitPerIndex=1,
            backoffLimit=None,
            podFailurePolicy=policy(rules=[codes("FailIndex", 13), disruptions("FailIndex")]),
        ),
        [
            Step(0, "13", (1, 0, 1, 0), (1,), failed="0"),
            Step(1, "disrupted", (0, 0, 2, 0), failed="0,1"),
        ],
        FAILED,
    ),
}
SUCCESS_POLICY: dict[str, tuple[batch_v1.Job, list[Step], list[str]]] = {
    "all indexes": (
        indexed(1, successPolicy=success(succeededIndexes="0")),
        [Step(0, "Succeeded", (0, 1, 0, 0), completed="0")],
        COMPLETE,
    ),
    "an index": (
        indexed(2, successPolicy=success(succeededIndexes="1")),
        [Step(1, "Succeeded", (0, 1, 0, 1), completed="1")],
        COMPLETE,
    ),
    "a number of them": (
        indexed(5, successPolicy=success(succeededCount=3)),
        [
            Step(0, "Succeeded", (4, 1, 0, 0), (1, 2, 3, 4), "0"),
            Step(1, "Succeeded", (3, 2, 0, 0), (2, 3, 4), "0,1"),
            Step(2, "Succeeded", (0, 3, 0, 2), completed="0-2"),
        ],
        COMPLETE,
    ),
    "failed indexes come first": (
        indexed(2, backoffLimitPerIndex=0, backoffLimit=None, successPolicy=success(succeededCount=1)),
        [
            Step(0, "Failed", (1, 0, 1, 0), (1,), failed="0"),
            Step(1, "Succeeded", (0, 1, 1, 0), completed="1", failed="0"),
        ],
        FAILED,
    ),
}
CASES = {**BACKOFF_LIMIT_PER_INDEX, **SUCCESS_POLICY}


@pytest.mark.parametrize("case", CASES)
def test_indexes(case: str) -> None:
    made, steps, expected = CASES[case]
    run(lambda cluster: play(cluster, codec.copy(made), steps, expected))


def test_a_failed_pod_is_remembered_although_it_was_deleted() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, indexed(1, backoffLimitPerIndex=1, backoffLimit=None))
        since = cluster.registry.revision
        (pod,) = await active(cluster)
        await end(cluster, pod, "Failed")
        await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)
        await expect(cluster, since, (1, 0, 1, 0), failed="")
        (pod,) = await active(cluster)
        assert pod.metadata.annotations[FAILURES] == "1"
        await end(cluster, pod, "Succeeded")
        await expect(cluster, since, (0, 1, 1, 0), "0", "")
        assert await types(cluster) == COMPLETE

    run(body)


def test_each_index_has_a_backoff_of_its_own() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, indexed(2, backoffLimitPerIndex=2, backoffLimit=None))
        for index, fate in ((0, "Failed"), (0, "Failed"), (1, "Failed"), (0, "Succeeded"), (1, "Failed")):
            (pod,) = await active(cluster, index)
            await end(cluster, pod, fate)
            await cluster.advance(LONGEST_WAIT)
        since = cluster.registry.revision
        await end_all(cluster, "Succeeded")
        await expect(cluster, since, (0, 2, 4, 0), "0,1", "")
        assert await types(cluster) == COMPLETE
        for number in ("0", "1"):
            first, second, third = sorted(
                (pod for pod in await cluster.pods() if pod.metadata.annotations[INDEX] == number),
                key=lambda pod: pod.metadata.annotations[FAILURES],
            )
            assert 10 <= waited(first, second) < 20
            assert 20 <= waited(second, third) < 40

    run(body)


def waited(failed: core_v1.Pod, successor: core_v1.Pod) -> float:
    (status,) = failed.status.containerStatuses
    assert status.state is not None
    assert status.state.terminated is not None
    assert status.state.terminated.finishedAt is not None
    assert successor.metadata.creationTimestamp is not None
    return (successor.metadata.creationTimestamp - status.state.terminated.finishedAt).total_seconds()


@pytest.mark.parametrize(
    ("fate", "then", "expected"),
    [
        ("5", (0, 0, 1, 0), FAILED),
        ("disrupted", (1, 0, 0, 0), COMPLETE),
        ("10", (1, 0, 1, 0), COMPLETE),
        ("1", (1, 0, 1, 0), COMPLETE),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_pod_failure_policy(fate: str, then: Counts, expected: list[str], restarted: bool) -> None:
    rules = [disruptions("Ignore"), codes("Count", 10), codes("FailJob", 5, 6, 7)]

    async def body(cluster: Cluster) -> None:
        await create(cluster, job(podFailurePolicy=policy(rules=rules)))
        if restarted:
            await cluster.stop()
        (pod,) = await active(cluster)
        await end(cluster, pod, fate)
        if restarted:
            await cluster.start(CONTROLLERS)
        await cluster.advance(LONGEST_WAIT)
        assert counts((await get(cluster)).status) == then
        await end_all(cluster, "Succeeded")
        await cluster.settle()
        assert await types(cluster) == expected
        await no_finalizers(cluster)

    run(body)


Update = tuple[int | None, tuple[int, ...], tuple[int, ...], Counts, tuple[int, ...], str]
"""The new number of completions, which indexes succeed, which fail; then counts, active and completed indexes."""
ELASTIC: dict[str, list[Update]] = {
    "more": [(4, (0, 1, 2, 3), (), (0, 4, 0, 0), (), "0-3")],
    "fewer": [(None, (1,), (2,), (2, 1, 1, 0), (0, 2), "1"), (1, (0,), (), (0, 1, 1, 0), (), "0")],
    "fewer and more": [
        (None, (2,), (), (2, 1, 0, 0), (0, 1), "2"),
        (2, (), (), (2, 0, 0, 0), (0, 1), ""),
        (3, (0, 1, 2), (), (0, 3, 0, 0), (), "0-2"),
    ],
    "none": [(0, (), (), (0, 0, 0, 0), (), "")],
}


@pytest.mark.parametrize("case", ELASTIC)
def test_elastic_jobs(case: str) -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, indexed(3))
        for completions, succeed, fail, then, left, completed in ELASTIC[case]:
            since = cluster.registry.revision
            if completions is not None:
                await change(cluster, completions=completions, parallelism=completions)
                await cluster.settle()
            for fate, these in (("Succeeded", succeed), ("Failed", fail)):
                for index in these:
                    (pod,) = await active(cluster, index)
                    await end(cluster, pod, fate)
            await expect(cluster, since, then, completed)
            assert sorted(int(pod.metadata.annotations[INDEX]) for pod in await active(cluster)) == [*left]
        assert await types(cluster) == COMPLETE

    run(body)


def test_a_job_that_fails_waits_for_its_last_pod() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, blocked(job(parallelism=2, completions=2, backoffLimit=0)))
        await end_all(cluster, "Failed", 1)
        await cluster.advance(LONGEST_WAIT)
        assert (counts((await get(cluster)).status), await types(cluster)) == ((0, 0, 2, 1), FAILED[:1])
        (left,) = [pod for pod in await cluster.pods() if pod.status.phase == "Pending"]
        await end(cluster, left, "Succeeded")
        await cluster.settle()
        assert (counts((await get(cluster)).status), await types(cluster)) == ((0, 0, 2, 0), FAILED)

    run(body)


def test_a_job_that_was_made_smaller_waits_for_its_last_pod() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, blocked(indexed(2)))
        (pod,) = await active(cluster, 0)
        await end(cluster, pod, "Succeeded")
        await change(cluster, completions=1, parallelism=1)
        await cluster.advance(LONGEST_WAIT)
        assert (counts((await get(cluster)).status), await types(cluster)) == ((0, 1, 0, 1), COMPLETE[:1])
        (left,) = [pod for pod in await cluster.pods() if pod.status.phase == "Pending"]
        await end(cluster, left, "Succeeded")
        await cluster.settle()
        found = await get(cluster)
        assert (counts(found.status), found.status.completedIndexes) == ((0, 1, 0, 0), "0")
        assert await types(cluster) == COMPLETE

    run(body)


@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
@pytest.mark.parametrize(("replacement", "deleted"), [("TerminatingOrFailed", (2, 0, 2, 2)), ("Failed", (0, 0, 0, 2))])
def test_pod_replacement_policy(mode: str, replacement: str, deleted: Counts) -> None:
    async def body(cluster: Cluster) -> None:
        spec = {"completionMode": mode, "podReplacementPolicy": replacement}
        await create(cluster, blocked(job(parallelism=2, completions=2, **spec)))
        first = await active(cluster)
        for pod in first:
            await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)
        await cluster.advance(LONGEST_WAIT)
        assert counts((await get(cluster)).status) == deleted
        for pod in first:
            await end(cluster, pod, "Failed")
        await cluster.advance(LONGEST_WAIT)
        assert counts((await get(cluster)).status) == (2, 0, 2, 0)

    run(body)


def test_parallelism_may_change() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, job(parallelism=5, completions=None, backoffLimit=2))
        for parallelism in (2, 4):
            await change(cluster, parallelism=parallelism)
            await cluster.advance(LONGEST_WAIT)
            assert counts((await get(cluster)).status) == (parallelism, 0, 0, 0)
        await end_all(cluster, "Succeeded")
        await cluster.settle()
        assert (counts((await get(cluster)).status), await types(cluster)) == ((0, 4, 0, 0), COMPLETE)

    run(body)


def test_without_completions_the_first_success_is_the_beginning_of_the_end() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, job(parallelism=5, completions=None))
        for fate, count, then in (
            ("Failed", 2, (5, 0, 2, 0)),
            ("Succeeded", 1, (4, 1, 2, 0)),
            ("Failed", 2, (2, 1, 4, 0)),
            ("Succeeded", 2, (0, 3, 4, 0)),
        ):
            await end_all(cluster, fate, count)
            await cluster.advance(LONGEST_WAIT)
            assert counts((await get(cluster)).status) == then
        assert await types(cluster) == COMPLETE
        await no_finalizers(cluster)

    run(body)


def test_one_failure_is_one_too_many_although_the_controller_was_away() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, job(parallelism=10, completions=10, backoffLimit=0))
        await cluster.bind_pods()
        await end_all(cluster, "Failed", 1)
        await end_all(cluster, "Succeeded")
        await cluster.stop()
        await cluster.start(CONTROLLERS)
        await cluster.settle()
        assert await types(cluster) == FAILED
        await no_finalizers(cluster)

    run(body)


def test_all_pods_are_let_go_when_a_job_has_failed_at_once() -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, indexed(100, backoffLimit=0))
        await end_all(cluster, "Failed", 1)
        await cluster.settle()
        assert await types(cluster) == FAILED
        await no_finalizers(cluster)

    run(body)


@pytest.mark.parametrize("propagation", ["Orphan", "Background", "Foreground"])
@pytest.mark.parametrize("away", [False, True])
def test_pods_of_a_deleted_job_are_let_go(propagation: str, away: bool) -> None:
    async def body(cluster: Cluster) -> None:
        await create(cluster, job(parallelism=2, completions=2))
        await cluster.bind_pods()
        if away:
            await cluster.stop()
        options = meta_v1.DeleteOptions(propagationPolicy=propagation)
        await cluster.client.delete(batch_v1.Job, "default", "work", options)
        if away:
            await cluster.start(CONTROLLERS)
        await cluster.settle()
        await no_finalizers(cluster)
        assert len(await cluster.pods()) == 2, "their nodes have yet to end them, or nobody wants them to go"
        going = [pod.metadata.deletionTimestamp is not None for pod in await cluster.pods()]
        assert going == [propagation != "Orphan"] * 2

    run(body)
