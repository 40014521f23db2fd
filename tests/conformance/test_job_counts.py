"""What Kubernetes' integration tests say about Jobs: what they count and what comes of it, step by step.

There are no nodes: the test says how each Pod fares. What is expected of a step has to be true at some time after it,
since what follows may take it on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from podium.client.transport import Selection
from podium.controllers import pods as pod_rules
from podium.controllers.job.template import FINALIZER
from podium.models import batch_v1, codec, core_v1, meta_v1, resources
from tests.controllers import cluster as controllers
from tests.controllers.cluster import Cluster
from tests.controllers.job import build
from tests.controllers.job.build import indexed

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
BLOCKED = "example.com/block-deletion"
CONTROLLERS = ("job", "job-orphan-pods", "garbagecollector")
LONGEST_WAIT = 45.0
"""Longer than any back-off here."""
COMPLETE = ["SuccessCriteriaMet", "Complete"]
FAILED = ["FailureTarget", "Failed"]
Counts = tuple[int, int, int, int]
"""Active, succeeded, failed, terminating."""


@dataclass(frozen=True)
class Step:
    """What becomes of the active Pod of an index, and what the Job then says."""

    index: int
    fate: str
    """A phase, an exit code, or `disrupted`."""
    counts: Counts
    active: tuple[int, ...] = ()
    completed: str = ""
    failed: str | None = None


def run(test: Callable[[Cluster], Awaitable[None]], names: Sequence[str] = CONTROLLERS) -> None:
    controllers.run(test, names)


def job(**spec: Any) -> batch_v1.Job:
    return build.job(**spec)


def policy(**rules: Any) -> batch_v1.PodFailurePolicy:
    made: batch_v1.PodFailurePolicy = codec.from_tree({"rules": rules["rules"]}, batch_v1.PodFailurePolicy)
    return made


def success(**rule: Any) -> batch_v1.SuccessPolicy:
    return batch_v1.SuccessPolicy(rules=(batch_v1.SuccessPolicyRule(**rule),))


def codes(action: str, *values: int) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(values)}}


def disruptions(action: str) -> dict[str, Any]:
    return {"action": action, "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def blocked(made: batch_v1.Job) -> batch_v1.Job:
    """Its Pods stay until somebody else lets them go."""
    made.spec.template.metadata.finalizers = (BLOCKED,)
    return made


async def get(cluster: Cluster) -> batch_v1.Job:
    return await cluster.client.get(batch_v1.Job, "default", "work")


async def create(cluster: Cluster, made: batch_v1.Job) -> None:
    made.metadata.uid = ""
    await cluster.client.create(made)
    await cluster.settle()


async def change(cluster: Cluster, **spec: Any) -> None:
    changed = codec.copy(await get(cluster))
    for name, value in spec.items():
        setattr(changed.spec, name, value)
    await cluster.client.update(changed)


async def active(cluster: Cluster, index: int | None = None) -> list[core_v1.Pod]:
    found = [pod for pod in await cluster.pods() if pod_rules.is_active(pod)]
    return [pod for pod in found if index is None or pod.metadata.annotations.get(INDEX) == str(index)]


async def end(cluster: Cluster, pod: core_v1.Pod, fate: str) -> None:
    def change(status: core_v1.PodStatus) -> None:
        code = int(fate) if fate.isdigit() else 0 if fate == "Succeeded" else 1
        status.phase = "Succeeded" if code == 0 else "Failed"
        ended = core_v1.ContainerStateTerminated(exitCode=code, finishedAt=cluster.clock.now().replace(microsecond=0))
        state = core_v1.ContainerState(terminated=ended)
        status.containerStatuses = (core_v1.ContainerStatus(name="main", state=state),)
        if fate == "disrupted":
            status.conditions = (core_v1.PodCondition(type="DisruptionTarget", status="True"),)

    await cluster.report(pod, change)


async def end_all(cluster: Cluster, fate: str, count: int | None = None) -> None:
    for pod in (await active(cluster))[:count]:
        await end(cluster, pod, fate)


def counts(status: batch_v1.JobStatus) -> Counts:
    assert status.ready == 0
    assert status.terminating is not None
    return status.active or 0, status.succeeded or 0, status.failed or 0, status.terminating


async def said(cluster: Cluster, since: int) -> list[batch_v1.JobStatus]:
    """What the Job says from that revision on, until no back-off is left."""
    found: list[batch_v1.JobStatus] = [(await get(cluster)).status]

    async def watch() -> None:
        selection, kind = Selection("default"), resources.of(batch_v1.Job)
        async for batch in cluster.client.transport.watch(kind, selection, str(since)):
            found.extend(event.object.status for event in batch if event.object is not None)

    watching = asyncio.create_task(watch())
    await cluster.advance(LONGEST_WAIT)
    watching.cancel()
    await asyncio.wait([watching])
    return found


async def expect(cluster: Cluster, since: int, wanted: Counts, completed: str = "", failed: str | None = None) -> None:
    seen = [
        (counts(status), status.completedIndexes, status.failedIndexes)
        for status in await said(cluster, since)
        if status.terminating is not None
    ]
    assert (wanted, completed, failed) in seen, seen


async def types(cluster: Cluster) -> list[str]:
    found = await get(cluster)
    return [one.type for one in found.status.conditions if one.status == "True"]


async def no_finalizers(cluster: Cluster) -> None:
    assert not [pod.metadata.name for pod in await cluster.pods() if FINALIZER in pod.metadata.finalizers]


async def play(cluster: Cluster, made: batch_v1.Job, steps: Sequence[Step], expected: list[str]) -> None:
    """Take the steps; what is left then succeeds."""
    await create(cluster, made)
    assert counts((await get(cluster)).status) == (made.spec.parallelism, 0, 0, 0)
    for step in steps:
        since = cluster.registry.revision
        (pod,) = await active(cluster, step.index)
        await end(cluster, pod, step.fate)
        await expect(cluster, since, step.counts, step.completed, step.failed)
        if step.active:
            assert sorted(int(pod.metadata.annotations[INDEX]) for pod in await active(cluster)) == [*step.active]
    await end_all(cluster, "Succeeded")
    await cluster.settle()
    assert await types(cluster) == expected
    if made.spec.successPolicy is not None and expected == COMPLETE:
        assert {one.reason for one in (await get(cluster)).status.conditions} == {"SuccessPolicy"}
    await no_finalizers(cluster)


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
