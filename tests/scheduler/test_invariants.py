"""Whatever happens around it, the scheduler keeps these promises. Seeded, so that a failure can be run again."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from podium.client.transport import Transport
from podium.machinery import errors
from podium.models import codec, core_v1
from podium.models.resources import ResourceType
from podium.scheduler.cache import Cache
from podium.scheduler.rules import pod_affinity
from podium.scheduler.schedule import cluster_checks, refusal

from .build import node
from .random_cluster import RandomCluster
from .test_schedule import snapshot
from .world import World

STEPS = 60


class Watching:
    """A transport that fails some bindings, before or after they happened, and looks at each that happens."""

    def __init__(self, inner: Transport, rng: Random) -> None:
        self._inner = inner
        self._rng = rng
        self.failing = 0.2
        self.bound = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create(
        self, resource: ResourceType, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Any:
        if subresource != "binding":
            return await self._inner.create(resource, namespace, obj, name, subresource)
        if self._rng.random() < self.failing / 2:
            raise errors.ServiceUnavailable("not now")
        done = await self._inner.create(resource, namespace, obj, name, subresource)
        self.bound += 1
        if self._rng.random() < self.failing / 2:
            raise errors.Timeout("done, but nobody knows")
        return done


@pytest.mark.parametrize("seed", range(8))
def test_promises(seed: int) -> None:
    rng = Random(seed)
    watching: list[Watching] = []

    def wrapped(inner: Transport) -> Any:
        watching.append(Watching(inner, rng))
        return watching[0]

    things = RandomCluster(rng, nodes=0)
    with World(seed, wrapped) as world:
        for number in range(5):
            world.create(_node(number, rng))
        kept_apart: set[str] = set()
        for _ in range(STEPS):
            _something_happens(world, things, rng)
            if rng.random() < 0.7:
                world.settle()
            else:
                world.advance(rng.choice((0.5, 2, 11)))
            _agents_work(world, rng, 0.3)
            _check_nodes(world)
            kept_apart = _check_anti_affinity(world, kept_apart)
        watching[0].failing = 0
        for _ in range(10):
            _agents_work(world, rng, 1)
            world.advance(20)  # in all less than the five minutes after which everyone is tried again
        _check_nodes(world)
        _check_nothing_waits_in_vain(world)
        assert snapshot(world.scheduler.cache) == snapshot(_rebuilt(world))
        assert watching[0].bound > STEPS // 3


def _node(number: int, rng: Random) -> core_v1.Node:
    return node(
        f"n{number}",
        cpu=str(2 + number),
        pods=6,
        zone="ab"[number % 2],
        labels={"disk": rng.choice(("ssd", "hdd"))},
        taints=rng.choice(((), (), ("k=v:NoSchedule",))),
        unschedulable=rng.random() < 0.1,
    )


def _something_happens(world: World, things: RandomCluster, rng: Random) -> None:
    what = rng.randrange(10)
    number = rng.randrange(6)
    nodes = {one.metadata.name for one in world.run(world.client.list(core_v1.Node))}
    if what < 6:
        world.create(*(things.new_pod() for _ in range(rng.randint(1, 4))))
    elif what < 8:
        for one in rng.sample(world.pods(), min(2, len(world.pods()))):
            world.delete(one.metadata.name)
    elif f"n{number}" not in nodes:
        world.create(_node(number, rng))
    elif what == 8:
        world.run(world.client.delete(core_v1.Node, "", f"n{number}"))
    else:
        changed = codec.to_tree(_node(number, rng))
        patch = {"metadata": {"labels": changed["metadata"]["labels"]}, "spec": changed.get("spec", {})}
        world.run(world.client.patch(core_v1.Node, "", f"n{number}", patch, "merge"))


def _agents_work(world: World, rng: Random, share: float) -> None:
    """Pods that are being deleted come to their end."""
    for one in world.pods():
        if one.metadata.deletionTimestamp is not None and rng.random() < share:
            world.delete(one.metadata.name)


def _rebuilt(world: World) -> Cache:
    cache = Cache()
    for namespace in world.run(world.client.list(core_v1.Namespace)):
        cache.set_namespace(namespace.metadata.name, namespace.metadata.labels)
    for each in world.run(world.client.list(core_v1.Node)):
        cache.set_node(each)
    for one in world.pods():
        if one.spec.nodeName:
            cache.set_pod(cache.templates.info(one))
    return cache


def _check_nodes(world: World) -> None:
    for each in _rebuilt(world).nodes:
        assert each.cpu <= each.facts.cpu, each.name
        assert each.memory <= each.facts.memory, each.name
        assert len(each.pods) <= each.facts.pods, each.name
        ports = Counter(port for one in each.pods.values() for port in one.template.shape.ports)
        assert all(users == 1 for users in ports.values()), each.name


def _check_anti_affinity(world: World, before: set[str]) -> set[str]:
    """No Pod that was placed since stands where anti-affinity, its own or another's, forbids. The uids seen."""
    cache = _rebuilt(world)
    for uid, one in list(cache.pods.items()):
        if uid in before or not cache.infos[one.node].present:
            continue
        with cache.trial() as trial:
            trial.remove(one)
            affinity = pod_affinity.prepare(one.template, cache)
            why = affinity.refuses(cache.infos[one.node]) if affinity else None
        assert why not in (pod_affinity.ANTI_AFFINITY, pod_affinity.EXISTING), one
    return set(cache.pods)


def _check_nothing_waits_in_vain(world: World) -> None:
    cache = _rebuilt(world)
    for one in world.pods():
        if not one.spec.nodeName:
            template = cache.templates.info(one).template
            checks = cluster_checks(template, cache)
            assert all(refusal(template, each, checks) for each in cache.nodes), one.metadata.name
