"""The Deployment controller on a real registry, with the ReplicaSet controller beneath it."""

from __future__ import annotations

from typing import Any

from podium.controllers.deployment import revisions
from podium.models import apps_v1, codec, meta_v1, owners
from tests.controllers.cluster import Cluster, deployment, run, template


async def current(cluster: Cluster) -> apps_v1.Deployment:
    return codec.copy(await cluster.client.get(apps_v1.Deployment, "default", "web"))


async def change(cluster: Cluster, **spec: Any) -> None:
    changed = await current(cluster)
    for name, value in spec.items():
        setattr(changed.spec, name, value)
    await cluster.client.update(changed)
    await cluster.settle()


async def sets(cluster: Cluster) -> dict[str, apps_v1.ReplicaSet]:
    """By image."""
    found = await cluster.client.list(apps_v1.ReplicaSet, "default")
    return {one.spec.template.spec.containers[0].image: one for one in found}


async def sizes(cluster: Cluster) -> dict[str, int | None]:
    return {image: one.spec.replicas for image, one in (await sets(cluster)).items()}


async def progress(cluster: Cluster) -> tuple[str, str]:
    found = [one for one in (await current(cluster)).status.conditions if one.type == "Progressing"]
    return (found[0].status, found[0].reason)


async def rolled_out(cluster: Cluster, *images: str, **spec: Any) -> None:
    """A Deployment that has had these images, one after the other."""
    await cluster.client.create(deployment(3, template=template(images[0]), **spec))
    await cluster.settle()
    await cluster.run_pods()
    for image in images[1:]:
        await change(cluster, template=template(image))
        await cluster.run_pods()


def test_a_rollout_from_the_beginning_to_the_end() -> None:
    async def body(cluster: Cluster) -> None:
        created = await cluster.client.create(deployment(3))
        await cluster.settle()
        (one,) = (await sets(cluster)).values()
        assert one.metadata.ownerReferences == (owners.new_controller_ref(created),)
        assert one.metadata.annotations[revisions.REVISION] == "1"
        assert (await current(cluster)).metadata.annotations[revisions.REVISION] == "1"
        assert await progress(cluster) == ("True", "ReplicaSetUpdated")
        await cluster.run_pods()
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")
        status = (await current(cluster)).status
        assert (status.replicas, status.updatedReplicas, status.availableReplicas) == (3, 3, 3)
        assert ("Deployment", "ScalingReplicaSet", f"Scaled up replica set {one.metadata.name} from 0 to 3") in (
            await cluster.events()
        )

    run(body)


def test_an_update_tells_every_step() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", "web:2", surge=1, unavailable=0)
        names = {image: one.metadata.name for image, one in (await sets(cluster)).items()}
        told = [message for kind, reason, message in await cluster.events() if reason == "ScalingReplicaSet"]
        assert told == [
            f"Scaled up replica set {names['web:1']} from 0 to 3",
            f"Scaled up replica set {names['web:2']} from 0 to 1",
            f"Scaled down replica set {names['web:1']} from 3 to 2",
            f"Scaled up replica set {names['web:2']} from 1 to 2",
            f"Scaled down replica set {names['web:1']} from 2 to 1",
            f"Scaled up replica set {names['web:2']} from 2 to 3",
            f"Scaled down replica set {names['web:1']} from 1 to 0",
        ]

    run(body)


def test_a_rollback_reuses_the_replica_set_under_a_new_number() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", "web:2", "web:1")
        found = await sets(cluster)
        assert {image: one.metadata.annotations[revisions.REVISION] for image, one in found.items()} == {
            "web:1": "3",
            "web:2": "2",
        }
        assert found["web:1"].metadata.annotations[revisions.HISTORY] == "1"
        assert await sizes(cluster) == {"web:1": 3, "web:2": 0}
        assert (await current(cluster)).metadata.annotations[revisions.REVISION] == "3"

    run(body)


def test_old_revisions_beyond_the_limit_go() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", "web:2", "web:3", "web:4", revisionHistoryLimit=1)
        assert sorted(await sets(cluster)) == ["web:3", "web:4"]

    run(body)


def test_recreate_never_runs_both() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", strategy="Recreate")
        await cluster.bind_pods()
        await change(cluster, template=template("web:2"))
        assert await sizes(cluster) == {"web:1": 0}
        for pod in (await cluster.pods())[1:]:
            await cluster.remove_pod(pod)
        await cluster.settle()
        assert await sizes(cluster) == {"web:1": 0}, "one Pod is still ending"
        await cluster.run_pods()
        assert await sizes(cluster) == {"web:1": 0, "web:2": 3}
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")

    run(body)


def test_a_paused_deployment_scales_but_does_not_roll_out() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1")
        await change(cluster, paused=True, template=template("web:2"))
        assert await sizes(cluster) == {"web:1": 3}
        assert await progress(cluster) == ("Unknown", "DeploymentPaused")
        await change(cluster, replicas=5)
        assert await sizes(cluster) == {"web:1": 5}
        await change(cluster, paused=None)
        await cluster.run_pods()
        assert await sizes(cluster) == {"web:1": 0, "web:2": 5}
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")

    run(body)


def test_the_canary_pausing_in_the_middle_keeps_both() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", surge=1, unavailable=0)
        await change(cluster, template=template("web:2"))
        await change(cluster, paused=True)
        before = await sizes(cluster)
        assert before == {"web:1": 3, "web:2": 1}
        await cluster.run_pods()
        await cluster.advance(1000)
        assert await sizes(cluster) == before
        await change(cluster, paused=None)
        await cluster.run_pods()
        assert await sizes(cluster) == {"web:1": 0, "web:2": 3}

    run(body)


def test_a_rollout_that_gets_stuck_times_out_and_recovers() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1", progressDeadlineSeconds=60)
        await change(cluster, template=template("web:2"))
        await cluster.advance(58)
        assert await progress(cluster) == ("True", "ReplicaSetUpdated")
        await cluster.advance(3)
        assert await progress(cluster) == ("False", "ProgressDeadlineExceeded")
        assert (await current(cluster)).status.availableReplicas == 3
        await cluster.run_pods()
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")

    run(body)


def test_a_replica_set_that_matches_is_adopted_and_one_that_no_longer_does_released() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1")
        await cluster.client.delete(
            apps_v1.Deployment, "default", "web", meta_v1.DeleteOptions(propagationPolicy="Background")
        )
        (one,) = (await sets(cluster)).values()
        orphan = codec.copy(one)
        orphan.metadata.ownerReferences = ()
        await cluster.client.update(orphan)
        created = await cluster.client.create(deployment(3))
        await cluster.settle()
        (one,) = (await sets(cluster)).values()
        assert owners.is_controlled_by(one, created)
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")
        strayed = codec.copy(one)
        strayed.metadata.labels = {"app": "other"}
        await cluster.client.update(strayed)
        await cluster.settle()
        found = await cluster.client.get(apps_v1.ReplicaSet, "default", one.metadata.name)
        assert found.metadata.ownerReferences == ()

    run(body)


def test_a_name_that_is_taken_by_something_else_is_a_collision() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1")
        (one,) = (await sets(cluster)).values()
        await cluster.client.delete(apps_v1.Deployment, "default", "web")
        await cluster.client.delete(apps_v1.ReplicaSet, "default", one.metadata.name)
        squatter = apps_v1.ReplicaSet(
            metadata=meta_v1.ObjectMeta(name=one.metadata.name, namespace="default"),
            spec=apps_v1.ReplicaSetSpec(
                replicas=0,
                selector=meta_v1.LabelSelector(matchLabels={"app": "squatter"}),
                template=template("other", {"app": "squatter"}),
            ),
        )
        await cluster.client.create(squatter)
        await rolled_out(cluster, "web:1")
        assert (await current(cluster)).status.collisionCount == 1
        assert (await sets(cluster))["web:1"].metadata.name != one.metadata.name
        assert await progress(cluster) == ("True", "NewReplicaSetAvailable")

    run(body)


def test_minimum_readiness_follows_the_deployment() -> None:
    async def body(cluster: Cluster) -> None:
        await rolled_out(cluster, "web:1")
        await change(cluster, minReadySeconds=5)
        (one,) = (await sets(cluster)).values()
        assert one.spec.minReadySeconds == 5

    run(body)
