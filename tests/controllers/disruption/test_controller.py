"""The disruption controller and evictions on a real registry."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from podium.controllers.pods import is_ready
from podium.machinery import errors
from podium.models import batch_v1, codec, core_v1, meta_v1, policy_v1
from tests.controllers.cluster import Cluster, deployment, replica_set, run, template
from tests.controllers.disruption.build import budget

ONLY = ("deployment", "replicaset", "disruption", "disruption-stale-pods")


async def status_of(cluster: Cluster, name: str = "web") -> policy_v1.PodDisruptionBudgetStatus:
    return (await cluster.client.get(policy_v1.PodDisruptionBudget, "default", name)).status


async def counts(cluster: Cluster, name: str = "web") -> tuple[int | None, ...]:
    """Expected, desired, healthy, allowed."""
    status = await status_of(cluster, name)
    return status.expectedPods, status.desiredHealthy, status.currentHealthy, status.disruptionsAllowed


async def evict(cluster: Cluster, name: str, **options: Any) -> None:
    eviction = policy_v1.Eviction(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default"),
        deleteOptions=meta_v1.DeleteOptions(**options) if options else None,
    )
    await cluster.client.create_subresource(core_v1.Pod, "default", name, "eviction", eviction)


async def started(cluster: Cluster) -> None:
    """All Pods are there and ready."""
    await cluster.settle()
    await cluster.run_pods()


async def ready_pods(cluster: Cluster) -> list[core_v1.Pod]:
    return [pod for pod in await cluster.pods() if is_ready(pod) and pod.metadata.deletionTimestamp is None]


async def reason_of(cluster: Cluster) -> tuple[str, str]:
    (condition,) = (await status_of(cluster)).conditions
    return condition.reason, condition.message


def test_the_status_follows_the_pods() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(budget(maxUnavailable="25%"))
        await cluster.settle()
        assert await counts(cluster) == (0, 0, 0, 0)
        assert ("PodDisruptionBudget", "NoPods", "No matching pods found") in await cluster.events()
        await cluster.client.create(deployment(4))
        await cluster.settle()
        assert await counts(cluster) == (4, 3, 0, 0)
        await started(cluster)
        assert await counts(cluster) == (4, 3, 4, 1)
        assert (await status_of(cluster)).observedGeneration == 1
        await cluster.set_pod((await cluster.pods())[0], ready=False)
        await cluster.settle()
        assert await counts(cluster) == (4, 3, 3, 0)
        assert (await reason_of(cluster))[0] == "InsufficientPods"

    run(body, ONLY)


def test_a_change_of_the_budget_is_taken_up() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(3))
        created = codec.copy(await cluster.client.create(budget(minAvailable=3)))
        await started(cluster)
        assert await counts(cluster) == (3, 3, 3, 0)
        created.spec.minAvailable = "34%"
        created.metadata.resourceVersion = (
            await cluster.client.get(policy_v1.PodDisruptionBudget, "default", "web")
        ).metadata.resourceVersion
        await cluster.client.update(created)
        await cluster.settle()
        assert await counts(cluster) == (3, 2, 3, 1)
        assert (await status_of(cluster)).observedGeneration == 2

    run(body, ONLY)


def test_pods_that_nobody_controls_are_told_and_not_counted_by_share() -> None:
    async def body(cluster: Cluster) -> None:
        spec = template()
        bare = core_v1.Pod(
            metadata=meta_v1.ObjectMeta(name="bare", namespace="default", labels={"app": "web"}), spec=spec.spec
        )
        await cluster.client.create(bare)
        await cluster.client.create(budget(maxUnavailable=1))
        await cluster.client.create(budget("count", minAvailable=1))
        await started(cluster)
        assert await counts(cluster) == (0, 0, 1, 0)
        assert await counts(cluster, "count") == (1, 1, 1, 0)
        (text,) = {message for _, reason, message in await cluster.events() if reason == "UnmanagedPods"}
        assert "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,}" in text

    run(body, ONLY)


def test_what_controllers_want_in_all_is_a_number_that_can_be_read_again() -> None:
    async def body(cluster: Cluster) -> None:
        for name in ("a", "b"):
            wanting = await cluster.client.create(replica_set(2**31 - 1, name))
            owner = meta_v1.OwnerReference(
                apiVersion="apps/v1", kind="ReplicaSet", name=name, uid=wanting.metadata.uid, controller=True
            )
            metadata = meta_v1.ObjectMeta(
                name=name, namespace="default", labels={"app": "web"}, ownerReferences=(owner,)
            )
            await cluster.client.create(core_v1.Pod(metadata=metadata, spec=template().spec))
        await cluster.client.create(budget(minAvailable="100%"))
        await cluster.settle()
        status = await status_of(cluster)
        assert (status.expectedPods, status.desiredHealthy) == (2**31 - 1, 2**31 - 1)
        assert codec.decode(codec.encode(status), policy_v1.PodDisruptionBudgetStatus) == status

    run(body, ("disruption",))


def test_a_controller_without_a_scale_is_a_failure_that_allows_nothing() -> None:
    async def body(cluster: Cluster) -> None:
        job = await cluster.client.create(
            batch_v1.Job(
                metadata=meta_v1.ObjectMeta(name="job", namespace="default"),
                spec=batch_v1.JobSpec(
                    template=core_v1.PodTemplateSpec(
                        spec=core_v1.PodSpec(
                            restartPolicy="Never", containers=(core_v1.Container(name="a", image="web:1"),)
                        )
                    )
                ),
            )
        )
        owner = meta_v1.OwnerReference(
            apiVersion="batch/v1", kind="Job", name="job", uid=job.metadata.uid, controller=True
        )
        metadata = meta_v1.ObjectMeta(name="a", namespace="default", labels={"app": "web"}, ownerReferences=(owner,))
        await cluster.client.create(core_v1.Pod(metadata=metadata, spec=template().spec))
        await cluster.client.create(budget(minAvailable="50%"))
        await started(cluster)
        assert (await counts(cluster))[3] == 0
        assert await reason_of(cluster) == (
            "SyncFailed",
            "jobs.batch does not implement the scale subresource",
        )

    run(body, ONLY)


def test_an_eviction_takes_one_and_the_next_waits_for_the_replacement() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(3))
        await cluster.client.create(budget(maxUnavailable=1))
        await started(cluster)
        await cluster.bind_pods()
        first, second, _ = await cluster.pods()
        await evict(cluster, first.metadata.name)
        gone = await cluster.client.get(core_v1.Pod, "default", first.metadata.name)
        assert gone.metadata.deletionTimestamp is not None
        condition = next(one for one in gone.status.conditions if one.type == "DisruptionTarget")
        assert (condition.status, condition.reason, condition.message) == (
            "True",
            "EvictionByEvictionAPI",
            "Eviction API: evicting",
        )
        with pytest.raises(errors.TooManyRequests) as caught:
            await evict(cluster, second.metadata.name)
        details = caught.value.status().details
        assert details is not None
        await cluster.settle()
        with pytest.raises(errors.TooManyRequests) as caught:
            await evict(cluster, second.metadata.name)
        details = caught.value.status().details
        assert details is not None
        assert details.causes[0].message == "The disruption budget web needs 2 healthy pods and has 2 currently"
        assert not (await status_of(cluster)).disruptedPods
        await started(cluster)
        await evict(cluster, second.metadata.name)

    run(body, ONLY)


def test_many_at_once_get_no_more_than_there_is() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(10))
        await cluster.client.create(budget(minAvailable=7))
        await started(cluster)
        await cluster.bind_pods()
        names = [pod.metadata.name for pod in await cluster.pods()]
        outcomes = await asyncio.gather(*(evict(cluster, name) for name in names), return_exceptions=True)
        assert sum(outcome is None for outcome in outcomes) == 3
        assert len(await ready_pods(cluster)) == 7

    run(body, ONLY)


def test_two_budgets_for_one_pod_allow_no_eviction() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(budget("one", minAvailable=0))
        await cluster.client.create(budget("two", labels={}, minAvailable=0))
        await cluster.client.create(replica_set(1))
        await started(cluster)
        (pod,) = await cluster.pods()
        with pytest.raises(errors.StatusError) as caught:
            await evict(cluster, pod.metadata.name)
        assert (caught.value.code, str(caught.value)) == (
            500,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )
        assert "MultiplePodDisruptionBudgets" in {reason for _, reason, _ in await cluster.events()}

    run(body, ONLY)


@pytest.mark.parametrize(
    ("policy", "healthy", "allowed"),
    [("", 2, True), ("IfHealthyBudget", 2, True), ("IfHealthyBudget", 1, False), ("AlwaysAllow", 1, True)],
)
def test_a_pod_that_is_not_ready(policy: str, healthy: int, allowed: bool) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(budget(minAvailable=2, unhealthyPodEvictionPolicy=policy))
        await cluster.client.create(replica_set(3))
        await cluster.settle()
        pods = await cluster.pods()
        for number, pod in enumerate(pods):
            await cluster.set_pod(pod, ready=number < healthy)
        await cluster.settle()
        assert (await counts(cluster))[2:] == (healthy, 0)
        if allowed:
            await evict(cluster, pods[2].metadata.name)
        else:
            with pytest.raises(errors.TooManyRequests):
                await evict(cluster, pods[2].metadata.name)

    run(body, ONLY)


def test_an_eviction_that_never_happens_is_given_up_after_two_minutes() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(2))
        await cluster.client.create(budget(maxUnavailable=1))
        await started(cluster)
        pod = codec.copy((await cluster.pods())[0])
        pod.status.conditions = (
            *pod.status.conditions,
            core_v1.PodCondition(
                type="DisruptionTarget", status="True", reason="X", lastTransitionTime=cluster.clock.now()
            ),
        )
        await cluster.client.update_status(pod)
        noted = codec.copy(await cluster.client.get(policy_v1.PodDisruptionBudget, "default", "web"))
        noted.status.disruptedPods = {pod.metadata.name: cluster.clock.now()}
        noted.status.disruptionsAllowed = 0
        await cluster.client.update_status(noted)
        await cluster.advance(118)
        assert (await counts(cluster))[2:] == (1, 0)
        await cluster.advance(5)
        assert (await counts(cluster))[2:] == (2, 1)
        assert not (await status_of(cluster)).disruptedPods
        assert ("Pod", "NotDeleted") in {(kind, reason) for kind, reason, _ in await cluster.events()}
        fresh = await cluster.client.get(core_v1.Pod, "default", pod.metadata.name)
        (condition,) = [one for one in fresh.status.conditions if one.type == "DisruptionTarget"]
        assert condition.status == "False"

    run(body, ONLY)


@pytest.mark.parametrize("seed", range(24))
def test_evictions_never_exceed_the_budget(seed: int) -> None:
    """Random evictions, several at once, while Pods come up, break, are scaled, and the controller hears of it late.

    A Pod that breaks by itself may leave too few healthy ones, and until the controller has heard of it one more may be
    evicted: so then it is given the time. Otherwise no eviction of a ready Pod may leave fewer than are promised.
    """

    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        replicas = chance.randint(3, 9)
        limits: list[dict[str, Any]] = [
            {"minAvailable": chance.randint(1, replicas)},
            {"minAvailable": chance.choice(["30%", "50%", "90%"])},
            {"maxUnavailable": chance.choice([0, 1, 2, "20%", "50%"])},
        ]
        await cluster.client.create(deployment(replicas))
        await cluster.client.create(budget(**chance.choice(limits)))
        await started(cluster)
        await bind(cluster)
        granted = 0
        for _ in range(40):
            pods = await cluster.pods()
            deed = chance.choice(["evict", "evict", "burst", "step", "step", "break", "wait"])
            if deed in ("evict", "burst"):
                granted += await attempt(cluster, chance.sample(pods, min(len(pods), 1 if deed == "evict" else 4)))
            elif deed == "step":
                todo = [pod for pod in pods if pod.metadata.deletionTimestamp or not is_ready(pod)]
                if todo:
                    await progress(cluster, chance.choice(todo))
            elif deed == "break" and (ready := await ready_pods(cluster)):
                await cluster.set_pod(chance.choice(ready), ready=False)
                await cluster.advance(1)
            if chance.random() < 0.5:
                await cluster.advance(0.05)
            await bind(cluster)
        for _ in range(3):
            for pod in await cluster.pods():
                await progress(cluster, pod)
            await cluster.settle()
        status = await status_of(cluster)
        assert status.currentHealthy == status.expectedPods == replicas
        assert not status.disruptedPods
        if (status.disruptionsAllowed or 0) > 0:
            assert granted

    run(body, ONLY, seed=seed, late=0.1 * (seed % 2))


async def attempt(cluster: Cluster, pods: list[core_v1.Pod]) -> int:
    """Evict some Pods at once; how many ready ones went."""
    promised = (await status_of(cluster)).desiredHealthy or 0
    before = {pod.metadata.name for pod in await ready_pods(cluster)}
    outcomes = await asyncio.gather(*(evict(cluster, pod.metadata.name) for pod in pods), return_exceptions=True)
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, errors.TooManyRequests), outcome
    left = {pod.metadata.name for pod in await ready_pods(cluster)}
    if len(left) < len(before):
        assert len(left) >= promised, f"{len(before)} were healthy, {len(left)} are left, {promised} are promised"
    return len(before) - len(left)


async def progress(cluster: Cluster, pod: core_v1.Pod) -> None:
    if pod.metadata.deletionTimestamp is not None:
        await cluster.remove_pod(pod)
    elif not is_ready(pod):
        await cluster.set_pod(pod)


async def bind(cluster: Cluster) -> None:
    """Put the Pods on a node that are on none: from there they end gracefully."""
    for pod in await cluster.pods():
        if not pod.spec.nodeName and pod.metadata.deletionTimestamp is None:
            name = pod.metadata.name
            binding = core_v1.Binding(
                metadata=meta_v1.ObjectMeta(name=name, namespace="default"),
                target=core_v1.ObjectReference(kind="Node", name="n1"),
            )
            await cluster.client.create_subresource(core_v1.Pod, "default", name, "binding", binding)
