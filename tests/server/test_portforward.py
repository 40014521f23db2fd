"""port-forward as clients see it: SPDY plain and inside a WebSocket, and channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from podium.machinery.errors import BadRequest, InternalError
from podium.machinery.streams import Connection
from podium.server.handlers.portforward import forwarded_ports
from podium.server.streaming import spdy
from podium.server.streaming.pipe import Pipe
from podium.server.streaming.spdy import Data, Framer, Opened, Reset, Type
from tests.server.harness import Harness, Serve
from tests.server.test_exec import Spdy
from tests.server.test_logs import PODS, put_pod

FORWARD = f"{PODS}/web/portforward"


class Echo:
    """A connection that says everything back, and a farewell when nothing more comes."""

    def __init__(self, port: int) -> None:
        self._back = Pipe()
        self._back.push(b"port %d: " % port)
        self.closed = asyncio.Event()

    async def read(self) -> bytes:
        return await self._back.get()

    async def write(self, data: bytes) -> None:
        await self._back.put(data)

    def end(self) -> None:
        self._back.push(b" bye")
        self._back.end()

    async def close(self) -> None:
        self.closed.set()


class Closing(Echo):
    """A connection that the Pod ends by itself once it was sent something."""

    async def write(self, data: bytes) -> None:
        self._back.push(data)
        self._back.end()


class Node:
    """A node on whose Pods every port but 9 has a connection of that kind."""

    def __init__(self, kind: Callable[[int], Echo] = Echo) -> None:
        self._kind = kind
        self.made: list[Echo] = []

    async def connect(self, node: str, namespace: str, pod: str, port: int) -> Connection:
        assert (node, namespace, pod) == ("node-1", "default", "web")
        if port == 9:
            raise InternalError("connection refused")
        self.made.append(self._kind(port))
        return self.made[-1]


async def open_pair(client: Spdy, first: int, port: int, request: int) -> None:
    """As kubectl does: the error stream, which it won't write to, then the data stream."""
    await client.open(first, streamType="error", port=str(port), requestID=str(request))
    client.writer.write(spdy.data(first, b"", fin=True))
    await client.open(first + 2, streamType="data", port=str(port), requestID=str(request))


def test_two_connections_over_plain_spdy(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.raw(server.files.admin) as (reader, writer):
            client = Spdy(reader, writer)
            await client.upgrade(FORWARD, "portforward.k8s.io")
            await open_pair(client, 1, 80, 0)
            assert await client.frame() == Data(3, b"port 80: ")
            await open_pair(client, 5, 443, 1)
            writer.write(spdy.data(3, b"one", fin=True) + spdy.data(7, b"two", fin=True))
            found = await client.until_fin(1, 3, 5, 7)
        assert found == {1: b"", 3: b"one bye", 5: b"", 7: b"port 443: two bye"}
        assert all(connection.closed.is_set() for connection in node.made)

    node = Node()
    serve(check, node_access=node)


def test_what_can_t_be_connected_is_said_on_the_error_stream(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        uid = (await server.get(f"{PODS}/web"))["metadata"]["uid"]
        async with server.raw(server.files.admin) as (reader, writer):
            client = Spdy(reader, writer)
            await client.upgrade(FORWARD, "portforward.k8s.io")
            await open_pair(client, 1, 9, 0)
            found = await client.until_fin(1, 3)
        message = f"error forwarding port 9 to pod web, uid {uid}: connection refused"
        assert found == {1: message.encode(), 3: b""}

    serve(check, node_access=Node())


@pytest.mark.parametrize("how", ["reset", "goaway", "cut"])
def test_a_client_that_lets_go_closes_the_connection(serve: Serve, how: str) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.raw(server.files.admin) as (reader, writer):
            client = Spdy(reader, writer)
            await client.upgrade(FORWARD, "portforward.k8s.io")
            await open_pair(client, 1, 80, 0)
            await client.frame()
            if how == "cut":
                writer.transport.abort()
            else:
                writer.write(spdy.reset(3, Reset.CANCEL) if how == "reset" else spdy.go_away(0))
            async with asyncio.timeout(60):
                await node.made[0].closed.wait()

    node = Node()
    serve(check, node_access=node)


def test_streams_that_make_no_pair(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.raw(server.files.admin) as (reader, writer):
            client = Spdy(reader, writer)
            await client.upgrade(FORWARD, "portforward.k8s.io")
            await client.open(1, streamType="data", port="0", requestID="1")
            assert await client.frame() == Data(1, b"", True)
            await client.open(3, streamType="data", port="80", requestID="2")
            await client.open(5, streamType="data", port="80", requestID="2")
            assert await client.until_fin(3, 5) == {3: b"", 5: b""}
            writer.write(client.framer.opened(Type.SYN_STREAM, 5, {}))  # numbers only go up
            assert [await client.frame(), await client.frame()] == [spdy.GoAway(5), None]
        assert not node.made

    node = Node()
    serve(check, node_access=node)


def test_spdy_inside_a_websocket(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        tunnel = "SPDY/3.1+portforward.k8s.io"
        async with server.admin.ws_connect(FORWARD, protocols=[tunnel]) as socket:
            assert socket.protocol == tunnel
            framer = Framer()
            sent = framer.opened(Type.SYN_STREAM, 1, {"streamtype": "error", "port": "80", "requestid": "0"})
            sent += framer.opened(Type.SYN_STREAM, 3, {"streamtype": "data", "port": "80", "requestid": "0"})
            sent += spdy.data(3, b"x" * 100_000, fin=True)
            for at in range(0, len(sent), 30_001):  # messages are bytes, not frames
                await socket.send_bytes(sent[at : at + 30_001])
            frames: list[spdy.Frame] = []
            while sum(isinstance(frame, Data) and frame.fin for frame in frames) < 2:
                frames += framer.feed(await socket.receive_bytes())
        assert [frame for frame in frames if isinstance(frame, Opened)] == [
            Opened(1, {}, type=Type.SYN_REPLY),
            Opened(3, {}, type=Type.SYN_REPLY),
        ]
        data = b"".join(frame.data for frame in frames if isinstance(frame, Data) and frame.stream == 3)
        assert data == b"port 80: " + b"x" * 100_000 + b" bye"

    serve(check, node_access=Node())


def test_channels(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.admin.ws_connect(f"{FORWARD}?ports=80&ports=9", protocols=["v4.channel.k8s.io"]) as socket:
            first = [await socket.receive_bytes() for _ in range(4)]
            assert first == [b"\x00\x50\x00", b"\x01\x50\x00", b"\x02\x09\x00", b"\x03\x09\x00"]
            await socket.send_bytes(b"\x00hello")
            found: dict[int, bytes] = {}
            async for message in socket:
                found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
        assert found[0] == b"port 80: hello"
        assert found[3].endswith(b": connection refused")
        assert socket.close_code == 1000

    serve(check, node_access=Node(Closing))


def test_requests_that_can_t_be_upgraded(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        assert (await server.get(FORWARD))["message"] == "Upgrade request required"
        for query in ("", "?ports=http", "?ports=0"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await server.admin.ws_connect(FORWARD + query, protocols=["v4.channel.k8s.io"])
            assert refused.value.status == 400

    serve(check, node_access=Node())


def test_ports_of_a_query() -> None:
    assert forwarded_ports(("80,443", "8080")) == (80, 443, 8080)
    for wrong in ((), ("",), ("65536",), ("80,",), ("²",), ("1",) * 65):
        with pytest.raises(BadRequest):
            forwarded_ports(wrong)
