"""ReplicationControllers, which are run by the ReplicaSet controller's code."""

from __future__ import annotations

from podium.models import codec, core_v1, meta_v1, owners
from tests.controllers.cluster import Cluster, run, template

ONLY = ("replicationcontroller",)


def controller(replicas: int) -> core_v1.ReplicationController:
    return core_v1.ReplicationController(
        metadata=meta_v1.ObjectMeta(name="web", namespace="default"),
        spec=core_v1.ReplicationControllerSpec(replicas=replicas, template=template()),
    )


async def status(cluster: Cluster) -> core_v1.ReplicationControllerStatus:
    return (await cluster.client.get(core_v1.ReplicationController, "default", "web")).status


def test_it_makes_and_removes_pods() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(controller(3))
        await cluster.settle()
        await cluster.run_pods()
        assert [owners.is_controlled_by(pod, owner) for pod in await cluster.pods()] == [True] * 3
        counts = await status(cluster)
        assert (counts.replicas, counts.readyReplicas, counts.availableReplicas) == (3, 3, 3)
        changed = codec.copy(await cluster.client.get(core_v1.ReplicationController, "default", "web"))
        changed.spec.replicas = 1
        await cluster.client.update(changed)
        await cluster.settle()
        assert len(await cluster.pods()) == 1
        assert (await status(cluster)).replicas == 1

    run(body, ONLY)


def test_a_refusal_is_told_in_a_condition_of_its_own_type() -> None:
    async def body(cluster: Cluster) -> None:
        refused = controller(1)
        assert refused.spec.template is not None
        refused.spec.template.spec.serviceAccountName = "robot"
        await cluster.client.create(refused)
        await cluster.settle()
        (condition,) = (await status(cluster)).conditions
        assert isinstance(condition, core_v1.ReplicationControllerCondition)
        assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", "FailedCreate")
        account = core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name="robot", namespace="default"))
        await cluster.client.create(account)
        await cluster.advance(30)
        assert (await status(cluster)).conditions == ()

    run(body, ONLY)


def test_an_orphan_that_it_selects_is_adopted() -> None:
    async def body(cluster: Cluster) -> None:
        metadata = meta_v1.ObjectMeta(name="lost", namespace="default", labels={"app": "web"})
        await cluster.client.create(core_v1.Pod(metadata=metadata, spec=template().spec))
        owner = await cluster.client.create(controller(1))
        await cluster.settle()
        (pod,) = await cluster.pods()
        assert (pod.metadata.name, owners.is_controlled_by(pod, owner)) == ("lost", True)

    run(body, ONLY)
