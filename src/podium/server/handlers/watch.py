"""Watch: a stream of events, each in a frame of its own, until the client or its timeout ends it.

An error after the stream has begun is an event too: type ERROR with a Status, e.g. 410 when the watch fell too far
behind what is kept.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from podium.machinery.errors import Expired, NotAcceptable, StatusError
from podium.models import codec
from podium.models.numbers import LONGEST
from podium.registry.resources import Resource
from podium.registry.types import WatchEvent
from podium.server.exchange import Exchange, Stream
from podium.server.handlers.parameters import integer, watch_options
from podium.server.negotiation import PROTOBUF, Shape, shape_of
from podium.server.rendering import Table, partial, to_protobuf, warning_headers
from podium.server.services import Services

_SHORTEST_DEFAULT_TIMEOUT = 1800.0
PIECE = 256 * 1024
"""Bytes that are framed at once. What a client doesn't read waits unframed, where all its watchers share it."""
_INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


async def watch(services: Services, exchange: Exchange, res: Resource) -> Stream:
    shape = shape_of(exchange, stream=True)
    namespace = exchange.info.namespace if res.namespaced else ""
    asked = integer(exchange.query, "timeoutSeconds")
    # random, so that the watches of a restarted cluster don't all end together
    timeout = float(min(asked, LONGEST)) if asked else _SHORTEST_DEFAULT_TIMEOUT * (1 + services.rng.random())
    options = watch_options(exchange.query, exchange.info.name, timeout)
    framing = _framing(services, exchange, shape, res)
    content_type = f"{PROTOBUF};stream=watch" if shape.format == "protobuf" else "application/json"
    try:
        events = services.registry.watch(res, namespace, options)
    except Expired as error:  # the request was a good one: clients look for this among the events
        return Stream(_only(framing.error(error)), content_type, warning_headers(exchange))
    return Stream(_frames(events, framing), content_type, warning_headers(exchange))


async def _only(frame: bytes) -> AsyncGenerator[bytes, None]:
    yield frame


async def _frames(events: AsyncIterator[Sequence[WatchEvent]], framing: Framing) -> AsyncGenerator[bytes, None]:
    try:
        async for batch in events:
            pieces: list[bytes] = []
            size = 0
            for event in batch:
                pieces.append(framing.frame(event))
                size += len(pieces[-1])
                if size >= PIECE:
                    yield b"".join(pieces)
                    pieces, size = [], 0
            if pieces:
                yield b"".join(pieces)
    except StatusError as error:
        yield framing.error(error)
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _framing(services: Services, exchange: Exchange, shape: Shape, res: Resource) -> Framing:
    if shape.kind == "Table":
        return TableFraming(
            res, Table(res.columns, shape, exchange.query.get("includeObject", ""), services.clock.now()), services
        )
    if shape.kind and shape.kind != "PartialObjectMetadata":
        raise NotAcceptable(f"you requested {shape.kind}, but the requested object is not a list ({res.kind})")
    framing = PartialFraming(res, shape.version) if shape.kind else Framing(res)
    return ProtobufFraming(framing) if shape.format == "protobuf" else framing


class Framing:
    """Events as lines of JSON."""

    def __init__(self, res: Resource) -> None:
        self._head = b'{"kind":"%b","apiVersion":"%b",' % (res.kind.encode(), res.api_version.encode())

    def frame(self, event: WatchEvent) -> bytes:
        return b'{"type":"%b","object":%b}\n' % (event.type.encode(), self.document(event))

    def document(self, event: WatchEvent) -> bytes:
        """The event's object in JSON."""
        return self._bookmark(_bookmark_metadata(event)) if event.entry is None else self._object(event)

    def error(self, error: StatusError) -> bytes:
        return b'{"type":"ERROR","object":%b}\n' % codec.encode(error.status())

    def _object(self, event: WatchEvent) -> bytes:
        assert event.entry is not None
        return event.entry.data

    def _bookmark(self, metadata: bytes) -> bytes:
        return self._head + b'"metadata":%b}' % metadata


class PartialFraming(Framing):
    """Events that carry metadata only."""

    def __init__(self, res: Resource, version: str) -> None:
        super().__init__(res)
        self._version = version
        self._head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b",' % version.encode()

    def _object(self, event: WatchEvent) -> bytes:
        assert event.entry is not None
        return partial(event.entry, self._version)


class TableFraming(Framing):
    """Each event a table of one row. The first also defines the columns."""

    def __init__(self, res: Resource, table: Table, services: Services) -> None:
        super().__init__(res)
        self._table = table
        self._clock = services.clock
        self._defined = False

    def _object(self, event: WatchEvent) -> bytes:
        assert event.entry is not None
        self._table.now = self._clock.now()
        meta = {"resourceVersion": str(event.revision)}
        document = self._table.document(meta, [event.entry], definitions=not self._defined)
        self._defined = True
        return document

    def _bookmark(self, metadata: bytes) -> bytes:
        return self._table.bookmark(metadata)


class ProtobufFraming(Framing):
    """Events in protobuf, of the objects themselves or of their metadata only."""

    def __init__(self, inner: Framing) -> None:
        from podium.machinery import protobuf  # its tables take a while, and many servers never need them

        self._inner = inner
        self._event = protobuf.watch_event

    def frame(self, event: WatchEvent) -> bytes:
        return self._event(event.type, to_protobuf(self._inner.document(event)))

    def error(self, error: StatusError) -> bytes:
        return self._event("ERROR", to_protobuf(codec.encode(error.status())))


def _bookmark_metadata(event: WatchEvent) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(event.revision), "creationTimestamp": None}
    if event.initial_events_end:
        metadata["annotations"] = _INITIAL_EVENTS_END
    return codec.encode(metadata)
