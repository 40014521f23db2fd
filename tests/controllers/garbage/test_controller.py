"""The garbage collector on a real registry."""

from __future__ import annotations

import pytest

from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from tests.controllers.cluster import Cluster, deployment, run

ALL = ("deployment", "replicaset", "garbagecollector")
ONLY = ("garbagecollector",)


def config_map(name: str, *its_owners: core_v1.ConfigMap, block: bool = True) -> core_v1.ConfigMap:
    references = [owners.new_controller_ref(owner) for owner in its_owners]
    for reference in references:
        reference.controller = None
        reference.blockOwnerDeletion = block
    return core_v1.ConfigMap(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", ownerReferences=tuple(references))
    )


async def delete(cluster: Cluster, name: str, policy: str = "Background") -> None:
    options = meta_v1.DeleteOptions(propagationPolicy=policy)
    await cluster.client.delete(core_v1.ConfigMap, "default", name, options)
    await cluster.settle()


async def left(cluster: Cluster) -> list[str]:
    return sorted(one.metadata.name for one in await cluster.client.list(core_v1.ConfigMap, "default"))


async def family(cluster: Cluster) -> tuple[core_v1.ConfigMap, core_v1.ConfigMap, core_v1.ConfigMap]:
    """A grandmother, a mother and a child."""
    grandmother = await cluster.client.create(config_map("grandmother"))
    mother = await cluster.client.create(config_map("mother", grandmother))
    child = await cluster.client.create(config_map("child", mother))
    await cluster.settle()
    return grandmother, mother, child


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_dependents_follow(policy: str) -> None:
    async def body(cluster: Cluster) -> None:
        await family(cluster)
        await delete(cluster, "grandmother", policy)
        assert await left(cluster) == []

    run(body, ONLY)


def test_orphans_stay_without_their_owner() -> None:
    async def body(cluster: Cluster) -> None:
        await family(cluster)
        await delete(cluster, "grandmother", "Orphan")
        assert await left(cluster) == ["child", "mother"]
        mother = await cluster.client.get(core_v1.ConfigMap, "default", "mother")
        assert mother.metadata.ownerReferences == ()

    run(body, ONLY)


def test_one_owner_is_enough_to_stay() -> None:
    async def body(cluster: Cluster) -> None:
        first, second = [await cluster.client.create(config_map(name)) for name in ("first", "second")]
        await cluster.client.create(config_map("child", first, second))
        await delete(cluster, "first")
        assert await left(cluster) == ["child", "second"]
        child = await cluster.client.get(core_v1.ConfigMap, "default", "child")
        assert [owner.name for owner in child.metadata.ownerReferences] == ["second"]
        await delete(cluster, "second")
        assert await left(cluster) == []

    run(body, ONLY)


def test_an_owner_of_another_time_is_no_owner() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(config_map("owner"))
        stranger = config_map("child", owner)
        stranger.metadata.ownerReferences[0].uid = "of-an-owner-long-ago"
        await cluster.client.create(stranger)
        await cluster.settle()
        assert await left(cluster) == ["owner"]

    run(body, ONLY)


def test_nothing_is_done_about_owners_of_kinds_that_are_not_known() -> None:
    async def body(cluster: Cluster) -> None:
        child = config_map("child", await cluster.client.create(config_map("owner")))
        child.metadata.ownerReferences[0].kind = "Unheard"
        await cluster.client.create(child)
        await cluster.settle()
        assert await left(cluster) == ["child", "owner"]

    run(body, ONLY)


def test_foreground_waits_for_what_blocks_and_for_nothing_else() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(config_map("owner"))
        held = config_map("held", owner)
        held.metadata.finalizers = ("example.com/hold",)
        await cluster.client.create(held)
        loose = config_map("loose", owner, block=False)
        loose.metadata.finalizers = ("example.com/hold",)
        await cluster.client.create(loose)
        await delete(cluster, "owner", "Foreground")
        assert await left(cluster) == ["held", "loose", "owner"]
        for one in await cluster.client.list(core_v1.ConfigMap, "default"):
            assert one.metadata.deletionTimestamp is not None
        released = codec.copy(await cluster.client.get(core_v1.ConfigMap, "default", "held"))
        released.metadata.finalizers = ()
        await cluster.client.update(released)
        await cluster.settle()
        assert await left(cluster) == ["loose"]

    run(body, ONLY)


def test_owners_that_wait_for_each_other_both_go() -> None:
    async def body(cluster: Cluster) -> None:
        first = await cluster.client.create(config_map("first"))
        second = await cluster.client.create(config_map("second", first))
        turned = codec.copy(first)
        turned.metadata.ownerReferences = config_map("x", second).metadata.ownerReferences
        await cluster.client.update(turned)
        await cluster.settle()
        await delete(cluster, "first", "Foreground")
        assert await left(cluster) == []

    run(body, ONLY)


def test_an_object_without_namespace_cannot_belong_to_one_with() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(config_map("owner"))
        node = core_v1.Node(
            metadata=meta_v1.ObjectMeta(name="n1", ownerReferences=config_map("x", owner).metadata.ownerReferences)
        )
        await cluster.client.create(node)
        await delete(cluster, "owner")
        assert (await cluster.client.get(core_v1.Node, "", "n1")).metadata.deletionTimestamp is None

    run(body, ONLY)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_a_deployment_takes_its_thousand_pods_along(policy: str) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(deployment(1000))
        await cluster.settle()
        assert len(await cluster.pods()) == 1000
        await cluster.client.delete(
            apps_v1.Deployment, "default", "web", meta_v1.DeleteOptions(propagationPolicy=policy)
        )
        await cluster.settle()
        assert await cluster.pods() == []
        assert await cluster.client.list(apps_v1.ReplicaSet, "default") == []
        with pytest.raises(errors.NotFound):
            await cluster.client.get(apps_v1.Deployment, "default", "web")

    run(body, ALL)


def test_what_was_lost_while_nobody_looked_is_found_at_the_start() -> None:
    async def body(cluster: Cluster) -> None:
        await family(cluster)
        await cluster.stop()
        await cluster.client.delete(core_v1.ConfigMap, "default", "grandmother")
        await cluster.start(ONLY)
        assert await left(cluster) == []

    run(body, ONLY)
