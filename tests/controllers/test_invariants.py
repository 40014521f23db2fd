"""What must hold at every moment, whatever happens in which order: checked under seeded random progress."""

from __future__ import annotations

from random import Random

import pytest

from podium.controllers.deployment import limits
from podium.controllers.pods import is_active, is_ready
from podium.models import apps_v1, codec, core_v1
from tests.controllers.cluster import Cluster, deployment, run, template


class Watcher:
    """Counts Pods with every single change of one, and notes what breaks a promise."""

    def __init__(self, cluster: Cluster) -> None:
        self.most = 10_000
        self.least = 0
        self.broken: list[str] = []
        self._pods: dict[str, core_v1.Pod] = {}
        cluster.truth.of(core_v1.Pod).on_change(self._changed)

    def _changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None:
            self._pods[new.metadata.uid] = new
        elif old is not None:
            del self._pods[old.metadata.uid]
        active = [pod for pod in self._pods.values() if is_active(pod)]
        available = sum(map(is_ready, active))
        if len(active) > self.most:
            self.broken.append(f"{len(active)} Pods, more than {self.most}")
        if available < self.least:
            self.broken.append(f"{available} available, fewer than {self.least}")


async def current(cluster: Cluster) -> apps_v1.Deployment:
    return codec.copy(await cluster.client.get(apps_v1.Deployment, "default", "web"))


async def step(cluster: Cluster, chance: Random) -> bool:
    """One Pod gets one step on; whether there was any to do so."""
    todo = [pod for pod in await cluster.pods() if pod.metadata.deletionTimestamp or not pod.status.conditions]
    if not todo:
        return False
    pod = chance.choice(todo)
    if pod.metadata.deletionTimestamp is not None:
        await cluster.remove_pod(pod)
    else:
        await cluster.set_pod(pod)
    if chance.random() < 0.7:  # otherwise the next step comes before this one was noticed
        await cluster.clock.advance(0.2)
    return True


async def finish(cluster: Cluster, chance: Random) -> None:
    while await step(cluster, chance):
        pass
    await cluster.settle()
    if await step(cluster, chance):
        await finish(cluster, chance)


async def assert_rolled_out(cluster: Cluster, image: str) -> None:
    pods = await cluster.pods()
    rolled = await current(cluster)
    assert len(pods) == rolled.spec.replicas
    assert {pod.spec.containers[0].image for pod in pods} <= {image}
    status = rolled.status
    assert (status.updatedReplicas or 0, status.availableReplicas or 0) == (len(pods), len(pods))
    assert status.observedGeneration == rolled.metadata.generation
    progressing = [condition.reason for condition in status.conditions if condition.type == "Progressing"]
    assert progressing == ["NewReplicaSetAvailable"]


def random_deployment(chance: Random) -> apps_v1.Deployment:
    surge = chance.choice([0, 1, 2, "25%", "50%", "100%"])
    unavailable = chance.choice([1, 2, "25%", "40%"] if surge == 0 else [0, 1, 2, "25%", "40%"])
    return deployment(chance.randint(1, 9), surge=surge, unavailable=unavailable)


@pytest.mark.parametrize("seed", range(30))
def test_a_rolling_update_keeps_what_it_promises(seed: int) -> None:
    """Three updates, the second and third perhaps in the middle of the one before; perhaps the controllers die once."""

    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        watcher = Watcher(cluster)
        created = await cluster.client.create(random_deployment(chance))
        await cluster.settle()
        await finish(cluster, chance)
        watcher.most, watcher.least = limits.max_total(created), limits.min_available(created)
        for image in ("web:2", "web:3", "web:4"):
            changed = await current(cluster)
            changed.spec.template = template(image)
            await cluster.client.update(changed)
            await cluster.clock.advance(chance.choice([0, 0.001, 0.2]))
            for _ in range(chance.randint(0, 12)):
                await step(cluster, chance)
            if chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(("deployment", "replicaset"))
            assert watcher.broken == []
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_rolled_out(cluster, "web:4")
        before = cluster.registry.revision
        await cluster.advance(3000)  # less than Events live
        assert cluster.registry.revision == before, "something writes although all is settled"

    run(body, seed=seed, late=0.1 * (seed % 2))


@pytest.mark.parametrize("seed", range(12))
def test_failures_and_scaling_in_the_middle_end_well(seed: int) -> None:
    """Pods are deleted and fail, the Deployment is scaled, paused and resumed: in the end it is as it should be."""

    async def body(cluster: Cluster) -> None:
        chance = Random(1000 + seed)
        await cluster.client.create(random_deployment(chance))
        image = "web:1"
        for number in range(30):
            await cluster.clock.advance(0.2)
            deed = chance.choice(["step"] * 6 + ["delete", "fail", "scale", "image", "pause"])
            changed = await current(cluster)
            pods = await cluster.pods()
            if deed == "step":
                await step(cluster, chance)
            elif deed == "delete" and pods:
                await cluster.remove_pod(chance.choice(pods))
            elif deed == "fail" and pods:
                await cluster.set_pod(chance.choice(pods), "Failed", ready=False)
            elif deed == "scale":
                changed.spec.replicas = chance.randint(0, 9)
                await cluster.client.update(changed)
            elif deed == "image":
                image = f"web:{number}"
                changed.spec.template = template(image)
                await cluster.client.update(changed)
            elif deed == "pause":
                changed.spec.paused = not changed.spec.paused
                await cluster.client.update(changed)
        changed = await current(cluster)
        changed.spec.paused = None
        await cluster.client.update(changed)
        await cluster.settle()
        await finish(cluster, chance)
        finished = [pod for pod in await cluster.pods() if pod.status.phase == "Failed"]
        for pod in finished:
            await cluster.remove_pod(pod)
        await cluster.settle()
        await assert_rolled_out(cluster, image)

    run(body, seed=seed, late=0.1 * (seed % 2))
