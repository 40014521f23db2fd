"""What must hold for a StatefulSet at every moment, checked under seeded random progress.

Pods fail, are deleted and lost with their nodes, the controller hears of it late, dies, and some of its writes fail.
"""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from podium.controllers.statefulset import identity, rolling
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.progress import NODES, Places, finish, is_up, step
from tests.controllers.statefulset.build import stateful_set

ONLY = ("statefulset",)


class Watcher(Places[int]):
    """Of ordinals."""

    def __init__(self, cluster: Cluster, limit: int, ordered: bool) -> None:
        super().__init__(cluster, limit)
        self.running, self.ordered = cluster.running, ordered
        self.scaled = False
        """The test changes how many there are to be."""

    def place_of(self, pod: core_v1.Pod) -> int:
        return identity.ordinal_of(pod)

    def may_go(self, place: int) -> bool:
        return self.scaled

    def check(self, place: int, *, created: bool) -> None:
        there = self.pods[place]
        running = {uid for uid, one in self.running.items() if identity.ordinal_of(one) == place}
        if running - there.keys():
            self.broken.append(f"ordinal {place} may have a successor although its Pod still runs")
        if len(there) > 1:
            self.broken.append(f"{len(there)} Pods of ordinal {place}")
        if created and self.ordered and not self.scaled:
            missing = [one for one in range(place) if one not in self.excused and not self.is_up(one)]
            if missing:
                self.broken.append(f"{place} was created although {missing} aren't ready")


async def change(cluster: Cluster, image: str = "", replicas: int | None = None) -> apps_v1.StatefulSet:
    changed = codec.copy(await cluster.client.get(apps_v1.StatefulSet, "default", "db"))
    changed.metadata.resourceVersion = ""
    if image:
        container = changed.spec.template.spec.containers[0]
        container.image = image
    if replicas is not None:
        changed.spec.replicas = replicas
    return await cluster.client.update(changed)


async def meddle(cluster: Cluster, chance: Random) -> None:
    pods = [pod for pod in await cluster.pods() if pod.metadata.deletionTimestamp is None and pod.spec.nodeName]
    if not pods:
        return
    pod = chance.choice(pods)
    deed = chance.choice(["end", "delete", "remove", "lose node"])
    with suppress(errors.NotFound):
        if deed == "end":
            await cluster.set_pod(pod, chance.choice(["Failed", "Succeeded"]), ready=False)
        elif deed == "delete":
            await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)
        elif deed == "remove":
            await cluster.remove_pod(pod)
        else:
            await cluster.lose_node(chance.choice(NODES))


async def assert_settled(cluster: Cluster, image: str, replicas: int) -> None:
    current = await cluster.client.get(apps_v1.StatefulSet, "default", "db")
    pods = sorted(await cluster.pods(), key=identity.ordinal_of)
    first = identity.start(current)
    assert [identity.ordinal_of(pod) for pod in pods] == list(range(first, first + replicas))
    assert all(map(is_up, pods))
    updated = pods[rolling.partition(current) :]
    assert {pod.spec.containers[0].image for pod in updated} <= {image}
    status = current.status
    counts = (status.replicas, status.readyReplicas or 0, status.availableReplicas or 0)
    assert counts == (replicas,) * 3
    assert (status.updatedReplicas or 0) >= len(updated)
    if not rolling.partition(current):
        assert status.currentRevision == status.updateRevision
    assert status.observedGeneration == current.metadata.generation


def random_set(chance: Random) -> apps_v1.StatefulSet:
    made = stateful_set(
        chance.randint(1, 6),
        parallel=chance.random() < 0.5,
        unavailable=chance.choice([None, None, 1, 2, "50%"]),
        partition=chance.choice([None, 0, 0, 1, 2]),
    )
    made.metadata.uid = ""
    return made


@pytest.mark.parametrize("seed", range(24))
def test_a_rolling_update_keeps_what_it_promises(seed: int) -> None:
    """Three updates, perhaps before the one before is done; Pods fail and are deleted; perhaps the controller dies."""

    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        created = await cluster.client.create(random_set(chance))
        ordered = created.spec.podManagementPolicy == "OrderedReady"
        replicas = created.spec.replicas or 0
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        watcher = Watcher(cluster, rolling.max_unavailable(created), ordered)
        await cluster.settle()
        await finish(cluster, chance)
        for image in ("db:2", "db:3", "db:4"):
            await change(cluster, image)
            await cluster.clock.advance(chance.choice([0, 0.001, 0.2]))
            for _ in range(chance.randint(0, 20)):
                if chance.random() < 0.1:
                    with watcher.own_doing():
                        await meddle(cluster, chance)
                await step(cluster, chance)
            if chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(ONLY)
            assert watcher.broken == []
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_settled(cluster, "db:4", replicas)
        await cluster.assert_nothing_is_written()

    run(body, ONLY, seed=seed, late=0.1 * (seed % 2))


@pytest.mark.parametrize("seed", range(20))
def test_scaling_and_failures_in_the_middle_end_well(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(700 + seed)
        made = random_set(chance)
        made.spec.updateStrategy.rollingUpdate = None
        await cluster.client.create(made)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        watcher = Watcher(cluster, 1, ordered=False)
        watcher.scaled = True
        image, replicas = "db:1", made.spec.replicas or 0
        for number in range(40):
            await cluster.clock.advance(0.2)
            deed = chance.choice(["step"] * 6 + ["fail", "scale", "image", "die"])
            if deed == "step":
                await step(cluster, chance)
            elif deed == "fail":
                await meddle(cluster, chance)
            elif deed == "scale":
                replicas = chance.randint(0, 6)
                await change(cluster, replicas=replicas)
            elif deed == "image":
                image = f"db:{number}"
                await change(cluster, image)
            elif chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(ONLY)
            assert watcher.broken == []
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_settled(cluster, image, replicas)
        await cluster.assert_nothing_is_written()

    run(body, ONLY, seed=seed, late=0.1 * (seed % 2))
