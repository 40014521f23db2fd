"""A real server on loopback with the memory store, and raw clients of it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from podium.clock import Clock, RealClock
from podium.machinery.streams import NodeAccess
from podium.registry.registry import Registry
from podium.registry.types import User
from podium.server import pki
from podium.server.server import Server, ServerConfig
from podium.store.memory import MemoryStore

TOKENS = {
    "alice-token": User("alice", ("developers", "system:authenticated")),
    "admin-token": User("root", ("system:masters", "system:authenticated")),
}


def client_context(files: pki.Pki, pair: pki.Pair | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca.certificate))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


class Impatient(RealClock):
    """A clock whose owner says when what may take so many seconds has taken as long as it may."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timers: list[tuple[asyncio.TimerHandle, Callable[[], object]]] = []

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        timer = super().call_later(seconds, callback)
        if seconds == self._seconds:
            self._timers.append((timer, callback))
        return timer

    def time_is_up(self) -> None:
        for timer, callback in self._timers:
            if not timer.cancelled():
                timer.cancel()
                callback()


class Harness:
    def __init__(self, server: Server, registry: Registry, files: pki.Pki) -> None:
        self.server = server
        self.registry = registry
        self.files = files
        self.url = f"https://127.0.0.1:{server.port}"
        self.admin = self.session(files.admin)
        self.anonymous = self.session(None)

    def session(self, pair: pki.Pair | None, token: str = "") -> aiohttp.ClientSession:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return aiohttp.ClientSession(
            self.url, connector=aiohttp.TCPConnector(ssl=client_context(self.files, pair)), headers=headers
        )

    async def get(self, path: str, **headers: str) -> Any:
        async with self.admin.get(path, headers=headers) as response:
            return await response.json(content_type=None)

    async def post(self, path: str, obj: Any, **headers: str) -> tuple[int, Any]:
        async with self.admin.post(path, json=obj, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def as_alice(self, method: str, path: str, **kwargs: Any) -> tuple[int, Any]:
        headers = {"Authorization": "Bearer alice-token", **kwargs.pop("headers", {})}
        async with self.anonymous.request(method, path, headers=headers, **kwargs) as response:
            return response.status, await response.json(content_type=None)

    @asynccontextmanager
    async def raw(self, pair: pki.Pair | None) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare TLS connection."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.server.port, ssl=client_context(self.files, pair), limit=1 << 24
        )
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):  # the server may have closed first
                await writer.wait_closed()

    async def close(self) -> None:
        await self.admin.close()
        await self.anonymous.close()


@asynccontextmanager
async def serving(
    directory: Path, node_access: NodeAccess | None = None, clock: Clock | None = None, **config: Any
) -> AsyncIterator[Harness]:
    clock = clock or RealClock()
    registry = Registry(MemoryStore(), clock, Random(1))
    await registry.start()
    files = pki.ensure(directory, clock.now())
    server = Server(registry, clock, Random(2), ServerConfig(pki=files, tokens=TOKENS, **config), node_access)
    await server.start()
    harness = Harness(server, registry, files)
    try:
        yield harness
    finally:
        await harness.close()
        await server.stop()
        await registry.stop()


Check = Callable[[Harness], Awaitable[None]]
Serve = Callable[..., None]

TOOLS = Path(__file__).parents[2] / ".tools"
KUBECTL = TOOLS / "kubectl"
Kubectl = Callable[..., str]
"""Runs stock kubectl and gives what it prints; `fails=True` for one that has to fail, `stdin` for its input."""


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"key": "value"}}


CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: "example/app:v1", ports: [{containerPort: 80}]}]
"""
