"""Endpoints in the end show what there is, however late the controllers hear of it, and each Pod once."""

from __future__ import annotations

from random import Random

import pytest

from podium.models import codec, core_v1, meta_v1
from podium.models.discovery_v1 import EndpointSlice
from tests.controllers.cluster import Cluster, run, template

CONTROLLERS = ("endpoints", "endpointslice", "garbagecollector")


async def make_pod(cluster: Cluster, number: int) -> None:
    name = f"p{number}"
    pod = core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", labels={"app": "web"}), spec=template().spec
    )
    pod.spec.nodeName = "n1"
    made = codec.copy(await cluster.client.create(pod))
    made.status.podIP = f"10.0.{number // 250}.{number % 250 + 1}"
    made.status.podIPs = (core_v1.PodIP(ip=made.status.podIP),)
    await cluster.client.update_status(made)


async def change(cluster: Cluster, chance: Random) -> None:
    pods = await cluster.pods()
    if not pods:
        return
    pod = chance.choice(pods)
    kind = chance.random()
    if kind < 0.6:
        await cluster.set_pod(pod, ready=chance.random() < 0.7)
    elif kind < 0.8:
        label = chance.choice(("web", "other"))
        patch = {"metadata": {"labels": {"app": label}}}
        await cluster.client.patch(core_v1.Pod, "default", pod.metadata.name, patch, "merge")
    else:
        await cluster.remove_pod(pod)


@pytest.mark.parametrize("seed", range(6))
def test_they_show_what_there_is(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        await cluster.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name="n1")))
        spec = core_v1.ServiceSpec(selector={"app": "web"}, ports=(core_v1.ServicePort(port=80),))
        await cluster.client.create(
            core_v1.Service(metadata=meta_v1.ObjectMeta(name="web", namespace="default"), spec=spec)
        )
        for step in range(150):
            if chance.random() < 0.6:
                await make_pod(cluster, step)
            else:
                await change(cluster, chance)
            if chance.random() < 0.3:
                await cluster.advance(chance.random())
        await cluster.advance(120)

        members = [pod for pod in await cluster.pods() if pod.metadata.labels["app"] == "web"]
        ready = {pod.status.podIP for pod in members if any(c.status == "True" for c in pod.status.conditions)}
        slices = await cluster.client.list(EndpointSlice, "default", "kubernetes.io/service-name=web")
        shown = [endpoint for one in slices for endpoint in one.endpoints]
        assert sorted(one.addresses[0] for one in shown) == sorted(pod.status.podIP for pod in members)
        assert {one.addresses[0] for one in shown if one.conditions and one.conditions.ready} == ready
        (subset,) = (await cluster.client.get(core_v1.Endpoints, "default", "web")).subsets
        assert {address.ip for address in subset.addresses} == ready
        assert len(subset.addresses) + len(subset.notReadyAddresses) == len(members)

    run(body, CONTROLLERS, seed=seed, late=2)
