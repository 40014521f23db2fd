"""Keeps the relays and the names of a node in line with Services, their endpoints and the Pods' host ports."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence

from podium.agent.driver import NodeContext
from podium.agent.events import WARNING
from podium.agent.runtime import Line, Runtime
from podium.agent.services import rules
from podium.agent.services.relay import Relay
from podium.agent.services.rules import Backend, Frontend
from podium.models.core_v1 import Pod, Service
from podium.models.discovery_v1 import EndpointSlice

BACKLOG = 128
RETRY_SECONDS = 10.0
"""Until it is tried again to listen where somebody else does."""

_log = logging.getLogger(__name__)


class ServiceProxy:
    """Of the nodes on one machine only the first listens for Services; each does for its own Pods' host ports."""

    def __init__(self, context: NodeContext, runtime: Runtime) -> None:
        informers = context.informers
        self._services = informers.of(Service)
        self._slices = informers.of(EndpointSlice)
        self._pods = informers.of(Pod)
        self._runtime = runtime
        self._context = context
        self._relays: dict[Frontend, Relay] = {}
        self._refused: dict[Frontend, str] = {}
        self._owners: dict[Frontend, Pod] = {}
        """The Pods whose host ports they are."""
        self._changed = asyncio.Event()
        self._ends: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when the names are known that there are at this moment."""
        self._ends = [
            self._services.on_change(self._note),
            self._slices.on_change(self._note),
            self._pods.on_change(self._note_pod),
        ]
        await self._services.has_synced.wait()
        await self._slices.has_synced.wait()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="service proxy")

    async def stop(self) -> None:
        for end in self._ends:
            end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(relay.stop() for relay in self._relays.values()))
        self._relays.clear()

    def names(self, namespace: str) -> tuple[Line, ...]:
        """What Pods of that namespace can call others."""
        return rules.names(namespace, self._services.list(), self._by_service())

    def _note(self, _old: object, _new: object) -> None:
        self._changed.set()

    def _note_pod(self, old: Pod | None, new: Pod | None) -> None:
        """Only host ports matter here, which few Pods have."""
        if any(pod is not None and rules.host_port_frontends(pod) for pod in (old, new)):
            self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._listen()
                await self._tell_names()
            except Exception:  # what fails now is tried again with the next change
                _log.exception("the service proxy of %s failed", self._context.node_name)
            again = self._context.clock.call_later(RETRY_SECONDS, self._changed.set) if self._refused else None
            try:
                await self._changed.wait()
            finally:
                if again is not None:
                    again.cancel()

    def _by_service(self) -> dict[tuple[str, str], Sequence[EndpointSlice]]:
        found: dict[tuple[str, str], list[EndpointSlice]] = {}
        for piece in self._slices.list():
            found.setdefault(rules.service_of(piece), []).append(piece)
        return {key: tuple(pieces) for key, pieces in found.items()}

    def _wanted(self) -> dict[Frontend, tuple[Backend, ...]]:
        found: dict[Frontend, tuple[Backend, ...]] = {}
        if self._context.index == 0:
            slices = self._by_service()
            for service in self._services.list():
                key = (service.metadata.namespace, service.metadata.name)
                found |= rules.service_frontends(service, slices.get(key, ()))
        self._owners = {}
        for pod in self._pods.list():
            if pod.spec.nodeName == self._context.node_name:
                mine = rules.host_port_frontends(pod)
                self._owners |= dict.fromkeys(mine, pod)
                found |= mine
        return found

    async def _listen(self) -> None:
        wanted = self._wanted()
        gone = [frontend for frontend in self._relays if frontend not in wanted]
        await asyncio.gather(*(self._relays.pop(frontend).stop() for frontend in gone))
        self._refused = {frontend: why for frontend, why in self._refused.items() if frontend in wanted}
        for frontend, backends in sorted(wanted.items()):
            relay = self._relays.get(frontend) or await self._open(frontend)
            if relay is not None:
                relay.backends = backends

    async def _open(self, frontend: Frontend) -> Relay | None:
        try:
            listening = await self._socket(frontend)
        except OSError as error:
            if self._refused.get(frontend) != str(error):
                self._tell_refused(frontend, error)
            self._refused[frontend] = str(error)
            return None
        self._refused.pop(frontend, None)
        if listening is None:
            return None
        relay = self._relays[frontend] = Relay(listening, self._context.clock, self._context.rng)
        relay.start()
        return relay

    def _tell_refused(self, frontend: Frontend, error: OSError) -> None:
        why = f"can't listen on {frontend.address}:{frontend.port}: {os.strerror(error.errno or 0)}"
        _log.warning("%s", why)
        pod = self._owners.get(frontend)
        if pod is not None:  # a program of this machine has it, or a Pod of another of its nodes
            self._context.events.pod(
                pod, WARNING, "HostPortConflict", f"Host port {frontend.port} leads nowhere: {why}"
            )

    async def _socket(self, frontend: Frontend) -> socket.socket | None:
        if frontend.on_machine:
            return socket.create_server((frontend.address, frontend.port), backlog=BACKLOG)
        return await self._runtime.listen(frontend.address, frontend.port)

    async def _tell_names(self) -> None:
        """To Pods that have a network of their own: others don't reach what is named."""
        known: dict[str, tuple[Line, ...]] = {}
        for sandbox in self._runtime.sandboxes():
            if sandbox.network and not sandbox.stopped:
                if sandbox.namespace not in known:
                    known[sandbox.namespace] = self.names(sandbox.namespace)
                await self._runtime.set_names(sandbox.uid, known[sandbox.namespace])
