"""What must hold at every moment, whatever happens in which order: checked under seeded random progress."""

from __future__ import annotations

from random import Random

import pytest

from podium.controllers.deployment import limits
from podium.controllers.pods import is_active, is_ready
from podium.models import apps_v1, codec, core_v1
from tests.controllers.cluster import Cluster, deployment, run, template
from tests.controllers.progress import finish, step


class Watcher:
    """Counts Pods with every single change of one, and notes what breaks a promise."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.most = 10_000
        self.least = 0
        self.wanted = 10_000
        self.excused: list[float] = []
        """When the test broke Pods, since all were available for a while: they needn't be there again yet."""
        self._all_since: float | None = None
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
        now = self._cluster.clock.elapsed
        if self._all_since is not None and self._all_since < now - 1:
            self.excused = [when for when in self.excused if when > now - 1]
        if available + len(self.excused) < self.least:
            self.broken.append(f"{available} available, {len(self.excused)} broken, fewer than {self.least}")
        if available < self.wanted:
            self._all_since = None
        elif self._all_since is None:
            self._all_since = now


async def current(cluster: Cluster) -> apps_v1.Deployment:
    return codec.copy(await cluster.client.get(apps_v1.Deployment, "default", "web"))


async def break_some(cluster: Cluster, chance: Random, watcher: Watcher) -> None:
    """A Pod fails or is deleted, or a node is lost."""
    up = [pod for pod in await cluster.pods() if is_active(pod) and pod.spec.nodeName]
    if not up:
        return
    pod = chance.choice(up)
    deed = chance.choice(["fail", "delete", "remove", "lose node"])
    lost = [one for one in up if one.spec.nodeName == pod.spec.nodeName] if deed == "lose node" else [pod]
    watcher.excused += [cluster.clock.elapsed] * len(lost)
    if deed == "fail":
        await cluster.set_pod(pod, "Failed", ready=False)
    elif deed == "delete":
        await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)
    elif deed == "remove":
        await cluster.remove_pod(pod)
    else:
        await cluster.lose_node(pod.spec.nodeName)


async def assert_rolled_out(cluster: Cluster, image: str) -> None:
    pods = [pod for pod in await cluster.pods() if is_active(pod)]
    rolled = await current(cluster)
    assert len(pods) == rolled.spec.replicas
    assert {pod.spec.containers[0].image for pod in pods} <= {image}
    status = rolled.status
    assert (status.updatedReplicas or 0, status.availableReplicas or 0) == (len(pods), len(pods))
    assert status.observedGeneration == rolled.metadata.generation
    progressing = [condition.reason for condition in status.conditions if condition.type == "Progressing"]
    assert progressing == ["NewReplicaSetAvailable"]


def random_deployment(chance: Random) -> apps_v1.Deployment:
    surges: list[int | str] = [0, 1, 2, "25%", "50%", "100%"]
    surge = chance.choice(surges)
    some: list[int | str] = [1, 2, "25%", "40%"]
    unavailable = chance.choice(some if surge == 0 else [0, *some])
    return deployment(chance.randint(1, 9), surge=surge, unavailable=unavailable)


UNTROUBLED = 15


@pytest.mark.parametrize("seed", range(30))
def test_a_rolling_update_keeps_what_it_promises(seed: int) -> None:
    """Three updates, the second and third perhaps in the middle of the one before; perhaps the controllers die once.

    Half of the seeds break Pods meanwhile."""

    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        watcher = Watcher(cluster)
        created = await cluster.client.create(random_deployment(chance))
        await cluster.settle()
        await finish(cluster, chance)
        watcher.most, watcher.least = limits.max_total(created), limits.min_available(created)
        watcher.wanted = created.spec.replicas or 0
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        for image in ("web:2", "web:3", "web:4"):
            changed = await current(cluster)
            changed.spec.template = template(image)
            await cluster.client.update(changed)
            await cluster.clock.advance(chance.choice([0, 0.001, 0.2]))
            for _ in range(chance.randint(0, 12)):
                if seed >= UNTROUBLED and chance.random() < 0.2:
                    await break_some(cluster, chance, watcher)
                await step(cluster, chance)
            if chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(("deployment", "replicaset"))
            assert watcher.broken == []
        cluster.transport.failing = 0
        await finish(cluster, chance)
        assert watcher.broken == []
        await assert_rolled_out(cluster, "web:4")
        await cluster.assert_nothing_is_written()

    run(body, seed=seed, late=0.1 * (seed % 2))


@pytest.mark.parametrize("seed", range(12))
def test_failures_and_scaling_in_the_middle_end_well(seed: int) -> None:
    """Pods are deleted and fail, the Deployment is scaled, paused and resumed: in the end it is as it should be."""

    async def body(cluster: Cluster) -> None:
        chance = Random(1000 + seed)
        made = await cluster.client.create(random_deployment(chance))
        watcher = Watcher(cluster)
        watcher.most = limits.max_total(made)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        image = "web:1"
        for number in range(30):
            await cluster.clock.advance(0.2)
            deed = chance.choice(["step"] * 6 + ["break", "break", "scale", "image", "pause"])
            changed = await current(cluster)
            if deed == "step":
                await step(cluster, chance)
            elif deed == "break":
                await break_some(cluster, chance, watcher)
            elif deed == "scale":
                changed.spec.replicas = chance.randint(0, 9)
                watcher.most = max(watcher.most, limits.max_total(changed))
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
        cluster.transport.failing = 0
        await finish(cluster, chance)
        finished = [pod for pod in await cluster.pods() if pod.status.phase == "Failed"]
        for pod in finished:
            await cluster.remove_pod(pod)
        await cluster.settle()
        await assert_rolled_out(cluster, image)
        assert watcher.broken == []
        await cluster.assert_nothing_is_written()

    run(body, seed=seed, late=0.1 * (seed % 2))
