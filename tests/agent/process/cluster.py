"""A whole cluster with real processes inside a test, and what tests ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import yaml

from podium.client.informers import Informer
from podium.clock import RealClock
from podium.cluster import Cluster, ClusterConfig
from podium.machinery.streams import LogOptions
from podium.models import codec
from podium.models.core_v1 import Event
from podium.models.resources import by_kind
from podium.store.memory import MemoryStore

from .conftest import DEADLINE

T = TypeVar("T")
R = TypeVar("R")


@asynccontextmanager
async def process_cluster(data_dir: Path, store: MemoryStore | None = None) -> AsyncIterator[Cluster]:
    config = ClusterConfig(data_dir=data_dir, runtime="process", nodes=1, port=0, serve=True)
    found = Cluster(config, store or MemoryStore(), RealClock(), Random(str(data_dir)))
    await found.start()
    try:
        await found.ready()
        yield found
    finally:
        await found.stop()


def free_port(first: int, last: int) -> int:
    """A port of the machine that nothing listens on; processes that test at the same time look in different places."""
    span = last - first + 1
    for step in range(span):
        port = first + (os.getpid() * 37 + step) % span
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise LookupError(f"no free port from {first} to {last}")


async def apply(at: Cluster, text: str) -> None:
    """Create the objects of a YAML text in the namespace default."""
    for document in yaml.safe_load_all(text):
        resource = by_kind(document["apiVersion"], document["kind"])
        assert resource is not None
        if resource.namespaced:
            document["metadata"].setdefault("namespace", "default")
        await at.client.create(codec.from_tree(document, resource.model))


async def seen(at: Cluster, model: type[T], look: Callable[[Informer[T]], R]) -> R:
    """What is found among the objects of that kind, as soon as there is something."""
    informer = at.informers.of(model)
    changed = asyncio.Event()
    end = informer.on_change(lambda _old, _new: changed.set())
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                changed.clear()
                if found := look(informer):
                    return found
                await changed.wait()
    finally:
        end()


async def when(at: Cluster, model: type[T], name: str, holds: Callable[[T], Any]) -> T:
    """The object as soon as something holds for it."""

    def look(informer: Informer[T]) -> T | None:
        found = informer.get("default", name)
        return found if found is not None and holds(found) else None

    found = await seen(at, model, look)
    assert found is not None
    return found


async def gone(at: Cluster, model: type[Any], name: str) -> None:
    """Return when there is no such object."""
    await seen(at, model, lambda informer: informer.get("default", name) is None)


async def events(at: Cluster, reason: str) -> list[Event]:
    """All Events of that reason, as soon as there is one."""
    return await seen(at, Event, lambda informer: [event for event in informer.list() if event.reason == reason])


async def log_says(at: Cluster, pod: str, *wanted: str) -> str:
    """The log of a Pod's first container, as soon as it has these texts in it."""
    text = ""
    async with asyncio.timeout(DEADLINE):
        async for piece in at.nodes.logs("node-1", "default", pod, LogOptions(follow=True)):
            text += piece.decode()
            if all(part in text for part in wanted):
                return text
    raise AssertionError(f"{pod} ended without saying {wanted}: {text}")
