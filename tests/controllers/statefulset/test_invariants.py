"""What must hold for a StatefulSet at every moment, checked under seeded random progress.

Pods fail, are deleted and lost with their nodes, the controller hears of it late, dies, and some of its writes fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random

import pytest

from podium.controllers.pods import is_active, is_ready
from podium.controllers.statefulset import identity, rolling
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.statefulset.build import stateful_set

ONLY = ("statefulset",)
NODES = ["n1", "n2", "n3"]


def is_up(pod: core_v1.Pod) -> bool:
    return is_active(pod) and is_ready(pod)


class Watcher:
    """Notes, with every change of a Pod, what breaks a promise.

    An ordinal is down by the controller's doing from when it deletes its available Pod until one is available again.
    """

    def __init__(self, cluster: Cluster, limit: int, ordered: bool) -> None:
        self.cluster = cluster
        self.limit, self.ordered = limit, ordered
        self.broken: list[str] = []
        self.scaled = False
        """The test changes how many there are to be: Pods may go."""
        self._own_doing = False
        self._excused: set[int] = set()
        self._down: set[int] = set()
        self._pods: dict[int, dict[str, core_v1.Pod]] = {}
        cluster.truth.of(core_v1.Pod).on_change(self._changed)

    @contextmanager
    def own_doing(self) -> Iterator[None]:
        self._own_doing = True
        yield
        self._own_doing = False

    def _changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        pod = new or old
        assert pod is not None
        ordinal = identity.ordinal_of(pod)
        there = self._pods.setdefault(ordinal, {})
        if new is not None:
            there[new.metadata.uid] = new
        else:
            there.pop(pod.metadata.uid, None)
        running = {uid for uid, one in self.cluster.running.items() if identity.ordinal_of(one) == ordinal}
        if running - there.keys():
            self.broken.append(f"ordinal {ordinal} may have a successor although its Pod still runs")
        if len(there) > 1:
            self.broken.append(f"{len(there)} Pods of ordinal {ordinal}")
        if self._own_doing:
            self._excused.add(ordinal)
        if new is not None and is_up(new):
            self._excused.discard(ordinal)
            self._down.discard(ordinal)
        elif old is not None and is_up(old) and ordinal not in self._excused and not self.scaled:
            self._down.add(ordinal)
        if len(self._down) > self.limit:
            self.broken.append(f"{sorted(self._down)} are down, more than {self.limit}")
        if old is None and self.ordered and not self.scaled:
            missing = [one for one in range(ordinal) if one not in self._excused and not self._is_up(one)]
            if missing:
                self.broken.append(f"{ordinal} was created although {missing} aren't ready")

    def _is_up(self, ordinal: int) -> bool:
        return any(map(is_up, self._pods.get(ordinal, {}).values()))


async def step(cluster: Cluster, chance: Random) -> bool:
    """One Pod gets one step on; whether there was any to do so."""
    todo = [pod for pod in await cluster.pods() if pod.metadata.deletionTimestamp or pod.status.phase == "Pending"]
    if not todo:
        return False
    pod = chance.choice(todo)
    with suppress(errors.NotFound):  # the controller was quicker
        if pod.metadata.deletionTimestamp is not None:
            await cluster.remove_pod(pod)
        elif not pod.spec.nodeName:
            await cluster.bind(pod, chance.choice(NODES))
        else:
            await cluster.set_pod(pod)
    if chance.random() < 0.7:
        await cluster.clock.advance(0.2)
    return True


async def finish(cluster: Cluster, chance: Random) -> None:
    while await step(cluster, chance):
        pass
    await cluster.advance(30)
    if await step(cluster, chance):
        await finish(cluster, chance)


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
