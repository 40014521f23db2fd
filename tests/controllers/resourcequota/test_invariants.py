"""No quota is ever exceeded, whoever writes at the same moment; what its status says in the end is what there is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1
from podium.models.quantity import Quantity, number
from podium.store.port import Change
from tests.controllers.cluster import Cluster, run

CONTROLLERS = ("resourcequota",)
HARD = {
    "pods": "6",
    "requests.cpu": "3",
    "configmaps": "4",
    "services.nodeports": "3",
    "count/secrets": "3",
}
MODELS: dict[str, type[Any]] = {
    "pods": core_v1.Pod,
    "configmaps": core_v1.ConfigMap,
    "services": core_v1.Service,
    "secrets": core_v1.Secret,
}


class Watcher:
    """Adds up, with every change in the store's order, what there is, and notes when it is more than it may be.

    A limit that was lowered binds what comes from then on: use may not grow while it is above.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.broken: list[str] = []
        self.full = 0
        self.hard: dict[str, Decimal] = {}
        self._cluster = cluster
        self._since = 0.0
        self._before_that: dict[str, Decimal] = {}
        self._there: dict[str, Any] = {}
        self._before: dict[str, Decimal] = {}
        cluster.store.subscribe(self._look)

    def _look(self, changes: Sequence[Change]) -> None:
        try:
            self._changed(changes)
        except Exception as problem:  # the store would only log it
            self.broken.append(repr(problem))

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            _, kind, key = change.record.key.split("/", 2)
            if kind == "resourcequotas" and not change.deleted:
                quota = codec.decode(change.record.value, core_v1.ResourceQuota)
                hard = {name: number(amount) for name, amount in quota.spec.hard.items()}
                if hard != self.hard:
                    self._before_that, self.hard, self._since = self.hard, hard, self._cluster.clock.elapsed
            if kind not in MODELS or not key.startswith("default/"):
                continue
            if change.deleted:
                self._there.pop(change.record.key, None)
            else:
                self._there[change.record.key] = codec.decode(change.record.value, MODELS[kind])
            self._check()

    def used(self) -> dict[str, Decimal]:
        pods = [one for one in self._of(core_v1.Pod) if one.status.phase not in ("Succeeded", "Failed")]
        ports = [port for one in self._of(core_v1.Service) if one.spec.type == "NodePort" for port in one.spec.ports]
        return {
            "pods": Decimal(len(pods)),
            "requests.cpu": sum((number(pod.spec.containers[0].resources.requests["cpu"]) for pod in pods), Decimal()),
            "configmaps": Decimal(len(self._of(core_v1.ConfigMap))),
            "services.nodeports": Decimal(len(ports)),
            "count/secrets": Decimal(len(self._of(core_v1.Secret))),
        }

    def _of(self, model: type[Any]) -> list[Any]:
        return [one for one in self._there.values() if isinstance(one, model)]

    def _check(self) -> None:
        used = self.used()
        for name, most in self.hard.items():
            if self._since == self._cluster.clock.elapsed:
                most = max(most, self._before_that.get(name, most))  # it was let through before
            if used[name] > most and used[name] > self._before.get(name, Decimal()):
                self.broken.append(f"{name}: {used[name]} of {most}")
            self.full += used[name] == most
        self._before = used


def pod(name: str, cpu: str) -> core_v1.Pod:
    resources = core_v1.ResourceRequirements(requests={"cpu": Quantity(cpu)})
    container = core_v1.Container(name="main", image="app:1", resources=resources)
    return core_v1.Pod(metadata=_named(name), spec=core_v1.PodSpec(containers=(container,)))


def service(name: str, chance: Random) -> core_v1.Service:
    ports = tuple(core_v1.ServicePort(name=f"p{port}", port=port) for port in range(80, 80 + chance.randint(1, 2)))
    kind = chance.choice(["ClusterIP", "NodePort"])
    return core_v1.Service(metadata=_named(name), spec=core_v1.ServiceSpec(ports=ports, type=kind))


def _named(name: str) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name=name, namespace="default")


async def write(cluster: Cluster, name: str, chance: Random) -> None:
    """Create something, change it, delete it."""
    makes: list[Callable[[], Any]] = [
        lambda: pod(name, chance.choice(["250m", "500m", "1"])),
        lambda: service(name, chance),
        lambda: core_v1.ConfigMap(metadata=_named(name)),
        lambda: core_v1.Secret(metadata=_named(name)),
    ]
    made: Any = chance.choice(makes)()
    client, model = cluster.client, type(made)
    with contextlib.suppress(errors.Forbidden):
        await client.create(made)
        await cluster.clock.sleep(chance.choice([0, 0, 1, 5]))
        with contextlib.suppress(errors.Forbidden):
            if model is core_v1.Service:
                change = {"spec": {"type": chance.choice(["ClusterIP", "NodePort"])}}
                await client.patch(model, "default", name, change, "merge")
            elif model is core_v1.Pod and chance.random() < 0.5:
                cpu = {"requests": {"cpu": chance.choice(["100m", "750m", "1"])}}
                resize = {"spec": {"containers": [{"name": "main", "resources": cpu}]}}
                await client.patch(model, "default", name, resize, "strategic", "resize")
            elif model is core_v1.Pod:
                await client.patch(model, "default", name, {"status": {"phase": "Succeeded"}}, "merge", "status")
        await cluster.clock.sleep(chance.choice([0, 1, 5]))
        await client.delete(model, "default", name)


async def change_limits(cluster: Cluster, chance: Random) -> None:
    for _ in range(10):
        await cluster.clock.sleep(chance.choice([1, 7]))
        hard = {name: Quantity(str(int(most) + chance.randint(-2, 1))) for name, most in HARD.items()}
        change = {"spec": {"hard": {name: str(amount) for name, amount in hard.items()}}}
        await cluster.client.patch(core_v1.ResourceQuota, "default", "q", change, "merge")


@pytest.mark.parametrize("seed", range(8))
def test_a_quota_is_never_exceeded(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance, watcher = Random(seed), Watcher(cluster)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        hard = {name: Quantity(amount) for name, amount in HARD.items()}
        spec = core_v1.ResourceQuotaSpec(hard=hard)
        await cluster.client.create(core_v1.ResourceQuota(metadata=_named("q"), spec=spec))
        await cluster.advance(3)

        async def writer(who: int, own: Random) -> None:
            for step in range(20):
                await write(cluster, f"w{who}-{step}", own)
                await cluster.clock.sleep(own.choice([0, 0, 2]))

        tasks = [asyncio.create_task(writer(who, Random(chance.random()))) for who in range(8)]
        if seed % 2:
            tasks.append(asyncio.create_task(change_limits(cluster, chance)))
        while not all(task.done() for task in tasks):
            await cluster.advance(5)
        await asyncio.gather(*tasks)
        assert watcher.broken == []
        assert watcher.full > 20, "the quota was never reached: the test shows nothing"
        await cluster.client.create(pod("last", "250m"))
        await cluster.client.create(core_v1.ConfigMap(metadata=_named("last")))
        await cluster.advance(60)
        status = (await cluster.client.get(core_v1.ResourceQuota, "default", "q")).status
        assert {name: number(amount) for name, amount in status.used.items()} == watcher.used()
        assert {name: number(amount) for name, amount in status.hard.items()} == watcher.hard
        await cluster.assert_nothing_is_written()

    run(body, CONTROLLERS, seed=seed, late=0.5 * (seed % 3))
