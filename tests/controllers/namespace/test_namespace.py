"""Namespaces: what is in every one of them, and how they end."""

from __future__ import annotations

import pytest

from podium.controllers.namespace import decide
from podium.machinery import errors
from podium.models import apps_v1, codec, conditions, core_v1, meta_v1
from tests.controllers.build import NOW
from tests.controllers.cluster import Cluster, deployment, run

ALL = ("deployment", "replicaset", "namespace", "serviceaccount", "root-ca-certificate-publisher", "garbagecollector")


async def team(cluster: Cluster) -> core_v1.Namespace:
    created = await cluster.client.create(core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="team")))
    await cluster.settle()
    return created


async def get(cluster: Cluster) -> core_v1.Namespace:
    return await cluster.client.get(core_v1.Namespace, "", "team")


def test_conditions_say_what_is_left() -> None:
    remaining = decide.Remaining({"pods.": 2, "deployments.apps": 1}, {"example.com/x": 2}, ["no luck"])
    status = decide.status(core_v1.Namespace(), remaining, NOW)
    found = {one.type: (one.status, one.reason, one.message) for one in status.conditions}
    assert status.phase == "Terminating"
    assert found["NamespaceDeletionDiscoveryFailure"][:2] == ("False", "ResourcesDiscovered")
    assert found["NamespaceDeletionContentFailure"] == (
        "True",
        "ContentDeletionFailed",
        "Failed to delete all resource types, 1 remaining: no luck",
    )
    assert found["NamespaceContentRemaining"] == (
        "True",
        "SomeResourcesRemain",
        "Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances",
    )
    assert found["NamespaceFinalizersRemaining"] == (
        "True",
        "SomeFinalizersRemain",
        "Some finalizers are remaining: example.com/x in 2 resource instances",
    )
    clean = decide.status(core_v1.Namespace(status=status), decide.Remaining(), NOW)
    assert {one.status for one in clean.conditions} == {"False"}


def test_every_namespace_has_a_service_account_and_the_ca() -> None:
    async def body(cluster: Cluster) -> None:
        await team(cluster)
        for namespace in ("default", "team"):
            await cluster.client.get(core_v1.ServiceAccount, namespace, "default")
            published = await cluster.client.get(core_v1.ConfigMap, namespace, "kube-root-ca.crt")
            assert published.data == {"ca.crt": "PEM"}
        await cluster.client.delete(core_v1.ServiceAccount, "team", "default")
        await cluster.client.delete(core_v1.ConfigMap, "team", "kube-root-ca.crt")
        spoilt = codec.copy(await cluster.client.get(core_v1.ConfigMap, "default", "kube-root-ca.crt"))
        spoilt.data = {"ca.crt": "forged"}
        await cluster.client.update(spoilt)
        await cluster.settle()
        await cluster.client.get(core_v1.ServiceAccount, "team", "default")
        for namespace in ("default", "team"):
            published = await cluster.client.get(core_v1.ConfigMap, namespace, "kube-root-ca.crt")
            assert published.data == {"ca.crt": "PEM"}

    run(body, ALL, root_ca="PEM")


def test_a_namespace_ends_with_all_that_is_in_it() -> None:
    async def body(cluster: Cluster) -> None:
        await team(cluster)
        there = deployment(3)
        there.metadata.namespace = "team"
        await cluster.client.create(there)
        await cluster.settle()
        assert len(await cluster.pods("team")) == 3
        await cluster.client.delete(core_v1.Namespace, "", "team")
        await cluster.advance(30)
        with pytest.raises(errors.NotFound):
            await get(cluster)
        assert await cluster.pods("team") == []
        for model in (apps_v1.Deployment, apps_v1.ReplicaSet, core_v1.ServiceAccount, core_v1.ConfigMap):
            assert await cluster.client.list(model, "team") == []
        assert await cluster.client.get(core_v1.ServiceAccount, "default", "default")

    run(body, ALL, root_ca="PEM")


def test_pods_go_first_and_what_holds_the_rest_is_said() -> None:
    async def body(cluster: Cluster) -> None:
        await team(cluster)
        for name in ("held", "plain"):
            metadata = meta_v1.ObjectMeta(name=name, namespace="team")
            metadata.finalizers = ("example.com/hold",) if name == "held" else ()
            await cluster.client.create(core_v1.ConfigMap(metadata=metadata))
        metadata = meta_v1.ObjectMeta(name="pod", namespace="team", finalizers=("example.com/hold",))
        spec = deployment(1).spec.template.spec
        await cluster.client.create(core_v1.Pod(metadata=metadata, spec=spec))
        await cluster.client.delete(core_v1.Namespace, "", "team")
        await cluster.advance(5)
        assert len(await cluster.client.list(core_v1.ConfigMap, "team")) == 2
        content = conditions.get((await get(cluster)).status.conditions, "NamespaceContentRemaining")
        assert content is not None
        assert content.message == "Some resources are remaining: pods. has 1 resource instances"
        held: tuple[tuple[type[core_v1.Pod] | type[core_v1.ConfigMap], str], ...] = (
            (core_v1.Pod, "pod"),
            (core_v1.ConfigMap, "held"),
        )
        for model, name in held:
            released = codec.copy(await cluster.client.get(model, "team", name))
            released.metadata.finalizers = ()
            await cluster.client.update(released)
            await cluster.settle()
        await cluster.advance(20)
        with pytest.raises(errors.NotFound):
            await get(cluster)

    run(body, ALL)


def test_one_that_was_created_anew_keeps_what_is_in_it() -> None:
    """The cache still shows the one before, which is gone, as going."""

    async def body(cluster: Cluster) -> None:
        await team(cluster)
        metadata = meta_v1.ObjectMeta(name="pod", namespace="team", finalizers=("example.com/hold",))
        spec = deployment(1).spec.template.spec
        await cluster.client.create(core_v1.Pod(metadata=metadata, spec=spec))
        await cluster.client.delete(core_v1.Namespace, "", "team")
        await cluster.advance(5)
        cluster.transport.hold("namespaces")
        pod = codec.copy(await cluster.client.get(core_v1.Pod, "team", "pod"))
        pod.metadata.finalizers = ()
        await cluster.client.update(pod)
        await cluster.settle()
        await team(cluster)
        await cluster.client.create(core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="new", namespace="team")))
        await cluster.advance(60)
        assert await cluster.client.get(core_v1.ConfigMap, "team", "new")
        cluster.transport.let_go("namespaces")
        await cluster.advance(60)
        assert await cluster.client.get(core_v1.ConfigMap, "team", "new")
        assert (await get(cluster)).metadata.deletionTimestamp is None

    run(body, ALL)
