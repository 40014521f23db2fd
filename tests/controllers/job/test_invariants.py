"""Whatever happens to Pods, nodes and the controller, each success is counted once, and a Job ends as it should."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

import pytest

from podium.controllers.job import indexes
from podium.controllers.job.template import FINALIZER
from podium.controllers.pods import is_active, is_finished
from podium.machinery import errors
from podium.models import batch_v1, codec, conditions, core_v1, meta_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.job import build

CONTROLLERS = ("job", "job-orphan-pods", "garbagecollector")


class Watcher:
    """Follows every change of Pods and of the Job, and notes what breaks a promise."""

    def __init__(self, cluster: Cluster, parallelism: int) -> None:
        self.broken: list[str] = []
        self.succeeded: set[str] = set()
        """The uids of all Pods that ever succeeded while they were tracked."""
        self.undisturbed: set[str] = set()
        """Those of them that nobody was deleting: others may have been counted as failed by then."""
        self._parallelism = parallelism
        self._pods: dict[str, core_v1.Pod] = {}
        cluster.truth.of(core_v1.Pod).on_change(self._pod_changed)
        cluster.truth.of(batch_v1.Job).on_change(self._job_changed)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None:
            assert old is not None
            del self._pods[old.metadata.uid]
            return
        self._pods[new.metadata.uid] = new
        if new.status.phase == "Succeeded" and FINALIZER in new.metadata.finalizers:
            self.succeeded.add(new.metadata.uid)
            if new.metadata.deletionTimestamp is None:
                self.undisturbed.add(new.metadata.uid)
        active = [pod for pod in self._pods.values() if is_active(pod)]
        if len(active) > self._parallelism:
            self.broken.append(f"{len(active)} active Pods")
        taken = [index for pod in active if (index := indexes.of_pod(pod)) is not None]
        if len(taken) != len(set(taken)):
            self.broken.append(f"indexes {sorted(taken)}")

    def _job_changed(self, old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        if old is None or new is None:
            return
        for name in ("succeeded", "failed"):
            before, after = getattr(old.status, name) or 0, getattr(new.status, name) or 0
            if after < before:
                self.broken.append(f"{name} fell from {before} to {after}")
        if (new.status.succeeded or 0) > len(self.succeeded):
            self.broken.append(f"{new.status.succeeded} counted, {len(self.succeeded)} succeeded")


async def current(cluster: Cluster) -> batch_v1.Job:
    return codec.copy(await cluster.client.get(batch_v1.Job, "default", "work"))


def is_over(job: batch_v1.Job) -> bool:
    return any(conditions.is_true(job.status.conditions, type_) for type_ in ("Complete", "Failed"))


async def end(cluster: Cluster, pod: core_v1.Pod, exit_code: int) -> None:
    """What an agent reports when the container ends."""
    ended = core_v1.ContainerStateTerminated(exitCode=exit_code, finishedAt=cluster.clock.now().replace(microsecond=0))

    def change(status: core_v1.PodStatus) -> None:
        status.phase = "Failed" if exit_code else "Succeeded"
        container = core_v1.ContainerStatus(name="main", state=core_v1.ContainerState(terminated=ended))
        status.containerStatuses = (container,)

    await cluster.report(pod, change)


async def fail(cluster: Cluster, pod: core_v1.Pod) -> None:
    await end(cluster, pod, 1)


async def delete(cluster: Cluster, pod: core_v1.Pod) -> None:
    """Gracefully, as an eviction does it."""
    with contextlib.suppress(errors.NotFound):
        await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)


async def lose(cluster: Cluster, pod: core_v1.Pod) -> None:
    """Its node is gone: Pod garbage collection ends it."""
    await cluster.set_pod(pod, "Failed", ready=False)
    await cluster.remove_pod(pod)


async def written(cluster: Cluster) -> set[str]:
    """The revisions of all that is there. Events expire, so it may become less."""
    models: tuple[type[Any], ...] = (batch_v1.Job, core_v1.Pod, core_v1.Event)
    return {obj.metadata.resourceVersion for model in models for obj in await cluster.client.list(model)}


async def bind_some(cluster: Cluster, chance: Random) -> None:
    """Put Pods on a node, perhaps: from there they end gracefully."""
    for pod in await cluster.pods():
        if not pod.spec.nodeName and pod.metadata.deletionTimestamp is None and chance.random() < 0.7:
            name = pod.metadata.name
            target = core_v1.ObjectReference(kind="Node", name="n1")
            binding = core_v1.Binding(metadata=meta_v1.ObjectMeta(name=name, namespace="default"), target=target)
            with contextlib.suppress(errors.NotFound):  # deleted just now
                await cluster.client.create_subresource(core_v1.Pod, "default", name, "binding", binding)


def _has_a_step(pod: core_v1.Pod) -> bool:
    """A Pod without a node can only be ended, which garbage collection does once it is deleted."""
    if pod.metadata.deletionTimestamp is not None:
        return not is_finished(pod) or bool(pod.metadata.deletionGracePeriodSeconds)
    return bool(pod.spec.nodeName) and not is_finished(pod)


async def step(cluster: Cluster, chance: Random, failing: float) -> bool:
    """One Pod gets one step on; whether there was any to do so."""
    todo = [pod for pod in await cluster.pods() if _has_a_step(pod)]
    if not todo:
        return False
    pod = chance.choice(todo)
    if pod.metadata.deletionTimestamp is not None:
        if not is_finished(pod):
            await end(cluster, pod, chance.choice([0, 143]))
        await cluster.remove_pod(pod)
    elif pod.status.phase == "Pending":
        await cluster.set_pod(pod)
    elif chance.random() < failing:
        await chance.choice([lose, delete, fail])(cluster, pod)
    else:
        await end(cluster, pod, 0)
    return True


def random_job(chance: Random) -> batch_v1.Job:
    completions = chance.randint(1, 12)
    spec: dict[str, Any] = {
        "completions": completions,
        "parallelism": chance.randint(1, 6),
        "backoffLimit": 1000,
        "completionMode": chance.choice(["Indexed", "NonIndexed"]),
        "podReplacementPolicy": chance.choice(["Failed", "TerminatingOrFailed"]),
    }
    if spec["completionMode"] == "Indexed" and chance.random() < 0.5:
        spec["backoffLimitPerIndex"] = 1000
    made = build.job(**spec)
    made.metadata.uid = ""
    return made


@pytest.mark.parametrize("seed", range(32))
def test_each_completion_is_counted_once_whatever_fails(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        made = random_job(chance)
        completions = made.spec.completions or 0
        watcher = Watcher(cluster, made.spec.parallelism or 0)
        if seed % 4 == 3:
            cluster.transport.failing = 0.2
        await cluster.client.create(made)
        await cluster.settle()
        for _ in range(3000):
            await bind_some(cluster, chance)
            with contextlib.suppress(errors.NotFound):  # gone while it was to be reported
                await step(cluster, chance, failing=0.4)
            await cluster.advance(chance.choice([0, 0.01, 0.3, 5, 100]))
            if chance.random() < 0.03:
                await cluster.stop()
                await cluster.start(CONTROLLERS)
            job = await current(cluster)
            if chance.random() < 0.03 and not is_over(job):
                job.spec.suspend = not job.spec.suspend
                with contextlib.suppress(errors.Conflict):
                    await cluster.client.update(job)
            assert watcher.broken == []
            if is_over(job):
                break
        job = await current(cluster)
        said = [condition.type for condition in job.status.conditions if condition.type != "Suspended"]
        assert said == ["SuccessCriteriaMet", "Complete"]
        assert job.status.succeeded == completions
        assert (job.status.active, job.status.ready, job.status.terminating) == (None, 0, 0)
        assert job.status.uncountedTerminatedPods == batch_v1.UncountedTerminatedPods()
        if job.spec.completionMode == "Indexed":
            assert job.status.completedIndexes == indexes.text(((0, completions - 1),))
        else:
            assert len(watcher.undisturbed) <= completions <= len(watcher.succeeded)
        await cluster.advance(2000)
        while await step(cluster, chance, failing=0):
            await cluster.advance(1)
        assert not [pod.metadata.name for pod in await cluster.pods() if FINALIZER in pod.metadata.finalizers]
        before = await written(cluster)
        await cluster.advance(2000)
        assert await written(cluster) <= before, "something writes although all is settled"

    run(body, CONTROLLERS, seed=seed, late=0.2 * (seed % 3))


@pytest.mark.parametrize("seed", range(8))
def test_a_deleted_job_lets_all_its_pods_go(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        made = random_job(chance)
        await cluster.client.create(made)
        await cluster.settle()
        for _ in range(chance.randint(0, 20)):
            await bind_some(cluster, chance)
            await step(cluster, chance, failing=0.4)
            await cluster.advance(chance.choice([0, 0.3, 20]))
        policy = chance.choice(["Background", "Foreground", "Orphan"])
        options = meta_v1.DeleteOptions(propagationPolicy=policy)
        await cluster.client.delete(batch_v1.Job, "default", "work", options)
        await cluster.advance(5)
        while await step(cluster, chance, failing=0.4):
            await cluster.advance(2)
        assert await cluster.client.list(batch_v1.Job) == []
        left = await cluster.pods()
        assert not [pod.metadata.name for pod in left if FINALIZER in pod.metadata.finalizers]
        if policy != "Orphan":
            assert left == []

    run(body, CONTROLLERS, seed=seed, late=0.2 * (seed % 2))
