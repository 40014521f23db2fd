"""What SPDY is spoken over: a connection that was upgraded to it, or the binary messages of a WebSocket."""

from __future__ import annotations

from aiohttp import WSMsgType, web

from podium.server.streaming.idle import Idle
from podium.server.streaming.pipe import Pipe

_ENOUGH = 64 * 1024


class WebSocketBytes:
    """The binary messages of a WebSocket, one after the other (`SPDY/3.1+portforward.k8s.io`)."""

    def __init__(self, socket: web.WebSocketResponse, idle: Idle) -> None:
        self._socket = socket
        self._idle = idle

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            self._idle.touch()
            if message.type != WSMsgType.BINARY:
                return b""
            if message.data:
                data: bytes = message.data
                return data

    async def write(self, data: bytes) -> None:
        self._idle.touch()
        await self._socket.send_bytes(data)


class ConnectionBytes:
    """A connection on which the HTTP library hands us whatever comes."""

    def __init__(self, request: web.BaseRequest, idle: Idle) -> None:
        assert request.transport is not None
        self._transport = request.transport
        self._writer = request.writer
        self._idle = idle
        self._incoming = Pipe(_ENOUGH)
        self._paused = False
        request.protocol.set_parser(self)  # type: ignore[arg-type] # it asks no more than these two methods

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._idle.touch()
        self._incoming.push(bytes(data))
        if self._incoming.full and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        self._incoming.end()

    async def read(self) -> bytes:
        data = await self._incoming.get()
        if self._paused and not self._incoming.full:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._idle.touch()
        self._transport.write(data)
        await self._writer.drain()


def switch_protocols(request: web.BaseRequest, idle: Idle, headers: dict[str, str]) -> ConnectionBytes:
    """Answer that the connection is SPDY from here on, and take it."""
    assert request.transport is not None
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    wire = ConnectionBytes(request, idle)
    request.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    return wire
