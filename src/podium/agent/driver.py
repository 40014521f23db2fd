"""What carries out the Pods of a node: one worker a Pod for runtimes that run something, or the simulation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol

from podium.agent.events import ContainerEvents
from podium.agent.interests import Interests
from podium.agent.status_manager import StatusManager
from podium.client.client import Client
from podium.client.informers import Informers
from podium.clock import Clock
from podium.machinery import errors
from podium.machinery.streams import ClientStreams, Connection, LogOptions, StreamOptions
from podium.models.core_v1 import Pod


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What the parts of one node agent share."""

    client: Client
    clock: Clock
    rng: Random
    node_name: str
    host_ip: str
    pod_cidr: str
    statuses: StatusManager
    events: ContainerEvents
    allocatable: dict[str, str]
    """What the node offers to Pods: the limit of containers that name none."""
    interests: Interests
    informers: Informers
    index: int = 0
    """Of the node among those of this machine."""

    def now(self) -> datetime:
        """The time as statuses have it: whole seconds."""
        return self.clock.now().replace(microsecond=0)


class PodDriver(Protocol):
    async def start(self) -> None:
        """Take up what an earlier run left behind."""

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """A Pod came to the node (old None), changed, or is gone from the API (new None)."""

    async def remove_orphans(self) -> None:
        """Called when all Pods of the node are known: end what runs for others."""

    def logs(self, pod: Pod, options: LogOptions) -> AsyncIterator[bytes]:
        """What a container of the Pod has written."""

    async def exec(self, pod: Pod, command: Sequence[str], options: StreamOptions, client: ClientStreams) -> int:
        """Run a command in a container of the Pod; its exit code."""

    async def attach(self, pod: Pod, options: StreamOptions, client: ClientStreams) -> None:
        """Show what a container of the Pod writes until it ends."""

    async def connect(self, pod: Pod, port: int) -> Connection:
        """Connect to what listens in the Pod."""

    async def stop(self) -> None:
        """End everything."""


def container_not_found(name: str) -> errors.InternalError:
    """What a client is told of a container that isn't running, as the kubelet words it."""
    return errors.InternalError(
        f'Internal error occurred: unable to upgrade connection: container not found ("{name}")'
    )
