"""The loop that all controllers share: take a key, have it reconciled, decide when it comes again.

A controller gets only a key. It reads what is, works out what should be, and acts. What it returns or raises says when
the key is looked at next; back-off, metrics and logging live here, once.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client import Counter

from podium.client.queue import QueueShutDown, WorkQueue
from podium.machinery import errors

_log = logging.getLogger(__name__)

_RECONCILES = Counter(
    "podium_controller_reconcile", "Keys reconciled, by controller and outcome", ["controller", "outcome"]
)


@dataclass(frozen=True, slots=True)
class Result:
    """When the key is to be looked at again, apart from when something changes."""

    requeue_after: float | None = None
    """Seconds from now; None: not before something changes."""
    rest: float = 0.0
    """Seconds for which changes are gathered before the next look: the cost of looking, times some."""


DONE = Result()


class TerminalError(Exception):
    """Trying again is of no use until the object changes."""


class Controller(Protocol):
    """What a controller offers the worker. Its constructor registers the handlers that add keys to its queue."""

    async def reconcile(self, key: Any) -> Result:
        """Bring what the key names one step closer to what it should be."""


async def work(name: str, controller: Controller, queue: WorkQueue[Any]) -> None:
    """Reconcile keys until the queue is shut down. Several of these may work on one queue."""
    while True:
        try:
            key = await queue.get()
        except QueueShutDown:
            return
        try:
            _RECONCILES.labels(name, await _reconcile(name, controller, queue, key)).inc()
        finally:
            queue.done(key)


async def _reconcile(name: str, controller: Controller, queue: WorkQueue[Any], key: Hashable) -> str:
    """Reconcile one key and schedule it anew; the outcome, as the metric calls it."""
    try:
        result = await controller.reconcile(key)
    except TerminalError as error:
        _log.error("%s: %s cannot be reconciled: %s", name, key, error)
        queue.forget(key)
        return "terminal_error"
    except errors.Conflict as error:
        _log.debug("%s: %s is tried again: %s", name, key, error)
        queue.add_rate_limited(key)
        return "conflict"
    except errors.StatusError as error:
        _log.info("%s: %s failed: %s", name, key, error)
        queue.add_rate_limited(key)
        return "error"
    except Exception:  # a mistake in one controller or object must not stop the others
        _log.exception("%s: %s failed", name, key)
        queue.add_rate_limited(key)
        return "error"
    queue.forget(key)
    queue.hold(key, result.rest)
    if result.requeue_after is None:
        return "success"
    queue.add_after(key, result.requeue_after)
    return "requeue_after"
