"""What registry tests work with: a registry, its clock, and short ways to call its verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any, TypeVar

from podium.clock import VirtualClock, VirtualLoop
from podium.models import codec, core_v1, meta_v1, resources
from podium.registry.registry import Registry
from podium.registry.resources import Resource
from podium.registry.types import Entry, Listing, ListOptions, Request, WatchEvent, WatchOptions
from podium.store.memory import MemoryStore

T = TypeVar("T")


def meta(name: str = "", namespace: str = "default", **more: Any) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name=name, namespace=namespace, **more)


def config_map(name: str, namespace: str = "default", **data: str) -> core_v1.ConfigMap:
    return core_v1.ConfigMap(metadata=meta(name, namespace), data=data)


def pod(name: str = "web", namespace: str = "default", **spec: Any) -> core_v1.Pod:
    container = core_v1.Container(name="main", image="nginx:1.27")
    fields: dict[str, Any] = {"containers": (container,), "terminationGracePeriodSeconds": 30, **spec}
    return core_v1.Pod(metadata=meta(name, namespace), spec=core_v1.PodSpec(**fields))


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.loop = VirtualLoop(self.clock)
        self.store = MemoryStore()
        self.registry = Registry(self.store, self.clock, Random(7))
        self.run(self._start())

    async def _start(self) -> None:
        await self.registry.start(empty=True)
        for name in ("default", "other", "kube-system"):
            await self.do_create(core_v1.Namespace(metadata=meta(name, "")))
        await self.do_create(core_v1.ServiceAccount(metadata=meta("default")))
        await self.do_create(core_v1.ServiceAccount(metadata=meta("default", "other")))

    def close(self) -> None:
        self.run(self.registry.stop())
        self.run(self.clock.settle())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def together(self, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
        """What comes of them when they run at the same time: results, and errors as they are."""

        async def gathered() -> list[Any]:
            return list(await asyncio.gather(*coroutines, return_exceptions=True))

        return self.run(gathered())

    @property
    def core(self) -> Any:
        return self.registry.core

    def row(self, model: type[Any]) -> Resource:
        kind = resources.of(model)
        row = self.registry.resource(kind.group, kind.version, kind.plural)
        assert row is not None
        return row

    # Verbs as coroutines

    async def do_create(self, obj: Any, request: Request | None = None) -> Any:
        res = self.row(type(obj))
        return (await self.registry.create(request or Request(), res, obj.metadata.namespace, obj)).object

    async def do_update(self, obj: Any, subresource: str = "", request: Request | None = None) -> Any:
        metadata = obj.metadata
        entry = await self.registry.update(
            request or Request(), self.row(type(obj)), metadata.namespace, metadata.name, obj, subresource
        )
        return entry.object

    async def do_patch(
        self,
        model: type[Any],
        name: str,
        patch: Any,
        how: Any = "merge",
        subresource: str = "",
        namespace: str = "default",
    ) -> Any:
        res = self.row(model)
        namespace = namespace if res.namespaced else ""
        return (await self.registry.patch(Request(), res, namespace, name, patch, how, subresource)).object

    async def do_delete(
        self, model: type[Any], name: str, namespace: str = "default", request: Request | None = None, **options: Any
    ) -> Any:
        res = self.row(model)
        namespace = namespace if res.namespaced else ""
        entry = await self.registry.delete(request or Request(), res, namespace, name, meta_v1.DeleteOptions(**options))
        return entry and entry.object

    async def do_act(self, model: type[Any], name: str, subresource: str, body: Any, namespace: str = "default") -> Any:
        return (await self.registry.create(Request(), self.row(model), namespace, body, name, subresource)).object

    # And as plain calls

    def create(self, obj: Any, request: Request | None = None) -> Any:
        return self.run(self.do_create(obj, request))

    def update(self, obj: Any, subresource: str = "", request: Request | None = None) -> Any:
        return self.run(self.do_update(obj, subresource, request))

    def patch(self, model: type[Any], name: str, patch: Any, how: Any = "merge", subresource: str = "") -> Any:
        return self.run(self.do_patch(model, name, patch, how, subresource))

    def delete(self, model: type[Any], name: str, namespace: str = "default", **options: Any) -> Any:
        return self.run(self.do_delete(model, name, namespace, **options))

    def act(self, model: type[Any], name: str, subresource: str, body: Any) -> Any:
        return self.run(self.do_act(model, name, subresource, body))

    def get(self, model: type[Any], name: str, namespace: str = "default", subresource: str = "") -> Any:
        return self.entry(model, name, namespace, subresource).object

    def entry(self, model: type[Any], name: str, namespace: str = "default", subresource: str = "") -> Entry:
        res = self.row(model)
        namespace = namespace if res.namespaced else ""
        return self.run(self.registry.get(res, namespace, name, subresource))

    def names(self, model: type[Any], namespace: str = "", **options: Any) -> list[str]:
        return [entry.object.metadata.name for entry in self.list(model, namespace, **options).entries]

    def list(self, model: type[Any], namespace: str = "", **options: Any) -> Listing:
        return self.run(self.registry.list(self.row(model), namespace, ListOptions(**options)))

    def changed(self, obj: T, **fields: Any) -> T:
        """A copy with attributes set, e.g. changed(pod, spec__nodeName="n")."""
        return changed(obj, **fields)

    def watch(self, model: type[Any], namespace: str = "", **options: Any) -> Seen:
        return Seen(self, self.row(model), namespace, WatchOptions(**options))


def changed(obj: T, **fields: Any) -> T:
    copy = codec.copy(obj)
    for path, value in fields.items():
        *parents, name = path.split("__")
        target: Any = copy
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value)
    return copy


class Seen:
    """A watch that is read in a task; `events` is what it has brought so far."""

    def __init__(self, world: World, res: Resource, namespace: str, options: WatchOptions) -> None:
        self.world = world
        self.events: list[WatchEvent] = []
        self.error: BaseException | None = None
        self.ended = False
        self._source = world.registry.watch(res, namespace, options)
        self._task = world.loop.create_task(self._read())
        self.settle()

    async def _read(self) -> None:
        try:
            async for batch in self._source:
                self.events.extend(batch)
        except Exception as error:
            self.error = error
        self.ended = True

    def settle(self) -> None:
        self.world.clock.hold()
        self.world.run(self.world.clock.settle())
        self.world.clock.release()

    def take(self) -> list[tuple[str, str]]:
        """(type, name) of what came since the last call; a bookmark is ("BOOKMARK", "")."""
        self.settle()
        events, self.events = self.events, []
        return [(event.type, event.entry.object.metadata.name if event.entry else "") for event in events]

    def stop(self) -> None:
        self._task.cancel()
        self.world.run(_ended(self._task))


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)


def revisions(events: Sequence[WatchEvent]) -> list[int]:
    return [event.revision for event in events]
