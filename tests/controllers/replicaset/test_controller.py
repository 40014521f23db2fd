"""The ReplicaSet controller on a real registry."""

from __future__ import annotations

import itertools
from datetime import timedelta

from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from tests.controllers.cluster import Cluster, replica_set, run

ONLY = ("replicaset",)


async def status(cluster: Cluster) -> apps_v1.ReplicaSetStatus:
    return (await cluster.client.get(apps_v1.ReplicaSet, "default", "web")).status


async def change(cluster: Cluster, **spec: object) -> None:
    changed = codec.copy(await cluster.client.get(apps_v1.ReplicaSet, "default", "web"))
    for name, value in spec.items():
        setattr(changed.spec, name, value)
    await cluster.client.update(changed)
    await cluster.settle()


def test_it_makes_the_pods_it_should_and_says_so() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(replica_set(3))
        await cluster.settle()
        pods = await cluster.pods()
        assert len(pods) == 3
        for pod in pods:
            assert pod.metadata.name.startswith("web-")
            assert pod.metadata.generateName == "web-"
            assert pod.metadata.ownerReferences == (owners.new_controller_ref(owner),)
        messages = {message for kind, reason, message in await cluster.events() if reason == "SuccessfulCreate"}
        assert messages == {f"Created pod: {pod.metadata.name}" for pod in pods}
        counts = await status(cluster)
        assert (counts.replicas, counts.fullyLabeledReplicas, counts.readyReplicas) == (3, 3, None)
        assert counts.observedGeneration == 1
        await cluster.run_pods()
        counts = await status(cluster)
        assert (counts.readyReplicas, counts.availableReplicas) == (3, 3)

    run(body, ONLY)


def test_a_lost_pod_comes_back_and_a_finished_one_is_replaced() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(2))
        await cluster.settle()
        first, second = await cluster.pods()
        await cluster.remove_pod(first)
        await cluster.set_pod(second, "Failed", ready=False)
        await cluster.settle()
        active = [pod for pod in await cluster.pods() if pod.status.phase != "Failed"]
        assert len(active) == 2
        assert first.metadata.name not in {pod.metadata.name for pod in active}

    run(body, ONLY)


def test_labels_take_a_pod_out_and_bring_it_back() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(1))
        await cluster.settle()
        (pod,) = await cluster.pods()
        name = pod.metadata.name
        await cluster.client.patch(core_v1.Pod, "default", name, {"metadata": {"labels": {"app": "debug"}}})
        await cluster.settle()
        assert len(await cluster.pods()) == 2
        released = await cluster.client.get(core_v1.Pod, "default", name)
        assert released.metadata.ownerReferences == ()
        await cluster.client.patch(core_v1.Pod, "default", name, {"metadata": {"labels": {"app": "web"}}})
        await cluster.run_pods()
        (left,) = await cluster.pods()  # it is adopted, and then there is one too many
        assert owners.controller_of(left) is not None

    run(body, ONLY)


def test_scaling_down_says_which_pods_went_and_counts_them_until_they_are_gone() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(3))
        await cluster.run_pods()
        await cluster.bind_pods()
        await change(cluster, replicas=1)
        deleting = [pod for pod in await cluster.pods() if pod.metadata.deletionTimestamp]
        assert len(deleting) == 2
        assert ((await status(cluster)).replicas, (await status(cluster)).terminatingReplicas) == (1, 2)
        messages = {message for _, reason, message in await cluster.events() if reason == "SuccessfulDelete"}
        assert messages == {f"Deleted pod: {pod.metadata.name}" for pod in deleting}
        await cluster.run_pods()
        assert ((await status(cluster)).replicas, (await status(cluster)).terminatingReplicas) == (1, 0)

    run(body, ONLY)


def test_pods_become_available_at_the_very_second() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(1, minReadySeconds=30))
        await cluster.settle()
        await cluster.set_pod((await cluster.pods())[0])
        ready = cluster.clock.elapsed
        await cluster.advance(29 - (cluster.clock.elapsed - ready))
        assert ((await status(cluster)).readyReplicas, (await status(cluster)).availableReplicas) == (1, None)
        await cluster.advance(1.1)
        assert (await status(cluster)).availableReplicas == 1

    run(body, ONLY)


def test_a_look_that_comes_a_little_early_is_not_the_last() -> None:
    """Timers of an event loop may be a millisecond early, and time goes on between two looks at the clock."""

    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(1, minReadySeconds=10))
        await cluster.settle()
        await cluster.set_pod((await cluster.pods())[0])
        await cluster.advance(9.9)
        real, asked = cluster.clock.now, itertools.count()
        skewed = timedelta(microseconds=500)
        cluster.clock.now = lambda: real() + skewed * (1 if next(asked) else -1)  # type: ignore[method-assign]
        await cluster.advance(60)
        assert next(asked) > 1
        assert (await status(cluster)).availableReplicas == 1

    run(body, ONLY)


def test_a_refusal_is_told_and_tried_again_until_it_works() -> None:
    async def body(cluster: Cluster) -> None:
        refused = replica_set(3)
        refused.spec.template.spec.serviceAccountName = "robot"
        await cluster.client.create(refused)
        await cluster.settle()
        assert await cluster.pods() == []
        (condition,) = (await status(cluster)).conditions
        assert (condition.type, condition.reason) == ("ReplicaFailure", "FailedCreate")
        assert 'serviceaccount "robot" not found' in condition.message
        failures = [message for _, reason, message in await cluster.events() if reason == "FailedCreate"]
        assert failures[0] == f"Error creating: {condition.message}"
        account = core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name="robot", namespace="default"))
        await cluster.client.create(account)
        await cluster.advance(30)
        assert len(await cluster.pods()) == 3
        assert (await status(cluster)).conditions == ()

    run(body, ONLY)


def test_seven_hundred_pods_take_two_bursts_and_no_more_than_that() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(replica_set(700))
        await cluster.settle()
        assert len(await cluster.pods()) == 700
        await change(cluster, replicas=0)
        assert await cluster.pods() == []
        assert (await status(cluster)).replicas == 0

    run(body, ONLY)
