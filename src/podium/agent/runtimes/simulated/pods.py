"""The Pods of a simulated node: which there are, their addresses, and what clients may ask of their containers.

Nothing runs. There is no task per Pod, so that thousands cost little. What happens to a Pod is in `pod.py`, to one of
its containers in `container.py`; what a container does comes from its image, command and annotations (`behaviour.py`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence

from podium.agent.addresses import AddressPool
from podium.agent.driver import NodeContext, container_not_found
from podium.agent.phase import FINAL
from podium.agent.runtimes.simulated import commands, output
from podium.agent.runtimes.simulated import exec as exec_
from podium.agent.runtimes.simulated.behaviour import FirstRuns
from podium.agent.runtimes.simulated.container import SimulatedContainer
from podium.agent.runtimes.simulated.pod import SimulatedPod
from podium.machinery import errors
from podium.machinery.streams import ClientStreams, Connection, LogOptions, StreamOptions
from podium.models.core_v1 import Pod

ATTACH_POLL = 0.5


class SimulatedPods:
    """The driver of a simulated node."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._pods: dict[str, SimulatedPod] = {}
        self._addresses = AddressPool(context.pod_cidr)
        self._first_runs = FirstRuns()

    async def start(self) -> None:
        """Nothing outlives the process but the statuses in the API."""
        await self._context.interests.start()

    async def remove_orphans(self) -> None:
        """There is nothing that could run without its Pod."""

    async def stop(self) -> None:
        for sim in self._pods.values():
            sim.cancel()
        self._pods.clear()

    # --- Pods come, change and go

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is None:
            if old is not None:
                self._forget(old)
        elif (sim := self._pods.get(new.metadata.uid)) is not None:
            sim.update(new)
        elif new.status.phase not in FINAL:
            self._admit(new)
        elif new.metadata.deletionTimestamp is not None:
            self._context.statuses.remove(new)

    def _admit(self, pod: Pod) -> None:
        ip = self._context.host_ip if pod.spec.hostNetwork else self._address(pod.status.podIP)
        sim = self._pods[pod.metadata.uid] = SimulatedPod(self._context, self._first_runs, pod, ip)
        sim.start()

    def _address(self, known: str) -> str:
        if known and self._addresses.claim(known):
            return known
        return self._addresses.take()

    def _forget(self, pod: Pod) -> None:
        sim = self._pods.pop(pod.metadata.uid, None)
        if sim is not None:
            sim.forget()
            if not pod.spec.hostNetwork:
                self._addresses.give_back(sim.ip)
        self._context.statuses.forget(pod.metadata.uid)

    # --- what clients ask of their containers

    async def logs(self, pod: Pod, options: LogOptions) -> AsyncIterator[bytes]:
        """What a trivial command would have printed; nothing follows it but the container's end."""
        sim = self._pods.get(pod.metadata.uid)
        container = next((c for c in sim.containers if c.spec.name == options.container), None) if sim else None
        if container is None or container.view.current is None:
            raise errors.BadRequest(
                f'container "{options.container}" in pod "{pod.metadata.name}" is waiting to start: ContainerCreating'
            )
        record = container.view.previous if options.previous else container.view.current
        if record is None:
            raise errors.BadRequest(
                f'previous terminated container "{options.container}" in pod "{pod.metadata.name}" not found'
            )
        now = self._context.clock.now()
        text = container.acts.output
        if text and (piece := output.shown(text + "\n", record.started_at or now, options, now)):
            yield piece
        if options.follow and not options.previous:
            await self._ended(pod, container)

    async def exec(self, pod: Pod, command: Sequence[str], options: StreamOptions, client: ClientStreams) -> int:
        container = self._running(pod, options.container)
        hostname = pod.spec.hostname or pod.metadata.name[:63]
        known = commands.variables(pod, container.spec)
        return await exec_.run(command, options, client, {"PATH": os.defpath, "HOSTNAME": hostname, **known})

    async def attach(self, pod: Pod, options: StreamOptions, client: ClientStreams) -> None:
        """It never writes anything after its start: there is only its end to wait for."""
        await self._ended(pod, self._running(pod, options.container))

    async def _ended(self, pod: Pod, container: SimulatedContainer) -> None:
        """Return when this run of the container has ended."""
        record = container.view.current
        while container.running and container.view.current is record and pod.metadata.uid in self._pods:
            await self._context.clock.sleep(ATTACH_POLL)

    async def connect(self, pod: Pod, port: int) -> Connection:
        raise errors.InternalError(f"Pods of this node are simulated: nothing listens on port {port}")

    def _running(self, pod: Pod, name: str) -> SimulatedContainer:
        sim = self._pods.get(pod.metadata.uid)
        for container in sim.containers if sim else ():
            if container.spec.name == name and container.running:
                return container
        raise container_not_found(name)
