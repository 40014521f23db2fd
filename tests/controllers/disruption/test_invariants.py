"""Evictions never take more than a budget allows, also at the moment in which Pods fail and nodes are lost.

What broke by itself a moment ago the budget's controller can't know yet: so much less may be left, and no less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from podium.controllers.pods import is_ready
from podium.machinery import errors
from podium.models import apps_v1, codec, conditions, core_v1, policy_v1
from podium.store.port import Change
from tests.controllers.cluster import Cluster, deployment, run
from tests.controllers.disruption.build import budget
from tests.controllers.disruption.test_controller import evict
from tests.controllers.progress import NODES, is_up

CONTROLLERS = ("deployment", "replicaset", "disruption", "disruption-stale-pods")
SLACK = 1.5
"""Seconds between a look of the controllers and the write that comes of it."""


class Watcher:
    """Looks at every change in the store's order."""

    def __init__(self, cluster: Cluster, late: float) -> None:
        self.broken: list[str] = []
        self.evicted: set[str] = set()
        self._window = late + SLACK
        self._cluster = cluster
        self._pods: dict[str, core_v1.Pod] = {}
        self._budget = policy_v1.PodDisruptionBudget()
        self._broke: dict[str, float] = {}
        """When each Pod broke that nobody evicted."""
        cluster.store.subscribe(self._look)

    def _look(self, changes: Sequence[Change]) -> None:
        try:
            for change in changes:
                self._changed(change)
        except Exception as problem:  # the store would only log it
            self.broken.append(repr(problem))

    def _changed(self, change: Change) -> None:
        key = change.record.key
        if key.startswith("/poddisruptionbudgets.policy/"):
            self._budget = codec.decode(change.record.value, policy_v1.PodDisruptionBudget)
            self._check_budget()
        if not key.startswith("/pods/"):
            return
        old, new = self._pods.pop(key, None), None
        if not change.deleted:
            new = self._pods[key] = codec.decode(change.record.value, core_v1.Pod)
        if old is None or not is_up(old) or (new is not None and is_up(new)):
            return
        said = None if new is None else conditions.get(new.status.conditions, "DisruptionTarget")
        if new is None or said is None or new.metadata.deletionTimestamp is None:
            self._broke[old.metadata.uid] = self._cluster.clock.elapsed
        else:
            self.evicted.add(new.metadata.uid)
            self._check_eviction(new)

    def _check_eviction(self, pod: core_v1.Pod) -> None:
        status = self._budget.status
        if pod.metadata.name not in status.disruptedPods:
            self.broken.append(f"{pod.metadata.name} went without asking the budget")
        left = sum(map(is_up, self._pods.values()))
        lately = [when for when in self._broke.values() if when >= self._cluster.clock.elapsed - self._window]
        if left + len(lately) < (status.desiredHealthy or 0):
            self.broken.append(f"{left} left, {len(lately)} broke just now, {status.desiredHealthy} are promised")

    def _check_budget(self) -> None:
        status = self._budget.status
        allowed, healthy, desired = status.disruptionsAllowed, status.currentHealthy, status.desiredHealthy
        if not 0 <= (allowed or 0) <= max(0, (healthy or 0) - (desired or 0)):
            self.broken.append(f"{allowed} allowed of {healthy}, {desired} desired")


async def attempt(cluster: Cluster, pods: Sequence[core_v1.Pod]) -> None:
    outcomes = await asyncio.gather(*(evict(cluster, pod.metadata.name) for pod in pods), return_exceptions=True)
    for outcome in outcomes:
        assert outcome is None or isinstance(outcome, errors.TooManyRequests | errors.NotFound), outcome


async def progress(cluster: Cluster, chance: Random, share: float) -> bool:
    """Some Pods get one step on; whether there was any to do so."""
    moved = False
    for pod in await cluster.pods():
        due = pod.metadata.deletionTimestamp is not None or not is_ready(pod)
        if not due or pod.status.phase == "Failed" or chance.random() > share:
            continue
        moved = True
        if pod.metadata.deletionTimestamp is not None:
            await cluster.remove_pod(pod)
        elif not pod.spec.nodeName:
            await cluster.bind(pod, chance.choice(NODES))
        else:
            await cluster.set_pod(pod)
    return moved


async def break_some(cluster: Cluster, chance: Random) -> None:
    ready = [pod for pod in await cluster.pods() if is_up(pod)]
    if chance.random() < 0.2:
        await cluster.lose_node(chance.choice(NODES))
    elif ready:
        await cluster.set_pod(chance.choice(ready), chance.choice(["Running", "Failed"]), ready=False)


@pytest.mark.parametrize("seed", range(16))
def test_evictions_that_race_with_failures(seed: int) -> None:
    late = 0.2 * (seed % 3)

    async def body(cluster: Cluster) -> None:
        chance, watcher = Random(seed), Watcher(cluster, late)
        replicas = chance.randint(3, 9)
        limits: list[dict[str, Any]] = [
            {"minAvailable": chance.randint(1, replicas - 1)},
            {"minAvailable": "50%"},
            {"maxUnavailable": chance.choice([1, 2, "50%"])},
        ]
        await cluster.client.create(deployment(replicas))
        await cluster.client.create(budget(**chance.choice(limits)))
        for _ in range(80):
            pods = [pod for pod in await cluster.pods() if pod.spec.nodeName]
            deed = chance.choice(["evict", "race", "break", "step", "step", "scale", "die"])
            if deed == "evict":
                await attempt(cluster, chance.sample(pods, min(len(pods), chance.randint(1, 4))))
            elif deed == "race":
                some = chance.sample(pods, min(len(pods), 4))
                await asyncio.gather(attempt(cluster, some), break_some(cluster, chance))
            elif deed == "break":
                await break_some(cluster, chance)
            elif deed == "scale" and chance.random() < 0.3:
                change = {"spec": {"replicas": chance.randint(2, 9)}}
                await cluster.client.patch(apps_v1.Deployment, "default", "web", change, "merge")
            elif deed == "die" and chance.random() < 0.3:
                await cluster.stop()
                await cluster.start(CONTROLLERS)
            await progress(cluster, chance, 0.6)
            await cluster.advance(chance.choice([0, 0.05, 0.5, 3]))
            assert watcher.broken == []
        assert watcher.evicted, "nothing was evicted: the test shows nothing"
        while await progress(cluster, chance, 1):
            await cluster.advance(3)
        await cluster.advance(300)
        while await progress(cluster, chance, 1):
            await cluster.advance(3)
        wanted = (await cluster.client.get(apps_v1.Deployment, "default", "web")).spec.replicas
        status = (await cluster.client.get(policy_v1.PodDisruptionBudget, "default", "web")).status
        assert (status.currentHealthy, status.disruptedPods) == (wanted, {})
        assert status.disruptionsAllowed == max(0, (wanted or 0) - (status.desiredHealthy or 0))
        assert watcher.broken == []
        await cluster.assert_nothing_is_written()

    run(body, CONTROLLERS, seed=seed, late=late)
