"""Random progress for tests of what must hold at every moment: agents get on Pod by Pod, and what is down is noted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Generic, TypeVar

from podium.controllers.pods import is_active, is_ready
from podium.machinery import errors
from podium.models import core_v1
from tests.controllers.cluster import Cluster

Place = TypeVar("Place", str, int)
NODES = ["n1", "n2", "n3"]


def is_up(pod: core_v1.Pod) -> bool:
    return is_active(pod) and is_ready(pod)


async def step(cluster: Cluster, chance: Random, node_of: Callable[[core_v1.Pod], str] | None = None) -> bool:
    """One Pod gets one step on, to any node unless told to which; whether there was any to do so."""
    todo = [pod for pod in await cluster.pods() if pod.metadata.deletionTimestamp or pod.status.phase == "Pending"]
    if not todo:
        return False
    pod = chance.choice(todo)
    with suppress(errors.Conflict, errors.NotFound):  # the controller was quicker
        if pod.metadata.deletionTimestamp is not None:
            await cluster.remove_pod(pod)
        elif not pod.spec.nodeName:
            await cluster.bind(pod, node_of(pod) if node_of is not None else chance.choice(NODES))
        else:
            await cluster.set_pod(pod)
    if chance.random() < 0.7:  # otherwise the next step comes before this one was noticed
        await cluster.clock.advance(0.2)
    return True


async def finish(cluster: Cluster, chance: Random) -> None:
    while await step(cluster, chance):
        pass
    await cluster.advance(30)  # what failed is tried again
    if await step(cluster, chance):
        await finish(cluster, chance)


class Places(ABC, Generic[Place]):
    """Notes, with every change of a Pod, how many places, nodes or ordinals, are down by the controller's doing.

    One is from when its last available Pod goes until one is available again. So many are allowed, whatever the test
    breaks: that isn't counted.
    """

    def __init__(self, cluster: Cluster, limit: int) -> None:
        self.limit = limit
        self.broken: list[str] = []
        """What broke a promise."""
        self.pods: dict[Place, dict[str, core_v1.Pod]] = {}
        self.excused: set[Place] = set()
        self._own_doing = False
        self._down: set[Place] = set()
        cluster.truth.of(core_v1.Pod).on_change(self._changed)

    @abstractmethod
    def place_of(self, pod: core_v1.Pod) -> Place:
        """Where a Pod is."""

    @abstractmethod
    def may_go(self, place: Place) -> bool:
        """Whether the test has changed what should run there: Pods may go at any time."""

    @abstractmethod
    def check(self, place: Place, *, created: bool) -> None:
        """What else has to hold, now that a Pod of that place has changed."""

    @contextmanager
    def own_doing(self) -> Iterator[None]:
        """What happens now isn't the controller's fault."""
        self._own_doing = True
        yield
        self._own_doing = False

    def is_up(self, place: Place) -> bool:
        return any(map(is_up, self.pods.get(place, {}).values()))

    def _changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        pod = new or old
        assert pod is not None
        place = self.place_of(pod)
        there = self.pods.setdefault(place, {})
        before = self.is_up(place)
        if new is not None:
            there[new.metadata.uid] = new
        else:
            there.pop(pod.metadata.uid, None)
        if self._own_doing:
            self.excused.add(place)  # the controller may be just about to act on what it saw before
        elif new is not None and is_up(new):
            self.excused.discard(place)
        if self.is_up(place):
            self._down.discard(place)
        elif before and place not in self.excused:
            self._down.add(place)
        self._down = {one for one in self._down if not self.may_go(one)}
        if len(self._down) > self.limit:
            self.broken.append(f"{sorted(self._down)} are down, more than {self.limit}")
        self.check(place, created=old is None)
