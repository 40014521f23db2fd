"""The parts put together: store, registry, API server, controllers, scheduler and node agents in one event loop.

This is the only module that knows them all. `podium up` runs a cluster on a data directory and real time; tests run one
on the memory store and a virtual clock, with or without the HTTP server.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from podium.agent.choose import RuntimeChoice, choose_runtime
from podium.client.client import Client
from podium.client.informers import Informers
from podium.client.inprocess import InProcessTransport
from podium.clock import Clock, RealClock
from podium.machinery.errors import AlreadyExists, NotFound
from podium.machinery.streams import ClientStreams, Connection, LogOptions, StreamOptions
from podium.machinery.usage import NodeUsage
from podium.models.apiregistration_v1 import APIService
from podium.models.core_v1 import ServiceAccount
from podium.models.meta_v1 import ObjectMeta
from podium.registry.registry import Registry
from podium.registry.resources import Resource
from podium.registry.unreadable import CorruptObject
from podium.store.port import Store

if TYPE_CHECKING:
    from podium.agent.agent import Agent
    from podium.server.server import Server

log = logging.getLogger(__name__)

DEFAULT_PORT = 6443


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """What a cluster is made of."""

    data_dir: Path
    """Where certificates, the kubeconfig and the Pods' files are."""
    runtime: str = "auto"
    """How Pods run: "process", "simulated", or "auto" for what the machine can do."""
    nodes: int = 1
    port: int | None = None
    """Of the API on loopback; 0: any free one; None: 6443 if it is free, else any."""
    lease_seconds: int = 40
    """How long a node may be silent before it counts as lost."""
    serve: bool = True
    """Whether the API is served over HTTPS from the start; a test that stays in the process needs none."""


class NodesInProcess:
    """machinery.streams.NodeAccess for agents that live in this process."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}

    async def usage(self, node: str) -> NodeUsage | None:
        """machinery.usage.UsageAccess."""
        agent = self.agents.get(node)
        return None if agent is None else await agent.usage()

    def logs(self, node: str, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        return self._agent(node).logs(node, namespace, pod, options)

    async def exec(
        self,
        node: str,
        namespace: str,
        pod: str,
        command: Sequence[str],
        options: StreamOptions,
        client: ClientStreams,
    ) -> int:
        return await self._agent(node).exec(node, namespace, pod, command, options, client)

    async def attach(self, node: str, namespace: str, pod: str, options: StreamOptions, client: ClientStreams) -> None:
        await self._agent(node).attach(node, namespace, pod, options, client)

    async def connect(self, node: str, namespace: str, pod: str, port: int) -> Connection:
        return await self._agent(node).connect(node, namespace, pod, port)

    def _agent(self, node: str) -> Agent:
        agent = self.agents.get(node)
        if agent is None:
            raise NotFound("nodes", node)
        return agent


class Cluster:
    """`start` returns when the API answers, `ready` when the nodes and the default ServiceAccount are there too."""

    def __init__(self, config: ClusterConfig, store: Store, clock: Clock, rng: Random) -> None:
        self.config = config
        self.registry = Registry(store, clock, rng)
        self.client = Client(InProcessTransport(self.registry))
        self.informers = Informers(self.client, clock)
        self.nodes = NodesInProcess()
        self.runtime: RuntimeChoice = choose_runtime(config.runtime, config.data_dir)
        self.registry.provide_metrics(self.nodes)
        self._clock = clock
        self._rng = rng
        self._server: Server | None = None
        self._agents: list[asyncio.Task[None]] = []
        self._parts: list[asyncio.Task[None]] = []
        self._failure = ""
        self._failed = asyncio.Event()

    @property
    def kubeconfig(self) -> Path:
        return self.config.data_dir / "kubeconfig"

    @property
    def port(self) -> int:
        """Of the API; 0 while it isn't served."""
        return self._server.port if self._server else 0

    async def start(self) -> None:
        """Begin everything; return when the API answers."""
        await self.registry.start()
        if self.config.serve:
            await self._default_account()
            await self.serve()
            # What looks after the cluster takes as long to import as the API takes to start: meanwhile that answers.
            await asyncio.to_thread(_import_parts)
        from podium.agent.agent import Agent
        from podium.controllers.manager import ControllerManager
        from podium.scheduler.scheduler import Scheduler

        clock, rng, client, informers = self._clock, self._rng, self.client, self.informers
        manager = ControllerManager(
            client,
            informers,
            clock,
            rng,
            resources=[row.type for row in self.registry.resources() if _is_collected(row)],
            root_ca=self._root_ca(),
            volumes=self.config.data_dir.absolute() / "volumes",
            probe=self._probe,
        )
        self._part("scheduler", Scheduler(client, informers, clock, rng).run())
        self._part("controllers", manager.run())
        for index in range(self.config.nodes):
            name = f"node-{index + 1}"
            runtime = self.runtime.make(name, index)
            agent = Agent(
                client,
                informers,
                clock,
                rng,
                name,
                runtime,
                index=index,
                lease_seconds=self.config.lease_seconds,
                manifests=self.config.data_dir / "nodes" / name / "manifests" if runtime is not None else None,
            )
            self.nodes.agents[name] = agent
            self._agents.append(self._task(f"agent of {name}", agent.run()))
        self._part("informers", informers.run())

    async def _default_account(self) -> None:
        """Its controller would make it soon; but Pods need it, and should be welcome as soon as the API answers."""
        with suppress(AlreadyExists, CorruptObject):
            await self.client.create(ServiceAccount(metadata=ObjectMeta(name="default", namespace="default")))

    async def _probe(self, service: APIService) -> str:
        """Nobody is asked unless the API is served: a virtual cluster's Pods don't run, and its network isn't there."""
        extensions = self.registry.extensions
        return "" if extensions is None else await extensions.probe(service)

    def _root_ca(self) -> str:
        certificate = self.config.data_dir / "pki" / "ca.crt"
        return certificate.read_text() if certificate.exists() else ""

    def _part(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._parts.append(self._task(name, work))

    def _task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """No part ends by itself: if one does, the cluster can't go on as if nothing had happened."""
        if not task.cancelled() and not self._failed.is_set():
            problem = task.exception()
            log.error("%s ended", task.get_name(), exc_info=problem)
            self._failure = f"{task.get_name()} ended: {problem}"
            self._failed.set()

    async def serve(self) -> None:
        """Serve the API over HTTPS on loopback and write the admin kubeconfig."""
        # A test that stays in the process starts faster without the HTTP server's modules.
        from podium.server import pki
        from podium.server.server import Server, ServerConfig

        data_dir = self.config.data_dir
        # Certificates are checked against the machine's time, whatever time it is in the cluster.
        files = pki.ensure(data_dir / "pki", RealClock().now())
        wanted = DEFAULT_PORT if self.config.port is None else self.config.port
        self._server = Server(self.registry, self._clock, self._rng, ServerConfig(pki=files, port=wanted), self.nodes)
        try:
            await self._server.start()
        except OSError as problem:
            if self.config.port is not None or problem.errno != errno.EADDRINUSE:
                raise
            self._server = Server(self.registry, self._clock, self._rng, ServerConfig(pki=files, port=0), self.nodes)
            await self._server.start()
        pki.write_kubeconfig(self.kubeconfig, f"https://127.0.0.1:{self._server.port}", files)

    async def ready(self) -> None:
        """Return when all nodes are looked after and the default ServiceAccount exists; RuntimeError if one ended."""
        accounts = self.informers.of(ServiceAccount)
        await self._unless_failed(self._ready(accounts))

    async def _ready(self, accounts: Any) -> None:
        there = asyncio.Event()
        end = accounts.on_change(lambda _old, new: there.set() if _is_default(new) else None)
        try:
            if accounts.get("default", "default") is None and self._may_come("serviceaccounts", "default", "default"):
                await there.wait()
            for name, agent in self.nodes.agents.items():
                if self._may_come("nodes", "", name):
                    await agent.registered.wait()
        finally:
            end()

    def _may_come(self, resource: str, namespace: str, name: str) -> bool:
        """Not if it is stored and can't be read: then it takes somebody to delete it."""
        collection = self.registry.live(resource)
        return collection.key(namespace, name) not in collection.unreadable

    async def _unless_failed(self, work: Coroutine[Any, Any, None]) -> None:
        task, failed = asyncio.create_task(work), asyncio.create_task(self._failed.wait())
        try:
            await asyncio.wait((task, failed), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise RuntimeError(self._failure)
            task.result()
        finally:
            task.cancel()
            failed.cancel()

    async def failed(self) -> str:
        """Return when a part has ended by itself, and say which and why."""
        await self._failed.wait()
        return self._failure

    async def stop(self) -> None:
        """End the Pods' processes, then the parts, then the API."""
        self._failed.set()
        await _cancelled(self._agents)
        await _cancelled(self._parts)
        if self._server:
            await self._server.stop()
        await self.registry.stop()


def _import_parts() -> None:
    for part in ("agent.agent", "controllers.manager", "scheduler.scheduler"):
        import_module(f"podium.{part}")


def _is_collected(row: Resource) -> bool:
    """Whether the garbage collector has to look after a resource: kept by itself, not another version's view."""
    return row.view is None and {"list", "watch", "delete"} <= set(row.verbs)


def _is_default(account: ServiceAccount | None) -> bool:
    return account is not None and (account.metadata.namespace, account.metadata.name) == ("default", "default")


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            log.error("while stopping: %s", ended, exc_info=ended)
    tasks.clear()
