"""pods/portforward: connections to ports of a Pod, over SPDY (plain or inside a WebSocket) or WebSocket channels.

Over SPDY a client opens a pair of streams for each connection, one for errors and one for data, which name the port
and share a request id. Over channels each port of the query is one connection: channels 2n for data, 2n + 1 for errors.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from podium.machinery.errors import BadRequest, StatusError
from podium.machinery.streams import Connection
from podium.models.numbers import natural
from podium.registry.resources import Resource
from podium.server.exchange import Exchange, Upgrade
from podium.server.handlers.exec import UPGRADE_REQUIRED, target, values
from podium.server.services import Services
from podium.server.streaming.channels import (
    FORWARD_PROTOCOLS,
    Channels,
    Malformed,
    is_websocket,
    negotiate,
)
from podium.server.streaming.idle import Idle, until_first
from podium.server.streaming.negotiation import chosen_protocol, is_spdy
from podium.server.streaming.pipe import Pipe
from podium.server.streaming.spdy_connection import Bytes, SpdyConnection, SpdyStream
from podium.server.streaming.wires import WebSocketBytes, switch_protocols

PROTOCOL = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{PROTOCOL}"
PAIR_SECONDS = 30.0
"""How long the first stream of a pair waits for the second."""
HIGHEST_PORT = 65535
MOST_PORTS = 64

Connect = Callable[[int], Awaitable[Connection]]


async def forward(services: Services, exchange: Exchange, res: Resource) -> Upgrade:
    node, pod = await target(services, exchange, res)
    meta, where = pod.metadata, pod.spec.nodeName

    async def connect(port: int) -> Connection:
        return await node.connect(where, meta.namespace, meta.name, port)

    def failure(port: int, error: Exception) -> bytes:
        why = error.message if isinstance(error, StatusError) else str(error)
        return f"error forwarding port {port} to pod {meta.name}, uid {meta.uid}: {why}".encode()

    forwarding = Forwarding(services, connect, failure)
    raw = exchange.raw
    if is_websocket(raw):
        socket, protocol = negotiate(raw, (TUNNEL, *FORWARD_PROTOCOLS))
        if protocol == TUNNEL:
            return Upgrade(services.counted(lambda request: forwarding.tunnel(request, socket)))
        ports = forwarded_ports(values(exchange, "ports"))
        channels = FORWARD_PROTOCOLS[protocol]

        async def run(request: web.BaseRequest) -> None:
            await socket.prepare(request)
            idle = Idle(services.clock)
            await forwarding.over_channels(Channels(socket, channels, idle), ports, idle)

        return Upgrade(services.counted(run))
    if is_spdy(raw):
        name = chosen_protocol(raw, (PROTOCOL,))
        return Upgrade(services.counted(lambda request: forwarding.plain(request, name)))
    raise BadRequest(UPGRADE_REQUIRED)


def forwarded_ports(texts: tuple[str, ...]) -> tuple[int, ...]:
    """The ports that a query names; BadRequest."""
    if not texts:
        raise BadRequest('query parameter "ports" is required')
    ports = []
    for text in ",".join(texts).split(","):
        port = natural(text, HIGHEST_PORT)
        if not port:
            raise BadRequest(f'unable to parse "{text}" as a port')
        ports.append(port)
    if len(ports) > MOST_PORTS:
        raise BadRequest(f"at most {MOST_PORTS} ports can be forwarded at once")
    return tuple(ports)


class Forwarding:
    """What one request forwards."""

    def __init__(self, services: Services, connect: Connect, failure: Callable[[int, Exception], bytes]) -> None:
        self._clock = services.clock
        self._connect = connect
        self._failure = failure
        self._pairs: dict[str, SpdyStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def tunnel(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        await socket.prepare(request)
        idle = Idle(self._clock)
        await self._serve(WebSocketBytes(socket, idle), idle)
        await socket.close()

    async def plain(self, request: web.BaseRequest, protocol: str) -> None:
        idle = Idle(self._clock)
        await self._serve(switch_protocols(request, idle, {"X-Stream-Protocol-Version": protocol}), idle)

    async def _serve(self, wire: Bytes, idle: Idle) -> None:
        try:
            await until_first(SpdyConnection(wire, self._paired).serve(), idle.expired())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _paired(self, stream: SpdyStream) -> None:
        """A stream has come: begin when its twin is there too."""
        headers = stream.headers
        kind, request, port = headers.get("streamtype"), headers.get("requestid", ""), headers.get("port", "")
        key = f"{request}/{port}"
        twin = self._pairs.pop(key, None)
        if kind not in ("data", "error") or not natural(port, HIGHEST_PORT):
            self._start(stream.end())
        elif twin is None:
            self._pairs[key] = stream
            self._start(self._expire(key, stream))
        elif twin.headers["streamtype"] == kind:
            self._start(stream.end())
            self._start(twin.end())
        else:
            data, error = (stream, twin) if kind == "data" else (twin, stream)
            self._start(self._forward(int(port), data, error))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _expire(self, key: str, stream: SpdyStream) -> None:
        await self._clock.sleep(PAIR_SECONDS)
        if self._pairs.get(key) is stream:
            del self._pairs[key]
            await stream.end()

    async def _forward(self, port: int, data: SpdyStream, error: SpdyStream) -> None:
        with suppress(ConnectionError):  # the client has gone, which whoever reads from it notices
            try:
                connection = await self._connect(port)
            except (StatusError, OSError) as problem:
                await error.write(self._failure(port, problem))
            else:
                try:
                    await until_first(_copy_both(connection, data), _broken(data))
                except OSError as problem:
                    await error.write(self._failure(port, problem))
                finally:
                    await connection.close()
            await error.end()
            await data.end()

    async def over_channels(self, channels: Channels, ports: tuple[int, ...], idle: Idle) -> None:
        inputs = [Pipe() for _ in ports]

        async def receive() -> None:
            with suppress(Malformed):  # whoever breaks the protocol is as good as gone
                while (message := await channels.receive()) is not None:
                    index, is_error = divmod(message[0], 2)
                    if index < len(inputs) and not is_error:
                        await inputs[index].put(message[1])

        async def all_ports() -> None:
            # A first message on each channel says which port it is for.
            for index, port in enumerate(ports):
                for channel in (2 * index, 2 * index + 1):
                    await channels.send(channel, struct.pack("<H", port))
            await asyncio.gather(*(one(index, port) for index, port in enumerate(ports)))
            await channels.close()

        async def one(index: int, port: int) -> None:
            try:
                connection = await self._connect(port)
            except (StatusError, OSError) as problem:
                inputs[index].drop()
                await channels.send(2 * index + 1, self._failure(port, problem))
                return
            try:
                await _copy_both(connection, _Channel(channels, 2 * index, inputs[index]), both=False)
            except OSError as problem:
                await channels.send(2 * index + 1, self._failure(port, problem))
            finally:
                inputs[index].drop()
                await connection.close()

        await until_first(all_ports(), receive(), idle.expired())


class _Channel:
    """One connection's data channel. Channels have no end of their own."""

    def __init__(self, channels: Channels, number: int, incoming: Pipe) -> None:
        self._channels = channels
        self._number = number
        self._incoming = incoming

    async def read(self) -> bytes:
        return await self._incoming.get()

    async def write(self, data: bytes) -> None:
        await self._channels.send(self._number, data)

    async def end(self) -> None:
        """The WebSocket's end says it."""


async def _copy_both(connection: Connection, client: SpdyStream | _Channel, *, both: bool = True) -> None:
    """Copy in both directions until both have ended, or (not `both`) until the Pod's has."""

    async def to_pod() -> None:
        with suppress(ConnectionError):  # the Pod takes no more; it may still have something to say
            while data := await client.read():
                await connection.write(data)
            connection.end()

    sending = asyncio.ensure_future(to_pod())
    try:
        while data := await connection.read():
            await client.write(data)
        await client.end()
        if both:
            await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _broken(stream: SpdyStream) -> None:
    await stream.broken.wait()
