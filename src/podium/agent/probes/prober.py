"""Probes one run of a container: a task per probe, from its start until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from podium.agent.probes import handlers
from podium.agent.probes.state import KINDS, ProbeKind, ProbeState, initial, is_decided, observed, probe_of
from podium.models.core_v1 import Probe

TITLES = {"liveness": "Liveness", "readiness": "Readiness", "startup": "Startup"}


@dataclass(slots=True)
class Prober:
    """The probes of one run of a container and what they have found."""

    target: handlers.Target
    began: datetime
    """When the container did."""
    changed: Callable[[], None]
    """Called when a verdict has changed."""
    tell: Callable[[str, str], None]
    """Called with the reason and message of an Event, for each failure."""
    states: dict[ProbeKind, ProbeState] = field(default_factory=dict)
    _tasks: dict[ProbeKind, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, *, started: bool = False, ready: bool = False) -> None:
        """Begin. `started` and `ready` are what was found before, when an agent takes over a running container."""
        for kind in KINDS:
            if probe_of(self.target.container, kind) is not None:
                self.states[kind] = initial(kind)
        if started and "startup" in self.states:
            self.states["startup"] = ProbeState(True)
        if ready and "readiness" in self.states:
            self.states["readiness"] = ProbeState(True)
        if self.started:
            self._begin("liveness", "readiness")
        else:
            self._begin("startup")

    @property
    def started(self) -> bool:
        return "startup" not in self.states or self.states["startup"].passed

    @property
    def ready(self) -> bool:
        return self.started and ("readiness" not in self.states or self.states["readiness"].passed)

    @property
    def failed(self) -> ProbeKind | None:
        """The probe for which the container has to be killed."""
        for kind in ("startup", "liveness"):
            state, probe = self.states.get(kind), probe_of(self.target.container, kind)
            if state is not None and probe is not None and not state.passed and is_decided(kind, state, probe):
                return kind
        return None

    def stop(self, *kinds: ProbeKind) -> None:
        """End these probes, or all."""
        for kind in kinds or KINDS:
            task = self._tasks.pop(kind, None)
            if task is not None:
                task.cancel()

    def _begin(self, *kinds: ProbeKind) -> None:
        for kind in kinds:
            probe = probe_of(self.target.container, kind)
            if probe is not None:
                self._tasks[kind] = asyncio.get_running_loop().create_task(self._run(kind, probe))

    async def _run(self, kind: ProbeKind, probe: Probe) -> None:
        clock = self.target.clock
        await clock.sleep((probe.initialDelaySeconds or 0) - (clock.now() - self.began).total_seconds())
        while True:
            following = clock.monotonic() + (probe.periodSeconds or 10)
            outcome = await handlers.probe(self.target, probe, float(probe.timeoutSeconds or 1))
            if not outcome.carried_out:
                why = f"{TITLES[kind]} probe errored and resulted in unknown state: {outcome.message}"
                self.tell("Unhealthy", why)
                await clock.sleep(following - clock.monotonic())
                continue
            if not outcome.success:
                self.tell("Unhealthy", f"{TITLES[kind]} probe failed: {outcome.message}")
            elif outcome.warning:
                self.tell("ProbeWarning", f"{TITLES[kind]} probe warning: {outcome.message}")
            before = self.states[kind]
            after = self.states[kind] = observed(before, outcome.success, probe)
            decided = is_decided(kind, after, probe)
            if kind == "startup" and after.passed:
                self._begin("liveness", "readiness")
            if after.passed != before.passed or decided:
                self.changed()
            if decided:
                return
            await clock.sleep(following - clock.monotonic())
