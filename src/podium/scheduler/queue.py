"""Pods that wait for a node: who is next, who has to wait, and what wakes whom.

A Pod is in one of these places:
- active: tried next, by priority, then by how long it waits;
- backing off: tried when nothing is active, or becomes active when its back-off is over;
- retrying: the API refused something; not tried before its back-off is over;
- parked: no node would do; stays until an event comes that one of the rules that refused it takes for a change,
  or for five minutes;
- gated: has scheduling gates, and isn't tried at all.
Timings are those of Kubernetes' scheduling queue.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from enum import Enum, auto
from itertools import count

from podium.clock import Clock
from podium.scheduler.pods import PodInfo, Template
from podium.scheduler.rules.base import Event
from podium.scheduler.rules.hints import BY_EVENT

INITIAL_BACKOFF = 1.0
LONGEST_BACKOFF = 10.0
LONGEST_PARKED = 300.0


class Place(Enum):
    ACTIVE = auto()
    BACKING_OFF = auto()
    RETRYING = auto()
    PARKED = auto()
    GATED = auto()
    OUT = auto()
    """Taken out to be tried."""


class QueuedPod:
    """A Pod that waits, and how often it was tried in vain."""

    __slots__ = ("errors", "failures", "info", "place", "rules", "tried", "turn")

    def __init__(self, info: PodInfo, now: float) -> None:
        self.info = info
        self.place = Place.OUT
        self.turn = 0
        """Which entry of the heaps is valid: older ones were left behind."""
        self.failures = 0
        self.errors = 0
        """In a row."""
        self.tried = now
        self.rules: frozenset[str] = frozenset()
        """Which rules refused it last."""

    @property
    def uid(self) -> str:
        return self.info.uid

    def backoff_ends(self) -> float:
        times = self.errors or self.failures
        if not times:
            return self.tried
        return self.tried + min(INITIAL_BACKOFF * 2.0 ** min(times - 1, 10), LONGEST_BACKOFF)


Group = tuple[Template, frozenset[str]]
"""Parked Pods that are alike and were refused by the same rules: what helps one helps all."""

Entry = tuple[float, int, int, QueuedPod]
"""When (where that matters), by priority, in turn."""


class SchedulingQueue:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pods: dict[str, QueuedPod] = {}
        self._turns = count(1)
        self._active: list[Entry] = []
        self._backing_off: list[Entry] = []
        self._retrying: list[Entry] = []
        self._parked: dict[Group, dict[str, QueuedPod]] = {}
        self._oldest_parked: dict[str, QueuedPod] = {}
        """In the order in which they were parked."""
        self._something_to_do = asyncio.Event()
        self._retry_timer: asyncio.TimerHandle | None = None
        self._flush_timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._pods)

    def get(self, uid: str) -> QueuedPod | None:
        return self._pods.get(uid)

    # In and out

    def put(self, info: PodInfo) -> None:
        """A Pod without a node is there, or it changed."""
        queued = self._pods.get(info.uid)
        gated = bool(info.pod.spec.schedulingGates)
        if queued is None:
            queued = self._pods[info.uid] = QueuedPod(info, self._clock.monotonic())
            if gated:
                queued.place = Place.GATED
            else:
                self._activate(queued)
            return
        changed = queued.info.template is not info.template
        if queued.place is Place.PARKED and changed:
            self._unpark(queued)
            queued.info = info
            self._wake(queued)
        else:
            queued.info = info
            if queued.place is Place.GATED and not gated:
                self._activate(queued)

    def remove(self, uid: str) -> None:
        """The Pod is gone, or has a node."""
        queued = self._pods.pop(uid, None)
        if queued is not None:
            if queued.place is Place.PARKED:
                self._unpark(queued)
            queued.turn = 0

    def pop(self) -> QueuedPod | None:
        """The Pod to be tried next; None if there is none now."""
        now = self._clock.monotonic()
        while self._backing_off and self._backing_off[0][-1].backoff_ends() <= now:
            queued = self._first(self._backing_off)
            if queued is not None:
                self._activate(queued)
        while self._active or self._backing_off:
            queued = self._first(self._active or self._backing_off)
            if queued is not None:
                queued.place = Place.OUT
                return queued
        self._something_to_do.clear()
        return None

    @staticmethod
    def _first(heap: list[Entry]) -> QueuedPod | None:
        """What the first entry stands for; None if it was left behind."""
        *_, turn, queued = heapq.heappop(heap)
        return queued if queued.turn == turn else None

    async def ready(self) -> None:
        """Return when there may be something to pop."""
        await self._something_to_do.wait()

    def stop(self) -> None:
        for timer in (self._retry_timer, self._flush_timer):
            if timer is not None:
                timer.cancel()

    # What became of a Pod that was taken out

    def done(self, queued: QueuedPod) -> None:
        """It got a node; should that fail after all, `retry` takes it back."""
        if self._pods.get(queued.uid) is queued:
            del self._pods[queued.uid]

    def park(self, queued: QueuedPod, rules: frozenset[str]) -> None:
        """No node would do, because of these rules (none: because there is no node)."""
        if self._pods.get(queued.uid) is not queued:
            return
        queued.tried = self._clock.monotonic()
        queued.failures += 1
        queued.errors = 0
        queued.rules = rules
        queued.place = Place.PARKED
        self._parked.setdefault((queued.info.template, rules), {})[queued.uid] = queued
        self._oldest_parked[queued.uid] = queued
        self._set_flush_timer()

    def retry(self, queued: QueuedPod) -> None:
        """Something failed that has nothing to do with nodes."""
        if self._pods.setdefault(queued.uid, queued) is not queued:
            return
        queued.tried = self._clock.monotonic()
        queued.errors += 1
        queued.place = Place.RETRYING
        queued.turn = next(self._turns)
        heapq.heappush(self._retrying, (queued.backoff_ends(), 0, queued.turn, queued))
        self._set_retry_timer()

    # What happens around it

    def on_event(self, event: Event) -> None:
        """Wake the Pods that this may help."""
        if not self._parked:
            return
        hints = BY_EVENT[type(event)]
        for (template, rules), alike in list(self._parked.items()):
            if not rules or any(rule in hints and hints[rule].helps(event, template) for rule in rules):
                for queued in list(alike.values()):
                    self._unpark(queued)
                    self._wake(queued)

    def wake_all(self) -> None:
        """Something changed that no rule has a hint for."""
        self._wake_parked(lambda queued: True)

    def wake(self, uid: str) -> None:
        queued = self._pods.get(uid)
        if queued is not None and queued.place is Place.PARKED:
            self._unpark(queued)
            self._wake(queued)

    def _wake_parked(self, which: Callable[[QueuedPod], bool]) -> None:
        for queued in [queued for queued in self._oldest_parked.values() if which(queued)]:
            self._unpark(queued)
            self._wake(queued)

    def _wake(self, queued: QueuedPod) -> None:
        ends = queued.backoff_ends()
        if ends <= self._clock.monotonic():
            self._activate(queued)
            return
        queued.place = Place.BACKING_OFF
        queued.turn = next(self._turns)
        # Those whose back-off ends within the same second go by priority.
        entry = (float(math.floor(ends)), -queued.info.template.priority, queued.turn, queued)
        heapq.heappush(self._backing_off, entry)
        self._something_to_do.set()

    def _activate(self, queued: QueuedPod) -> None:
        queued.place = Place.ACTIVE
        queued.turn = next(self._turns)
        heapq.heappush(self._active, (0.0, -queued.info.template.priority, queued.turn, queued))
        self._something_to_do.set()

    def _unpark(self, queued: QueuedPod) -> None:
        group = queued.info.template, queued.rules
        alike = self._parked[group]
        del alike[queued.uid]
        if not alike:
            del self._parked[group]
        del self._oldest_parked[queued.uid]

    # Timers: one for the first retry that is due, one for the Pod that is parked longest

    def _set_retry_timer(self) -> None:
        if self._retry_timer is None and self._retrying:
            delay = self._retrying[0][0] - self._clock.monotonic()
            self._retry_timer = self._clock.call_later(delay, self._retries_due)

    def _retries_due(self) -> None:
        self._retry_timer = None
        now = self._clock.monotonic()
        while self._retrying and self._retrying[0][0] <= now:
            queued = self._first(self._retrying)
            if queued is not None:
                self._activate(queued)
        self._set_retry_timer()

    def _set_flush_timer(self) -> None:
        if self._flush_timer is None and self._oldest_parked:
            oldest = next(iter(self._oldest_parked.values()))
            delay = oldest.tried + LONGEST_PARKED - self._clock.monotonic()
            self._flush_timer = self._clock.call_later(delay, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        now = self._clock.monotonic()
        self._wake_parked(lambda queued: queued.tried + LONGEST_PARKED <= now)
        self._set_flush_timer()
