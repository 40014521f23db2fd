"""What must hold for a DaemonSet at every moment, checked under seeded random progress."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from podium.controllers.daemonset.decide import limits
from podium.controllers.daemonset.pods import target_node
from podium.controllers.pods import is_active
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.daemonset.build import daemon_set, node
from tests.controllers.progress import Places, is_up, step

ONLY = ("daemonset",)
SOME: list[int | str] = [1, 2, "50%"]
FEW: list[int | str] = [1, 2, "30%"]
WANTED = {"logs": "yes"}
TAINT = core_v1.Taint(key="full", effect="NoSchedule")


class Watcher(Places[str]):
    """Of nodes."""

    def __init__(self, cluster: Cluster, limit: int, surging: bool) -> None:
        super().__init__(cluster, limit)
        self.surging = surging
        self.meddled: set[str] = set()
        """Nodes where the test changed what should run there."""

    def place_of(self, pod: core_v1.Pod) -> str:
        return target_node(pod)

    def may_go(self, place: str) -> bool:
        return place in self.meddled

    def check(self, place: str, *, created: bool) -> None:
        active = [pod for pod in self.pods[place].values() if is_active(pod)]
        if len(active) > 1 + self.surging:
            self.broken.append(f"{place} has {len(active)} Pods")


async def create_node(cluster: Cluster, name: str, labels: dict[str, str]) -> None:
    """A node that is ready: admission taints every new one until its agent has reported."""
    created = codec.copy(await cluster.client.create(node(name, labels)))
    created.spec.taints = ()
    await cluster.client.update(created)


async def finish(cluster: Cluster, chance: Random) -> None:
    cluster.transport.failing = 0
    while await step(cluster, chance, target_node):
        pass
    nodes = {one.metadata.name for one in await cluster.client.list(core_v1.Node)}
    for pod in await cluster.pods():
        if pod.spec.nodeName and pod.spec.nodeName not in nodes:
            await cluster.remove_pod(pod)  # as the garbage collector of Pods does
    await cluster.advance(1000)  # back-off of failed Pods
    if await step(cluster, chance, target_node):
        await finish(cluster, chance)


async def change_set(cluster: Cluster, image: str) -> None:
    changed = codec.copy(await cluster.client.get(apps_v1.DaemonSet, "default", "logs"))
    container = changed.spec.template.spec.containers[0]
    container.image = image
    changed.metadata.resourceVersion = ""
    await cluster.client.update(changed)


async def change_node(cluster: Cluster, chance: Random, watcher: Watcher) -> None:
    nodes = await cluster.client.list(core_v1.Node)
    deed = chance.choice(["label", "label", "taint", "remove", "add"])
    name = chance.choice([one.metadata.name for one in nodes]) if nodes else "n0"
    watcher.meddled.add(name)
    if deed == "add":
        fresh = f"m{chance.randint(0, 99)}"
        watcher.meddled.add(fresh)
        try:
            await create_node(cluster, fresh, WANTED)
        except errors.AlreadyExists:
            return
    elif deed == "remove" and len(nodes) > 3:
        await cluster.client.delete(core_v1.Node, "", name)
        for pod in await cluster.pods():
            if pod.spec.nodeName == name:
                await cluster.remove_pod(pod)  # as the garbage collector of Pods does
    else:
        changed = codec.copy(await cluster.client.get(core_v1.Node, "", name))
        if deed == "label":
            wanted = {} if "logs" in changed.metadata.labels else WANTED
            labels = {key: value for key, value in changed.metadata.labels.items() if key != "logs"}
            changed.metadata.labels = {**labels, **wanted}
        else:
            changed.spec.taints = () if changed.spec.taints else (TAINT,)
        await cluster.client.update(changed)


async def assert_settled(cluster: Cluster, image: str) -> None:
    nodes = await cluster.client.list(core_v1.Node)
    wanted = {one.metadata.name for one in nodes if one.metadata.labels.get("logs") == "yes" and not one.spec.taints}
    kept = {one.metadata.name for one in nodes if one.metadata.labels.get("logs") == "yes" and one.spec.taints}
    pods = await cluster.pods()
    assert all(is_up(pod) for pod in pods)
    where = [pod.spec.nodeName for pod in pods]
    assert sorted(where) == sorted(set(where))
    assert wanted <= set(where) <= wanted | kept
    assert {pod.spec.containers[0].image for pod in pods if pod.spec.nodeName in wanted} <= {image}
    current = await cluster.client.get(apps_v1.DaemonSet, "default", "logs")
    status = current.status
    assert status.observedGeneration == current.metadata.generation
    counts = (status.desiredNumberScheduled, status.currentNumberScheduled, status.numberReady)
    assert counts == (len(wanted),) * 3
    assert (status.updatedNumberScheduled or 0, status.numberAvailable or 0) == (len(wanted), len(wanted))
    assert (status.numberUnavailable, status.numberMisscheduled) == (None, len(set(where) - wanted))


def random_set(chance: Random, surging: bool) -> apps_v1.DaemonSet:
    if surging:
        made = daemon_set(surge=chance.choice(SOME), unavailable=0, selector=WANTED)
    else:
        made = daemon_set(unavailable=chance.choice(FEW), surge=0, selector=WANTED)
    made.metadata.uid = ""
    return made


@pytest.mark.parametrize("surging", [False, True])
@pytest.mark.parametrize("seed", range(16))
def test_a_rolling_update_keeps_what_it_promises(seed: int, surging: bool) -> None:
    """Three updates, perhaps before the one before is done; Pods fail and are deleted; perhaps the controller dies."""

    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        size = chance.randint(1, 8)
        for number in range(size):
            await create_node(cluster, f"n{number}", WANTED)
        created = await cluster.client.create(random_set(chance, surging))
        limit = 0 if surging else limits(created, size)[1]
        watcher = Watcher(cluster, limit, surging)
        await cluster.settle()
        await finish(cluster, chance)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        for image in ("logs:2", "logs:3", "logs:4"):
            await change_set(cluster, image)
            await cluster.clock.advance(chance.choice([0, 0.001, 0.2]))
            for _ in range(chance.randint(0, 25)):
                if chance.random() < 0.1 and (pods := await cluster.pods()):
                    with watcher.own_doing():
                        await meddle(cluster, chance, chance.choice(pods))
                await step(cluster, chance, target_node)
            if chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(ONLY)
            assert watcher.broken == []
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_settled(cluster, "logs:4")
        assert len(await cluster.pods()) == size
        await cluster.assert_nothing_is_written()

    run(body, ONLY, seed=seed, late=0.1 * (seed % 2))


async def meddle(cluster: Cluster, chance: Random, pod: core_v1.Pod) -> None:
    if pod.metadata.deletionTimestamp is not None:
        return
    with suppress(errors.Conflict, errors.NotFound):
        if chance.random() < 0.5:
            await cluster.set_pod(pod, "Failed", ready=False)
        else:
            await cluster.remove_pod(pod)


@pytest.mark.parametrize("seed", range(16))
def test_nodes_that_come_and_go_end_well(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(500 + seed)
        for number in range(6):
            await create_node(cluster, f"n{number}", WANTED if number % 2 else {})
        surging = bool(seed % 3 == 0)
        created = await cluster.client.create(random_set(chance, surging))
        watcher = Watcher(cluster, 0 if surging else limits(created, 9)[1], surging)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        image = "logs:1"
        for number in range(40):
            await cluster.clock.advance(0.2)
            deed = chance.choice(["step"] * 6 + ["node", "node", "fail", "image", "die"])
            if deed == "step":
                await step(cluster, chance, target_node)
            elif deed == "node":
                with watcher.own_doing():
                    await change_node(cluster, chance, watcher)
            elif deed == "fail" and (pods := await cluster.pods()):
                with watcher.own_doing():
                    await meddle(cluster, chance, chance.choice(pods))
            elif deed == "image":
                image = f"logs:{number}"
                await change_set(cluster, image)
            elif deed == "die" and chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(ONLY)
            assert watcher.broken == []
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_settled(cluster, image)
        await cluster.assert_nothing_is_written()

    run(body, ONLY, seed=seed, late=0.1 * (seed % 2))
