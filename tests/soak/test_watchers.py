"""The checks of the soak: what they forgive, and what they don't."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from podium.clock import VirtualClock, VirtualLoop
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from tests.controllers.cluster import deployment, replica_set, template
from tests.soak.watchers import Watchers
from tests.soak.world import World

LABELS = {"app": "web"}


class Stage:
    """A cluster in which nothing runs: the test does what controllers, agents and users do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.client
        self.watchers = Watchers(world)

    async def daemons(self) -> None:
        """A DaemonSet with a ready Pod on each node."""
        spec = apps_v1.DaemonSetSpec(selector=meta_v1.LabelSelector(matchLabels=LABELS), template=template())
        metadata = meta_v1.ObjectMeta(name="web", namespace="default")
        owner = await self.client.create(apps_v1.DaemonSet(metadata=metadata, spec=spec))
        for node in self.world.nodes:
            await self.client.create(core_v1.Node(metadata=meta_v1.ObjectMeta(name=node)))
            await self.client.patch(core_v1.Node, "", node, {"spec": {"taints": None}})  # it is new, not broken
            given = codec.copy(template())
            given.spec.nodeName = node
            reference = owners.new_controller_ref(owner)
            metadata = meta_v1.ObjectMeta(
                name=f"web-{node}", namespace="default", labels=LABELS, ownerReferences=(reference,)
            )
            pod = codec.copy(await self.client.create(core_v1.Pod(metadata=metadata, spec=given.spec)))
            pod.status.phase = "Running"
            pod.status.conditions = (core_v1.PodCondition(type="Ready", status="True"),)
            await self.client.update_status(pod)
        await self.world.clock.sleep(100)

    async def rollout(self) -> None:
        """A Deployment of 4, one of which may be surplus: 4 Pods of the old template are there."""
        owner = await self.client.create(deployment(4, surge=1, unavailable=0))
        for name, replicas in (("old", 4), ("new", 0)):
            given = replica_set(replicas, name)
            given.metadata.ownerReferences = (owners.new_controller_ref(owner),)
            created = codec.copy(await self.client.create(given))
            created.status.replicas = replicas
            await self.client.update_status(created)
        await self.world.clock.sleep(100)

    async def size(self, name: str, *, wanted: int | None = None, there: int | None = None) -> None:
        found = codec.copy(await self.client.get(apps_v1.ReplicaSet, "default", name))
        if wanted is not None:
            found.spec.replicas = wanted
            await self.client.update(found)
        else:
            found.status.replicas = there or 0
            await self.client.update_status(found)

    async def take(self, node: str, *, by_user: bool = False, gone: bool = False) -> None:
        pod = await self.client.get(core_v1.Pod, "default", f"web-{node}")
        if by_user:
            self.watchers.mine.add(pod.metadata.uid)
        await self.client.delete(core_v1.Pod, "default", pod.metadata.name)
        if gone:
            options = meta_v1.DeleteOptions(gracePeriodSeconds=0)
            await self.client.delete(core_v1.Pod, "default", pod.metadata.name, options)


def told(tmp_path: Path, scene: Callable[[Stage], Awaitable[None]]) -> list[str]:
    """What the watchers have to say about a scene."""
    clock = VirtualClock()
    loop = VirtualLoop(clock)
    world = World(0, clock, tmp_path, nodes=3, late=1.0)

    async def body() -> list[str]:
        await world.registry.start()
        metadata = meta_v1.ObjectMeta(name="default", namespace="default")
        await world.client.create(core_v1.ServiceAccount(metadata=metadata))
        stage = Stage(world)
        await scene(stage)
        await world.registry.stop()
        return [text.split(": ", 1)[1] for text in stage.watchers.broken]

    try:
        return loop.run_until_complete(body())
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("by_user", "gone", "after", "is_told"),
    [
        pytest.param(True, False, 0, False, id="the controller needn't have heard that a user deleted another"),
        pytest.param(True, True, 0, False, id="not even if that one is gone by now"),
        pytest.param(True, True, 10, True, id="after a while, it must have"),
        pytest.param(False, False, 0, True, id="what it did itself it knows"),
        pytest.param(False, True, 0, True, id="and goes on knowing"),
    ],
)
def test_a_controller_may_take_a_pod_unless_it_knows_that_another_is_missing(
    tmp_path: Path, by_user: bool, gone: bool, after: float, is_told: bool
) -> None:
    async def scene(stage: Stage) -> None:
        await stage.daemons()
        await stage.take("node-1", by_user=by_user, gone=gone)
        await stage.world.clock.sleep(after)
        await stage.take("node-2")

    expected = "DaemonSet web took web-node-2: ['node-1', 'node-2'] are down"
    assert told(tmp_path, scene) == ([expected] if is_told else [])


def test_what_a_controller_did_it_needn_t_know_if_no_answer_came(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.daemons()
        now = stage.world.clock.elapsed
        stage.world.impaired.append((now - 1, now + 1))
        await stage.take("node-1")
        await stage.take("node-2")

    assert told(tmp_path, scene) == []


@pytest.mark.parametrize(
    ("seconds", "wanted", "is_told"),
    [
        pytest.param(0, 1, False, id="room for one more there always was"),
        pytest.param(10, 2, True, id="one of the old was told to go, and is still there"),
        pytest.param(None, 2, False, id="it has gone"),
    ],
)
def test_a_rollout_goes_on_when_old_pods_have_ended(
    tmp_path: Path, seconds: float | None, wanted: int, is_told: bool
) -> None:
    """`seconds`: since the old ReplicaSet was told to have one Pod fewer; None: it has one fewer."""

    async def scene(stage: Stage) -> None:
        await stage.rollout()
        await stage.size("old", wanted=3)
        if seconds is None:
            await stage.size("old", there=3)
        await stage.world.clock.sleep(seconds or 0)
        await stage.size("new", wanted=wanted)

    assert told(tmp_path, scene) == (["new is to have 2 Pods, room is for 1"] if is_told else [])
