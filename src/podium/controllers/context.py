"""What a controller is given: the API, the shared informers, time, chance, and a way to tell Events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TypeVar

from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.client.informers import Handler, Informer, Informers
from podium.clock import Clock
from podium.models.apiregistration_v1 import APIService
from podium.models.resources import ResourceType

T = TypeVar("T")
Key = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class Context:
    client: Client
    informers: Informers
    clock: Clock
    rng: Random
    resources: Sequence[ResourceType] = ()
    """What the API serves that can be listed, watched and deleted: what the garbage collector looks after."""
    root_ca: str = ""
    """The PEM of the certificate authority that Pods are to trust; empty: none is published."""
    volumes: Path | None = None
    """Where directories are made for claims; None: nowhere, somebody else makes volumes."""
    probe: Callable[[APIService], Awaitable[str]] | None = None
    """Asks the API server behind an APIService for its resources and says what went wrong; None: nobody can."""
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _recorders: list[EventRecorder] = field(default_factory=list)

    def now(self) -> datetime:
        """The time, in whole seconds as the API keeps it."""
        return self.clock.now().replace(microsecond=0)

    def recorder(self, component: str) -> EventRecorder:
        recorder = EventRecorder(self.client, self.clock, self.rng, component)
        self._recorders.append(recorder)
        return recorder

    def on_change(self, informer: Informer[T], handler: Handler[T]) -> None:
        """Have a handler called with every change, until the controllers stop."""
        self._ends.append(informer.on_change(handler))

    async def close(self) -> None:
        """End what controllers registered."""
        for end in self._ends:
            end()
        self._ends.clear()
        for recorder in self._recorders:
            await recorder.close()
