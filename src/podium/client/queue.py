"""The work queue of controllers: keys that wait to be handled, each once, none by two workers at a time.

A key that is added again while it waits is handled once; one that is added while it is handled, once more after that.
Failures back off exponentially, by key. Delays pass by the Clock. Metrics carry the names that Kubernetes gives them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from podium.clock import Clock

K = TypeVar("K", bound=Hashable)

# Kubernetes' DefaultControllerRateLimiter: 5 ms, doubled with every failure, up to 1000 s.
BASE_DELAY = 0.005
LONGEST_DELAY = 1000.0

_BUCKETS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_DEPTH = Gauge("workqueue_depth", "Current depth of workqueue", ["name"])
_ADDS = Counter("workqueue_adds", "Total number of adds handled by workqueue", ["name"])
_RETRIES = Counter("workqueue_retries", "Total number of retries handled by workqueue", ["name"])
_WAITED = Histogram(
    "workqueue_queue_duration_seconds", "How long an item stays in workqueue", ["name"], buckets=_BUCKETS
)
_WORKED = Histogram("workqueue_work_duration_seconds", "How long processing an item takes", ["name"], buckets=_BUCKETS)


class QueueShutDown(Exception):
    """Nothing more comes from this queue."""


class WorkQueue(Generic[K]):
    def __init__(
        self, clock: Clock, name: str, base_delay: float = BASE_DELAY, longest_delay: float = LONGEST_DELAY
    ) -> None:
        self._clock = clock
        self._base_delay = base_delay
        self._longest_delay = longest_delay
        self._waiting: deque[K] = deque()
        self._added: dict[K, float] = {}
        """When each key was added that is yet to be handled, waiting or not."""
        self._started: dict[K, float] = {}
        """When each key was given out that is being handled."""
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._held: dict[K, asyncio.TimerHandle] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._shut_down = False
        self._depth = _DEPTH.labels(name)
        self._adds = _ADDS.labels(name)
        self._retries = _RETRIES.labels(name)
        self._waited = _WAITED.labels(name)
        self._worked = _WORKED.labels(name)

    def __len__(self) -> int:
        """How many keys wait, those that are being handled or delayed left out."""
        return len(self._waiting)

    def add(self, key: K) -> None:
        """Have the key handled as soon as a worker is free."""
        if self._shut_down or key in self._added:
            return
        self._added[key] = self._clock.monotonic()
        self._adds.inc()
        if key not in self._started and key not in self._held:
            self._enqueue(key)

    def hold(self, key: K, seconds: float) -> None:
        """Give the key out no sooner than that: what happens to it meanwhile is handled at once then.

        For keys that are costly to handle and change often, such as a ReplicaSet whose thousand Pods become ready.
        """
        if seconds > 0 and key not in self._held and not self._shut_down:
            self._held[key] = self._clock.call_later(seconds, lambda: self._let_go(key))

    def add_after(self, key: K, seconds: float) -> None:
        """Have it handled after that time, or earlier if it was to be handled earlier anyway."""
        if self._shut_down:
            return
        if seconds <= 0:
            self.add(key)
            return
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= asyncio.get_running_loop().time() + seconds:
                return
            timer.cancel()
        self._timers[key] = self._clock.call_later(seconds, lambda: self._due(key))

    def add_rate_limited(self, key: K) -> None:
        """Have it handled again after a failure: the more failures since `forget`, the later."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._retries.inc()
        self.add_after(key, self._delay(failures))

    def retries(self, key: K) -> int:
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        """It went well: the next failure starts with the shortest delay."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key, which is this worker's until it calls `done`. QueueShutDown when the queue has ended."""
        while not self._waiting:
            if self._shut_down:
                raise QueueShutDown
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled():
                    self._wake_one()  # it was this worker's turn: let another have it
                raise
        key = self._waiting.popleft()
        now = self._clock.monotonic()
        self._depth.dec()
        self._waited.observe(now - self._added.pop(key))
        self._started[key] = now
        return key

    def done(self, key: K) -> None:
        """The key has been handled. If it was added meanwhile, its turn comes again."""
        self._worked.observe(self._clock.monotonic() - self._started.pop(key))
        if key in self._added and key not in self._held:
            self._enqueue(key)

    def shut_down(self) -> None:
        """Take no more keys and let `get` end once those that wait are given out."""
        self._shut_down = True
        for timer in (*self._timers.values(), *self._held.values()):
            timer.cancel()
        self._timers.clear()
        self._held.clear()
        while self._getters:
            self._wake_one()

    def _delay(self, failures: int) -> float:
        return float(min(self._base_delay * 2 ** min(failures, 64), self._longest_delay))

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _let_go(self, key: K) -> None:
        del self._held[key]
        if key in self._added and key not in self._started:
            self._enqueue(key)

    def _enqueue(self, key: K) -> None:
        self._waiting.append(key)
        self._depth.inc()
        self._wake_one()

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
