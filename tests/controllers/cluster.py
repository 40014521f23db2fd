"""A cluster without nodes for tests of controllers: the real registry on the memory store, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from random import Random
from typing import Any

from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.inprocess import InProcessTransport
from podium.client.transport import ObjectEvent, Selection
from podium.clock import VirtualClock, VirtualLoop
from podium.controllers.manager import ControllerManager
from podium.machinery import errors
from podium.models import apps_v1, codec, core_v1, meta_v1
from podium.models.resources import ResourceType
from podium.registry.registry import Registry
from podium.store.memory import MemoryStore
from podium.store.port import Change


class UnreliableTransport(InProcessTransport):
    """Tells of changes late, by chance: what controllers read from their caches is not what is any more.

    Some writes fail, if told so: before they have done anything, or after they have done it all. Creations fail
    beforehand only: a Pod that nobody knows of is one too many until it is seen.
    """

    def __init__(self, registry: Registry, clock: VirtualClock, chance: Random, latest: float) -> None:
        super().__init__(registry)
        self._clock = clock
        self._chance = chance
        self._latest = latest
        self._held: dict[str, asyncio.Event] = {}
        self.failing = 0.0
        """The share of writes that fail."""
        self.write_seconds = 0.0
        """How long a write takes before it has done anything."""
        self.losing_answers = False
        """Every write but creations is done and then reported as failed."""

    def hold(self, plural: str) -> None:
        """No news of that kind until `let_go`."""
        self._held[plural] = asyncio.Event()

    def let_go(self, plural: str) -> None:
        self._held.pop(plural).set()

    async def watch(
        self, resource: ResourceType, selection: Selection, revision: str | None
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        async for batch in super().watch(resource, selection, revision):
            if self._latest:
                await self._clock.sleep(self._chance.random() * self._latest)
            if resource.plural in self._held:
                await self._held[resource.plural].wait()
            yield batch

    async def create(self, *given: Any, **named: Any) -> Any:
        return await self._attempt(super().create(*given, **named), answer_may_be_lost=False)

    async def update(self, *given: Any, **named: Any) -> Any:
        return await self._attempt(super().update(*given, **named))

    async def patch(self, *given: Any, **named: Any) -> Any:
        return await self._attempt(super().patch(*given, **named))

    async def delete(self, *given: Any, **named: Any) -> None:
        await self._attempt(super().delete(*given, **named))

    async def _attempt(self, write: Coroutine[Any, Any, Any], *, answer_may_be_lost: bool = True) -> Any:
        if self.write_seconds:
            try:
                await self._clock.sleep(self.write_seconds)
            except asyncio.CancelledError:
                write.close()
                raise
        fate = self._chance.random() if self.failing else 1.0
        if fate < self.failing / 2:
            write.close()
            raise errors.ServiceUnavailable("not now")
        result = await write
        if answer_may_be_lost and (fate < self.failing or self.losing_answers):
            raise errors.ServiceUnavailable("it is done, but nobody says so")
        return result


class Cluster:
    """Time stands still unless the test advances it."""

    def __init__(self, seed: int = 0, late: float = 0) -> None:
        self.clock = VirtualClock()
        self.rng = Random(seed)
        self.store = MemoryStore()
        self.registry = Registry(self.store, self.clock, self.rng)
        self.client = Client(InProcessTransport(self.registry))
        self.truth = Informers(self.client, self.clock)
        """Informers of the test's own that are never late."""
        self.transport = UnreliableTransport(self.registry, self.clock, Random(seed), late)
        """What the controllers use."""
        self.late = Client(self.transport)
        self.running: dict[str, core_v1.Pod] = {}
        """By uid, the Pods whose containers run on some node, whatever the API says."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, names: Iterable[str] | None, root_ca: str = "") -> None:
        """Run controllers, on informers of their own as if in a process of their own."""
        self.informers = Informers(self.late, self.clock)
        resources = [row.type for row in self.registry.resources() if "watch" in row.verbs and row.view is None]
        self.manager = ControllerManager(
            self.late, self.informers, self.clock, self.rng, names=names, resources=resources, root_ca=root_ca
        )
        self._tasks = [asyncio.create_task(self.informers.run()), asyncio.create_task(self.manager.run())]
        await self.settle()

    async def stop(self) -> None:
        """As if the process died: nothing is finished, nothing is told."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        self._tasks = []

    async def settle(self) -> None:
        """Let everything happen that can happen at this moment, and a little later: back-off and rests of some ms."""
        for _ in range(4):
            await self.clock.advance(0.25)

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def pods(self, namespace: str = "default") -> list[core_v1.Pod]:
        return list(await self.client.list(core_v1.Pod, namespace))

    async def report(self, pod: core_v1.Pod, change: Callable[[core_v1.PodStatus], None]) -> None:
        """Write a Pod's status as an agent does: about this Pod, whatever else was written to it meanwhile."""
        while True:
            changed = codec.copy(await self.client.get(core_v1.Pod, pod.metadata.namespace, pod.metadata.name))
            if changed.metadata.uid != pod.metadata.uid:
                raise errors.NotFound("pods", pod.metadata.name)
            change(changed.status)
            try:
                await self.client.update_status(changed)
                return
            except errors.Conflict:
                continue

    async def set_pod(self, pod: core_v1.Pod, phase: str = "Running", ready: bool = True) -> None:
        """What an agent would report."""
        if phase == "Running":
            self.running[pod.metadata.uid] = pod
        else:
            self.running.pop(pod.metadata.uid, None)

        def change(status: core_v1.PodStatus) -> None:
            status.phase = phase
            condition = core_v1.PodCondition(
                type="Ready",
                status="True" if ready else "False",
                lastTransitionTime=self.clock.now().replace(microsecond=0),
            )
            status.conditions = (*(one for one in status.conditions if one.type != "Ready"), condition)

        await self.report(pod, change)

    async def remove_pod(self, pod: core_v1.Pod) -> None:
        """What an agent does with a Pod that is being deleted, once its containers have ended."""
        self.running.pop(pod.metadata.uid, None)
        preconditions = meta_v1.Preconditions(uid=pod.metadata.uid)
        options = meta_v1.DeleteOptions(gracePeriodSeconds=0, preconditions=preconditions)
        with contextlib.suppress(errors.NotFound, errors.Conflict):
            await self.client.delete(core_v1.Pod, pod.metadata.namespace, pod.metadata.name, options)

    async def bind(self, pod: core_v1.Pod, node: str) -> None:
        """Put a Pod on a node: from there it ends gracefully. Nothing, if it has been deleted meanwhile."""
        name, namespace = pod.metadata.name, pod.metadata.namespace
        target = core_v1.ObjectReference(kind="Node", name=node)
        metadata = meta_v1.ObjectMeta(name=name, namespace=namespace, uid=pod.metadata.uid)
        with contextlib.suppress(errors.NotFound, errors.Conflict):
            binding = core_v1.Binding(metadata=metadata, target=target)
            await self.client.create_subresource(core_v1.Pod, namespace, name, "binding", binding)

    async def bind_pods(self, node: str = "n1") -> None:
        for pod in await self.pods():
            await self.bind(pod, node)

    async def lose_node(self, node: str) -> None:
        """What ran there is gone, and what garbage collection makes of that: it ends the Pods."""
        for pod in await self.pods():
            if pod.spec.nodeName == node:
                with contextlib.suppress(errors.NotFound):
                    await self.set_pod(pod, "Failed", ready=False)
                    await self.remove_pod(pod)

    async def run_pods(self) -> None:
        """Make all Pods ready and finish all deletions, until nothing changes."""
        while True:
            changed = False
            for pod in await self.pods():
                if pod.metadata.deletionTimestamp is not None:
                    await self.remove_pod(pod)
                elif not pod.status.conditions:
                    await self.set_pod(pod)
                else:
                    continue
                changed = True
            await self.settle()
            if not changed:
                return

    async def assert_nothing_is_written(self, seconds: float = 2000) -> None:
        """All is settled: nothing more happens. Events may expire."""
        written: list[str] = []

        def note(changes: Sequence[Change]) -> None:
            written.extend(change.record.key for change in changes if not change.record.key.startswith("/events/"))
            written.extend(change.record.key for change in changes if not change.deleted)

        end = self.store.subscribe(note)
        await self.advance(seconds)
        end()
        assert written == [], "something writes although all is settled"

    async def events(self) -> list[tuple[str, str, str]]:
        """Of all events: the kind of the object, the reason and the message."""
        found = await self.client.list(core_v1.Event)
        ordered = sorted(found, key=lambda event: int(event.metadata.resourceVersion))
        return [(event.involvedObject.kind, event.reason, event.message) for event in ordered]


def run(
    test: Callable[[Cluster], Awaitable[None]],
    names: Iterable[str] | None = ("deployment", "replicaset"),
    seed: int = 0,
    root_ca: str = "",
    late: float = 0,
) -> None:
    """Run a test on a cluster with those controllers, which hear of changes up to `late` seconds late."""

    async def body(cluster: Cluster) -> None:
        cluster.clock.hold()
        await cluster.registry.start()
        with contextlib.suppress(errors.AlreadyExists):
            await cluster.client.create(core_v1.Namespace(metadata=meta_v1.ObjectMeta(name="default")))
        account = core_v1.ServiceAccount(metadata=meta_v1.ObjectMeta(name="default", namespace="default"))
        await cluster.client.create(account)  # Pods need it
        cluster.rng.seed(seed)  # what every cluster begins with has no say in what a seed stands for
        await cluster.start(names, root_ca)
        truth = asyncio.create_task(cluster.truth.run())
        try:
            await test(cluster)
        finally:
            await cluster.stop()
            truth.cancel()
            await asyncio.wait([truth])
            await cluster.registry.stop()

    cluster = Cluster(seed, late)
    loop = VirtualLoop(cluster.clock)
    try:
        loop.run_until_complete(body(cluster))
    finally:
        loop.close()


def template(image: str = "web:1", labels: dict[str, str] | None = None) -> core_v1.PodTemplateSpec:
    return core_v1.PodTemplateSpec(
        metadata=meta_v1.ObjectMeta(labels=labels or {"app": "web"}),
        spec=core_v1.PodSpec(
            restartPolicy="Always",
            terminationGracePeriodSeconds=30,
            containers=(core_v1.Container(name="web", image=image),),
        ),
    )


def replica_set(replicas: int, name: str = "web", **spec: Any) -> apps_v1.ReplicaSet:
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", labels={"app": "web"}),
        spec=apps_v1.ReplicaSetSpec(
            replicas=replicas,
            selector=meta_v1.LabelSelector(matchLabels={"app": "web"}),
            template=template(),
            **spec,
        ),
    )


def deployment(
    replicas: int,
    *,
    surge: int | str = "25%",
    unavailable: int | str = "25%",
    strategy: str = "RollingUpdate",
    **spec: Any,
) -> apps_v1.Deployment:
    rolling = apps_v1.RollingUpdateDeployment(maxSurge=surge, maxUnavailable=unavailable)
    return apps_v1.Deployment(
        metadata=meta_v1.ObjectMeta(name="web", namespace="default"),
        spec=apps_v1.DeploymentSpec(
            **{
                "replicas": replicas,
                "selector": meta_v1.LabelSelector(matchLabels={"app": "web"}),
                "template": template(),
                "strategy": apps_v1.DeploymentStrategy(
                    type=strategy, rollingUpdate=rolling if strategy == "RollingUpdate" else None
                ),
                "progressDeadlineSeconds": 600,
                "revisionHistoryLimit": 10,
                **spec,
            }
        ),
    )
