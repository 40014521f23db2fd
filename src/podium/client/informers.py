"""Informers: for each kind one cache in the process, kept current by list and watch, with indexes and handlers.

All components share them, and the objects in them: nobody changes those. Handlers are plain functions, called in order
right after the cache has changed; each event costs the same however many objects there are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from podium.client.client import Client
from podium.client.transport import ObjectEvent, Selection
from podium.clock import Clock
from podium.machinery import errors
from podium.models import resources

T = TypeVar("T")
Handler = Callable[[T | None, T | None], None]
"""(old, new): old None means added, new None means deleted. With `on_index`: came into, or left, that index value."""

FIRST_DELAY = 0.8
LONGEST_DELAY = 30.0
SHORTEST_WATCH = 1.0
"""A watch that ends sooner than that gave up rather than timed out: the next one waits."""

_log = logging.getLogger(__name__)


class _Index(Generic[T]):
    """The objects by a value that a function finds in them."""

    def __init__(self, values: Callable[[T], Iterable[str]]) -> None:
        self.values = values
        self.objects: dict[str, dict[tuple[str, str], T]] = {}
        self.handlers: dict[str, list[Handler[T]]] = {}

    def change(self, key: tuple[str, str], old: T | None, new: T | None) -> None:
        before = tuple(self.values(old)) if old is not None else ()
        after = tuple(self.values(new)) if new is not None else ()
        if before != after:
            for value in set(before).difference(after):
                there = self.objects[value]
                del there[key]
                if not there:
                    del self.objects[value]
        if new is not None:
            for value in after:
                self.objects.setdefault(value, {})[key] = new

    def affected(self, old: T | None, new: T | None) -> Iterable[tuple[Handler[T], T | None, T | None]]:
        """The handlers to call, and the change as each sees it."""
        if not self.handlers:
            return ()
        before = frozenset(self.values(old)) if old is not None else frozenset()
        after = frozenset(self.values(new)) if new is not None else frozenset()
        return [
            (handler, old if value in before else None, new if value in after else None)
            for value in sorted(before | after)
            for handler in self.handlers.get(value, ())
        ]


class Informer(Generic[T]):
    """The cache of one kind, or of the part of it that a selection gives."""

    def __init__(self, model: type[T], selection: Selection) -> None:
        self.model = model
        self.resource = resources.of(model)
        self.selection = selection
        self.has_synced = asyncio.Event()
        self._objects: dict[str, dict[str, T]] = {}
        self._indexes: dict[str, _Index[T]] = {}
        self._handlers: list[Handler[T]] = []

    def get(self, namespace: str, name: str) -> T | None:
        return self._objects.get(namespace, _NOTHING).get(name)

    def list(self, namespace: str = "") -> Sequence[T]:
        """All objects, or those of a namespace, as they are at this moment."""
        if namespace:
            return tuple(self._objects.get(namespace, _NOTHING).values())
        return tuple(obj for objects in self._objects.values() for obj in objects.values())

    def add_index(self, name: str, values: Callable[[T], Iterable[str]]) -> None:
        """Keep the objects findable by what `values` says of each. An index that is there already is left as it is."""
        if name in self._indexes:
            return
        index = self._indexes[name] = _Index(values)
        for namespace, objects in self._objects.items():
            for object_name, obj in objects.items():
                index.change((namespace, object_name), None, obj)

    def by_index(self, name: str, value: str) -> Sequence[T]:
        """The objects that have the value in that index, as they are at this moment."""
        return tuple(self._indexes[name].objects.get(value, _NOTHING).values())

    def on_change(self, handler: Handler[T]) -> Callable[[], None]:
        """Call the handler for what is there and then with every change. Returns what ends that."""
        self._handlers.append(handler)
        for obj in self.list():
            self._call(handler, None, obj)
        return lambda: self._handlers.remove(handler)

    def on_index(self, index: str, value: str, handler: Handler[T]) -> Callable[[], None]:
        """As `on_change`, for the objects that have the value in that index: an object that gets it is added, one that
        loses it is deleted."""
        handlers = self._indexes[index].handlers
        handlers.setdefault(value, []).append(handler)
        for obj in self.by_index(index, value):
            self._call(handler, None, obj)

        def end() -> None:
            handlers[value].remove(handler)
            if not handlers[value]:
                del handlers[value]

        return end

    def apply(self, obj: T, *, deleted: bool = False) -> None:
        """Take in the newest state of an object and tell the handlers."""
        metadata = cast(Any, obj).metadata
        namespace, name = metadata.namespace, metadata.name
        objects = self._objects.setdefault(namespace, {})
        old = objects.get(name)
        if deleted:
            if old is None:
                return
            del objects[name]
            if not objects:
                del self._objects[namespace]
            self._tell((namespace, name), old, None)
        elif old is None or _uid(old) == metadata.uid:
            if old is not None and cast(Any, old).metadata.resourceVersion == metadata.resourceVersion:
                return  # a list after a broken watch repeats what is known
            objects[name] = obj
            self._tell((namespace, name), old, obj)
        else:  # the deletion in between was missed
            objects[name] = obj
            self._tell((namespace, name), old, None)
            self._tell((namespace, name), None, obj)

    def keys(self) -> set[tuple[str, str]]:
        return {(namespace, name) for namespace, objects in self._objects.items() for name in objects}

    def _tell(self, key: tuple[str, str], old: T | None, new: T | None) -> None:
        for index in self._indexes.values():
            index.change(key, old, new)
        for handler in tuple(self._handlers):
            self._call(handler, old, new)
        for index in self._indexes.values():
            for handler, before, after in index.affected(old, new):
                self._call(handler, before, after)

    def _call(self, handler: Handler[T], old: T | None, new: T | None) -> None:
        try:
            handler(old, new)
        except Exception:  # one component's mistake must not stop what all the others see
            _log.exception("a handler of %s failed", self.resource.plural)


_NOTHING: Mapping[Any, Any] = {}


def _uid(obj: Any) -> str:
    uid: str = obj.metadata.uid
    return uid


class Informers:
    """The informers of a process, one for each selection that was asked for."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._informers: dict[tuple[type[Any], Selection], Informer[Any]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def of(self, model: type[T], field_selector: str = "", namespace: str = "") -> Informer[T]:
        """The informer of a kind. It begins to fill when `run` does, or at once if that runs already."""
        selection = Selection(namespace=namespace, field_selector=field_selector)
        informer = self._informers.get((model, selection))
        if informer is None:
            informer = self._informers[model, selection] = Informer(model, selection)
            if self._tasks is not None:
                self._tasks.create_task(self._follow(informer))
        return informer

    async def synced(self) -> None:
        """Return when every informer that was asked for so far has had its first full list."""
        for informer in tuple(self._informers.values()):
            await informer.has_synced.wait()

    async def run(self) -> None:
        """Keep all informers current, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for informer in tuple(self._informers.values()):
                    tasks.create_task(self._follow(informer))
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    async def _follow(self, informer: Informer[Any]) -> None:
        """List and watch for ever: resume where a watch ended, list again when that is too long ago."""
        reflector = _Reflector(informer)
        delay = FIRST_DELAY
        while True:
            began = self._clock.monotonic()
            try:
                watch = self._client.transport.watch(informer.resource, informer.selection, reflector.revision)
                async for batch in watch:
                    delay = FIRST_DELAY
                    reflector.take(batch)
                if self._clock.monotonic() - began >= SHORTEST_WATCH:
                    reflector.restart()
                    continue
            except errors.Expired:
                reflector.revision = None
            except errors.StatusError as error:
                if _is_of_the_future(error):
                    reflector.revision = None
                _log.warning("watch of %s failed, next try in %.1f s: %s", informer.resource.plural, delay, error)
            reflector.restart()
            await self._clock.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)


def _is_of_the_future(error: errors.StatusError) -> bool:
    """Whether the server doesn't know the revision yet: it may have begun anew, and will perhaps never know it."""
    causes = error.details.causes if error.details else ()
    return any(cause.reason == "ResourceVersionTooLarge" for cause in causes)


class _Reflector:
    """Brings one informer in line with what a watch reports, and knows from where to resume."""

    def __init__(self, informer: Informer[Any]) -> None:
        self._informer = informer
        self.revision: str | None = None
        """What to resume from; None until a first list is complete."""
        self._unseen: set[tuple[str, str]] = informer.keys()
        """While a list arrives: what the cache has and the list hasn't shown yet."""

    def restart(self) -> None:
        """A new watch begins: if it begins with a list, that list has shown nothing yet."""
        self._unseen = self._informer.keys() if self.revision is None else set()

    def take(self, batch: Sequence[ObjectEvent]) -> None:
        informer = self._informer
        for event in batch:
            if event.type != "BOOKMARK":
                if self._unseen:
                    self._unseen.discard((event.object.metadata.namespace, event.object.metadata.name))
                informer.apply(event.object, deleted=event.type == "DELETED")
            elif event.initial_events_end:
                self._listed()
            if self.revision is not None or event.initial_events_end:
                self.revision = event.revision

    def _listed(self) -> None:
        """The list is complete: what it didn't show is gone."""
        for namespace, name in sorted(self._unseen):
            self._informer.apply(self._informer.get(namespace, name), deleted=True)
        self._unseen = set()
        self._informer.has_synced.set()
