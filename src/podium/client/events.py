"""Records Events about objects: what `kubectl describe` shows at its end.

`EventRecorder.event` never waits. What happens again is counted on the Event that is there already; what happens in ten
variants within ten minutes is combined into one; an object that causes more than its share is not heard for a while.
The limits are those of client-go, so that a cluster reads as it does elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Generic, TypeVar

from podium.client.client import Client
from podium.clock import Clock
from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1, resources

CACHE_SIZE = 4096
SIMILAR_EVENTS = 10
"""So many different messages of one reason within SIMILAR_SECONDS are combined."""
SIMILAR_SECONDS = 600.0
BURST = 25
"""So many Events an object may cause at once ..."""
REFILL_SECONDS = 300.0
"""... and one more after each such time."""
COMBINED = "(combined from similar events): "
LONGEST_BACKLOG = 1000
WRITES_AT_ONCE = 32
ATTEMPTS = 12
RETRY_SECONDS = 10.0

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_log = logging.getLogger(__name__)


class _Cache(Generic[K, V]):
    """What was used last; the oldest entry makes room."""

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = make()
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(key)
        return entry

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class _Similar:
    """The messages that one object got for one reason lately."""

    messages: dict[str, None] = field(default_factory=dict)
    last: float = 0.0


@dataclass(slots=True)
class _Seen:
    """An Event that exists, or is about to."""

    first: datetime
    count: int = 0
    name: str = ""
    """Empty until it was written."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What happened to whom, as the correlator lets it through."""

    reference: core_v1.ObjectReference
    type: str
    reason: str
    message: str
    at: datetime
    key: Hashable
    """What makes it the same Event."""


def _identity(reference: core_v1.ObjectReference) -> tuple[str, ...]:
    return (reference.kind, reference.namespace, reference.name, reference.uid, reference.apiVersion)


class Correlator:
    """Decides which occurrences are told at all, and which are the same Event."""

    def __init__(self) -> None:
        self._buckets: _Cache[Hashable, _Bucket] = _Cache()
        self._similar: _Cache[Hashable, _Similar] = _Cache()

    def correlate(
        self, reference: core_v1.ObjectReference, type_: str, reason: str, message: str, at: datetime
    ) -> Occurrence | None:
        """The occurrence to write, perhaps with a combined message; None when the object has caused too many."""
        now = at.timestamp()
        identity = _identity(reference)
        similar_key = (*identity, reference.fieldPath, type_, reason)
        combined = self._is_combined(similar_key, message, now)
        if not self._may_tell(identity, now):
            return None
        if combined:
            return Occurrence(reference, type_, reason, COMBINED + message, at, similar_key)
        return Occurrence(reference, type_, reason, message, at, (*similar_key, message))

    def _is_combined(self, key: Hashable, message: str, now: float) -> bool:
        similar = self._similar.get(key, _Similar)
        if now - similar.last > SIMILAR_SECONDS:
            similar.messages.clear()
        similar.last = now
        similar.messages[message] = None
        if len(similar.messages) < SIMILAR_EVENTS:
            return False
        del similar.messages[next(iter(similar.messages))]  # stay at the limit
        return True

    def _may_tell(self, identity: Hashable, now: float) -> bool:
        bucket = self._buckets.get(identity, lambda: _Bucket(BURST, now))
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.filled) / REFILL_SECONDS)
        bucket.filled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


class EventRecorder:
    """Writes Events in the name of a component (of a node, if `host` is given) in the background."""

    def __init__(self, client: Client, clock: Clock, rng: Random, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._rng = rng
        self._component = component
        self._host = host
        self._correlator = Correlator()
        self._seen: _Cache[Hashable, _Seen] = _Cache()
        self._backlog: deque[Occurrence] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def event(self, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        """Tell that something happened to an object; `type_` is "Normal" or "Warning".

        `field_path` names the part it happened to, e.g. "spec.containers{web}"."""
        reference = obj if isinstance(obj, core_v1.ObjectReference) else reference_to(obj, field_path)
        occurrence = self._correlator.correlate(reference, type_, reason, message, self._clock.now())
        if occurrence is None or self._closed:
            return
        if len(self._backlog) >= LONGEST_BACKLOG:
            _log.warning("too many events at once: %s of %s is not told", reason, reference.name)
            return
        self._backlog.append(occurrence)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def flush(self) -> None:
        """Return when all that was told so far is written."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def close(self) -> None:
        """Tell nothing more, and stop writing."""
        self._closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._backlog:
                batch = self._next_batch()
                results = await asyncio.gather(*map(self._write_one, batch), return_exceptions=True)
                for occurrence, result in zip(batch, results, strict=True):
                    if isinstance(result, errors.StatusError):
                        _log.info(
                            "event %s of %s was refused: %s", occurrence.reason, occurrence.reference.name, result
                        )
                    elif isinstance(result, BaseException):
                        raise result
        finally:
            self._writer = None

    def _next_batch(self) -> list[Occurrence]:
        """The next occurrences that can be written together: each another Event, the order of each kept."""
        batch: dict[Hashable, Occurrence] = {}
        while self._backlog and len(batch) < WRITES_AT_ONCE and self._backlog[0].key not in batch:
            occurrence = self._backlog.popleft()
            batch[occurrence.key] = occurrence
        return list(batch.values())

    async def _write_one(self, occurrence: Occurrence) -> None:
        seen = self._seen.get(occurrence.key, lambda: _Seen(occurrence.at))
        seen.count += 1
        for attempt in range(ATTEMPTS):
            try:
                if seen.name:
                    await self._count(occurrence, seen)
                else:
                    seen.name = (await self._client.create(self._new(occurrence, seen))).metadata.name
                return
            except errors.NotFound as error:  # the Event has expired, or there is no such namespace
                if not seen.name:
                    self._seen.drop(occurrence.key)
                    raise
                _log.debug("%s: it is written anew", error)
                seen.name, seen.first, seen.count = "", occurrence.at, 1
            except (errors.ServiceUnavailable, errors.TooManyRequests, errors.Timeout):
                if attempt == ATTEMPTS - 1:
                    raise
                await self._clock.sleep(RETRY_SECONDS * (self._rng.random() if attempt == 0 else 1))
            except errors.StatusError:
                if not seen.name:
                    self._seen.drop(occurrence.key)
                raise

    async def _count(self, occurrence: Occurrence, seen: _Seen) -> None:
        last = codec.to_tree(occurrence.at.replace(microsecond=0))
        patch = {"count": seen.count, "lastTimestamp": last, "message": occurrence.message}
        namespace = _namespace(occurrence.reference)
        await self._client.patch(core_v1.Event, namespace, seen.name, patch, "merge")

    def _new(self, occurrence: Occurrence, seen: _Seen) -> core_v1.Event:
        reference = occurrence.reference
        return core_v1.Event(
            metadata=meta_v1.ObjectMeta(
                name=f"{reference.name}.{self._unique(occurrence.at)}", namespace=_namespace(reference)
            ),
            involvedObject=reference,
            type=occurrence.type,
            reason=occurrence.reason,
            message=occurrence.message,
            source=core_v1.EventSource(component=self._component, host=self._host),
            firstTimestamp=seen.first.replace(microsecond=0),
            lastTimestamp=occurrence.at.replace(microsecond=0),
            count=seen.count,
            reportingComponent=self._component,
            reportingInstance=self._host,
        )

    def _unique(self, at: datetime) -> str:
        """Nanoseconds as hexadecimal digits, the last millisecond of them drawn by chance: several components may tell
        about one object at the same moment."""
        nanoseconds = int(at.timestamp() * 1_000_000) * 1000
        return f"{(nanoseconds & ~0xFFFFF) | self._rng.getrandbits(20):x}"


def _namespace(reference: core_v1.ObjectReference) -> str:
    """Events about what has no namespace are kept in "default"."""
    return reference.namespace or "default"


def reference_to(obj: Any, field_path: str = "") -> core_v1.ObjectReference:
    """An Event's way of naming an object."""
    metadata = obj.metadata
    resource = resources.of(type(obj))
    return core_v1.ObjectReference(
        kind=resource.kind,
        apiVersion=resource.api_version,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resourceVersion=metadata.resourceVersion,
        fieldPath=field_path,
    )
