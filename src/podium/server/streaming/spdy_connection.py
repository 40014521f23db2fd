"""The streams of a SPDY/3.1 connection that a client has opened, over any pair of byte streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from podium.server.streaming import spdy
from podium.server.streaming.pipe import Pipe
from podium.server.streaming.spdy import Reset, Type

MAX_STREAMS = 512
CHUNK = 32 * 1024


class Bytes(Protocol):
    """What SPDY is spoken over."""

    async def read(self) -> bytes:
        """Some bytes; empty when the client has gone."""

    async def write(self, data: bytes) -> None:
        """Returns when there is room for more; ConnectionError."""


class SpdyStream:
    """One stream, opened by the client. Both directions end by themselves."""

    def __init__(self, connection: SpdyConnection, number: int, headers: Mapping[str, str]) -> None:
        self.number = number
        self.headers = headers
        self.broken = asyncio.Event()
        """Set when the client has reset the stream."""
        self._connection = connection
        self._incoming = Pipe()
        self._ended = False

    async def read(self) -> bytes:
        """Some bytes; empty at the end."""
        return await self._incoming.get()

    async def write(self, data: bytes) -> None:
        """Returns when there is room for more; what follows a reset or our own end goes nowhere."""
        for start in range(0, len(data), CHUNK):
            if self._ended:
                return
            await self._connection.send(spdy.data(self.number, data[start : start + CHUNK]))

    async def end(self) -> None:
        """Nothing more will be written."""
        if not self._ended:
            self._ended = True
            self._connection.forget_if_over(self)
            await self._connection.send(spdy.data(self.number, b"", fin=True))

    @property
    def over(self) -> bool:
        """Both directions have ended."""
        return self._ended and self._incoming.ended

    async def take(self, data: bytes, *, fin: bool) -> None:
        """What the connection has received for it."""
        if data:
            await self._incoming.put(data)
        if fin:
            self._incoming.end()

    def cut(self) -> None:
        """It was reset."""
        self._ended = True
        self._incoming.drop()
        self.broken.set()


class SpdyConnection:
    """Reads frames and hands them to their streams. A stream that nobody reads holds up the others, as there is no
    flow control between them."""

    def __init__(self, wire: Bytes, on_stream: Callable[[SpdyStream], None]) -> None:
        self._wire = wire
        self._on_stream = on_stream
        self._framer = spdy.Framer()
        self._streams: dict[int, SpdyStream] = {}
        self._last = 0
        self._writing = asyncio.Lock()

    async def send(self, frame: bytes) -> None:
        async with self._writing:
            await self._wire.write(frame)

    async def serve(self) -> None:
        """Until the client goes, says that it goes, or breaks the protocol. Whoever uses the streams ends then."""
        try:
            while incoming := await self._wire.read():
                for frame in self._framer.feed(incoming):
                    if isinstance(frame, spdy.GoAway):
                        return
                    await self._take(frame)
        except spdy.ProtocolError:
            await self.send(spdy.go_away(self._last))

    async def _take(self, frame: spdy.Frame) -> None:
        if isinstance(frame, spdy.Opened):
            if frame.type is Type.SYN_STREAM:
                await self._open(frame)
        elif isinstance(frame, spdy.Data):
            stream = self._streams.get(frame.stream)
            if stream is not None:
                await stream.take(frame.data, fin=frame.fin)
                self.forget_if_over(stream)
            elif frame.stream > self._last:
                await self.send(spdy.reset(frame.stream, Reset.INVALID_STREAM))
        elif isinstance(frame, spdy.ResetStream):
            stream = self._streams.pop(frame.stream, None)
            if stream is not None:
                stream.cut()
        elif isinstance(frame, spdy.Ping) and frame.id % 2 == 1:  # the client's own; even ones would be answers to ours
            await self.send(spdy.ping(frame.id))

    async def _open(self, frame: spdy.Opened) -> None:
        if frame.stream % 2 == 0 or frame.stream <= self._last:
            raise spdy.ProtocolError(f"stream {frame.stream} after {self._last}")
        self._last = frame.stream
        if len(self._streams) >= MAX_STREAMS:
            await self.send(spdy.reset(frame.stream, Reset.REFUSED_STREAM))
            return
        stream = self._streams[frame.stream] = SpdyStream(self, frame.stream, frame.headers)
        await self.send(self._framer.opened(Type.SYN_REPLY, frame.stream, {}))
        await stream.take(b"", fin=frame.fin)
        self._on_stream(stream)

    def forget_if_over(self, stream: SpdyStream) -> None:
        if stream.over:
            self._streams.pop(stream.number, None)
