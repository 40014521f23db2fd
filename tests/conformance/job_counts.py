"""Jobs without nodes: the test says how each Pod fares, and what the Job then counts is looked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from podium.client.transport import Selection
from podium.controllers import pods as pod_rules
from podium.controllers.job.template import FINALIZER
from podium.models import batch_v1, codec, core_v1, resources
from tests.controllers import cluster as controllers
from tests.controllers.cluster import Cluster
from tests.controllers.job import build

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
