"""exec and attach as clients see them. What the node does is scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType

from podium.machinery.errors import InternalError
from podium.machinery.streams import ClientStreams, StreamOptions, TerminalSize
from podium.server.handlers import exec as handler
from podium.server.streaming import spdy
from podium.server.streaming.spdy import Data, Framer, Opened, Type
from tests.server.harness import Harness, Serve
from tests.server.test_logs import PODS, put_pod
from tests.server.test_users import RBAC

EXEC = f"{PODS}/web/exec?command=sh&command=-c&command=a+b&stdin=true&stdout=true&stderr=true"
Script = Callable[[ClientStreams], Awaitable[int]]


class Node:
    """A node whose commands do what a test says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[tuple[str, str, str, tuple[str, ...], StreamOptions]] = []
        self.cancelled = asyncio.Event()

    async def exec(
        self, node: str, namespace: str, pod: str, command: Sequence[str], options: StreamOptions, client: ClientStreams
    ) -> int:
        self.asked.append((node, namespace, pod, tuple(command), options))
        try:
            return await self._script(client)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def attach(self, node: str, namespace: str, pod: str, options: StreamOptions, client: ClientStreams) -> None:
        await self._script(client)


async def echo(client: ClientStreams) -> int:
    """Says back what it is sent, complains, and ends with 3."""
    while data := await client.read():
        await client.write("stdout", data)
    await client.write("stderr", b"oops")
    return 3


async def hang(client: ClientStreams) -> int:
    await client.write("stdout", b"hanging")
    await asyncio.Event().wait()
    return 0


@asynccontextmanager
async def open_socket(
    server: Harness, path: str, protocol: str = "v5.channel.k8s.io"
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with server.admin.ws_connect(path, protocols=[protocol] if protocol else ()) as socket:
        assert (socket.protocol or "") == protocol
        yield socket


async def everything(socket: aiohttp.ClientWebSocketResponse) -> dict[int, bytes]:
    """What came on each channel until the server closed."""
    found: dict[int, bytes] = {}
    async for message in socket:
        assert message.type == WSMsgType.BINARY
        found[message.data[0]] = found.get(message.data[0], b"") + message.data[1:]
    assert socket.close_code == 1000
    return found


def test_streams_and_exit_code(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC) as socket:
            await socket.send_bytes(b"\x00hello ")
            await socket.send_bytes(b"")  # some clients only show that they are there
            await socket.send_str("")
            await socket.send_bytes(b"\x00world")
            await socket.send_bytes(b"\xff\x00")
            found = await everything(socket)
        assert (found[1], found[2]) == (b"hello world", b"oops")
        assert json.loads(found[3]) == {
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code: error executing command [sh -c a b], exit code 3",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
        }
        options = StreamOptions("c", stdin=True, stdout=True, stderr=True)
        assert node.asked == [("node-1", "default", "web", ("sh", "-c", "a b"), options)]

    node = Node(echo)
    serve(check, node_access=node)


async def succeed(client: ClientStreams) -> int:
    await client.write("stdout", b"fine")
    return 0


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("v5.channel.k8s.io", [b"\x01", b"\x01fine", b'\x03{"metadata":{},"status":"Success"}']),
        ("v4.channel.k8s.io", [b"\x01", b"\x01fine", b'\x03{"metadata":{},"status":"Success"}']),
        ("v4.base64.channel.k8s.io", ["1", "1ZmluZQ==", "3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ=="]),
        ("channel.k8s.io", [b"\x01", b"\x01fine"]),
        ("", [b"\x01", b"\x01fine"]),
    ],
)
def test_every_protocol_s_messages(serve: Serve, protocol: str, expected: list[bytes | str]) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC, protocol) as socket:
            assert [message.data async for message in socket] == expected

    serve(check, node_access=Node(succeed))


def test_what_went_wrong_at_the_node_is_the_status(serve: Serve) -> None:
    async def fail(_client: ClientStreams) -> int:
        raise InternalError('Internal error occurred: unable to upgrade connection: container not found ("c")')

    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC) as socket:
            status = json.loads((await everything(socket))[3])
        assert (status["reason"], status["code"]) == ("InternalError", 500)
        assert status["message"].endswith('container not found ("c")')

    serve(check, node_access=Node(fail))


def test_the_terminal_s_size_and_one_output(serve: Serve) -> None:
    async def size(client: ClientStreams) -> int:
        found = await client.resized()
        await client.write("stdout", repr(found).encode())
        return 0

    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC + "&tty=true") as socket:
            await socket.send_bytes(b"\x04nonsense")
            await socket.send_bytes(b'\x04{"Width":132,"Height":43}')
            assert (await everything(socket))[1] == repr(TerminalSize(132, 43)).encode()
        assert not node.asked[0][4].stderr, "a terminal has one output"

    node = Node(size)
    serve(check, node_access=node)


@pytest.mark.parametrize("last", ["close", "cut", "nonsense"])
def test_a_client_that_goes_ends_the_command(serve: Serve, last: str) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC) as socket:
            while (await socket.receive()).data != b"\x01hanging":
                pass
            if last == "close":
                await socket.close()
            elif last == "nonsense":
                await socket.send_bytes(b"\xff")
            else:
                assert socket._response.connection is not None
                socket._response.connection.transport.abort()  # type: ignore[union-attr]
            async with asyncio.timeout(60):
                await node.cancelled.wait()

    node = Node(hang)
    serve(check, node_access=node)


def test_a_server_that_stops_ends_the_command(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC) as socket:
            while (await socket.receive()).data != b"\x01hanging":
                pass
            async with asyncio.timeout(60):
                await server.server.stop()
            assert node.cancelled.is_set()

    node = Node(hang)
    serve(check, node_access=node, stop_timeout=600)


def test_a_node_that_reads_slowly_slows_the_client(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC) as socket:
            sent = 0

            async def send() -> None:
                nonlocal sent
                while sent < 64:
                    await socket.send_bytes(b"\x00" + bytes(1024 * 1024))
                    sent += 1

            sending = asyncio.ensure_future(send())
            before = -1
            while before != sent and not sending.done():
                before = sent
                await asyncio.wait((sending,), timeout=0.3)
            assert not sending.done(), "64 MB went somewhere that nobody reads"
            sending.cancel()
            socket._response.connection.transport.abort()  # type: ignore[union-attr]

    serve(check, node_access=Node(hang))


def test_requests_that_can_t_be_upgraded(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        assert (await server.get(EXEC))["message"] == "Upgrade request required"
        cases = {
            f"{PODS}/none/exec?command=x&stdout=true": (404, 'pods "none" not found'),
            f"{PODS}/web/exec?command=x&stdout=true&container=y": (400, "container y is not valid for pod web"),
            f"{PODS}/web/exec?command=x": (400, "you must specify at least 1 of stdin, stdout, stderr"),
            f"{PODS}/web/exec?stdout=true": (422, 'PodExecOptions "" is invalid: command: Required value'),
        }
        for path, expected in cases.items():
            refused = await server.get(path)
            assert (refused["code"], refused["message"]) == expected
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with server.admin.ws_connect(EXEC, protocols=["v99.channel.k8s.io"]):
                pass
        headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v99"}
        _, refused = await server.post(EXEC, None, **headers)
        assert "unable to negotiate protocol" in refused["message"]

    serve(check, node_access=Node(succeed))


def test_a_pod_without_a_node(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "")
        refused = await server.get(EXEC)
        assert (refused["code"], refused["message"]) == (400, "pod web does not have a host assigned")

    serve(check, node_access=Node(succeed))


def test_there_is_a_limit(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, EXEC):
            refused = await server.get(EXEC)
            assert (refused["code"], refused["reason"]) == (429, "TooManyRequests")

    monkeypatch.setattr(handler, "MAX_UPGRADED", 1)
    serve(check, node_access=Node(hang))


async def _grant(server: Harness, *verbs: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": verbs}]
    await server.post(f"{RBAC}/namespaces/default/roles", {"metadata": {"name": "runner"}, "rules": rules})
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}
    role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "runner"}
    binding = {"metadata": {"name": "runner"}, "roleRef": role, "subjects": [subject]}
    status, made = await server.post(f"{RBAC}/namespaces/default/rolebindings", binding)
    assert status == 201, made


@pytest.mark.parametrize(("verbs", "allowed"), [(("get",), False), (("get", "create"), True)])
def test_a_websocket_is_no_reading(serve: Serve, verbs: tuple[str, ...], allowed: bool) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        await _grant(server, *verbs)
        code, answer = await server.as_alice("GET", EXEC)
        if allowed:
            assert (code, answer["message"]) == (400, "Upgrade request required")
        else:
            assert code == 403
            assert 'User "alice" cannot create resource "pods/exec"' in answer["message"]

    serve(check, node_access=Node(succeed))


def test_attach(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with open_socket(server, f"{PODS}/web/attach?stdout=true") as socket:
            found = await everything(socket)
        assert (found[1], json.loads(found[3])["status"]) == (b"fine", "Success")

    serve(check, node_access=Node(succeed))


class Spdy:
    """A client that speaks SPDY/3.1 on a bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.framer = Framer()
        self._frames: list[spdy.Frame] = []

    async def upgrade(self, path: str, protocol: str) -> None:
        lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 0", "Connection: Upgrade", "Upgrade: SPDY/3.1"]
        self.writer.write("\r\n".join([*lines, f"X-Stream-Protocol-Version: {protocol}", "", ""]).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert f"X-Stream-Protocol-Version: {protocol}".encode() in head

    async def open(self, number: int, **headers: str) -> None:
        self.writer.write(self.framer.opened(Type.SYN_STREAM, number, headers))
        assert await self.frame() == Opened(number, {}, type=Type.SYN_REPLY)

    async def frame(self) -> spdy.Frame | None:
        """The next frame; None at the end of the connection."""
        while not self._frames:
            data = await self._reader.read(65536)
            if not data:
                return None
            self._frames += self.framer.feed(data)
        return self._frames.pop(0)

    async def until_fin(self, *numbers: int) -> dict[int, bytes]:
        """What comes on these streams until all have ended."""
        found = dict.fromkeys(numbers, b"")
        left = set(numbers)
        while left:
            frame = await self.frame()
            assert isinstance(frame, Data), frame
            found[frame.stream] += frame.data
            if frame.fin:
                left.remove(frame.stream)
        return found


def test_exec_over_spdy(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.raw(server.files.admin) as (reader, writer):
            client = Spdy(reader, writer)
            await client.upgrade(EXEC, "v4.channel.k8s.io")
            for number, kind in ((1, "error"), (3, "stdin"), (5, "stdout"), (7, "stderr")):
                await client.open(number, streamType=kind)
            writer.write(spdy.ping(1))
            assert await client.frame() == spdy.Ping(1)
            writer.write(spdy.data(3, b"hello") + spdy.data(3, b" again", fin=True))
            found = await client.until_fin(1, 3, 5, 7)
        assert (found[3], found[5], found[7]) == (b"", b"hello again", b"oops")
        assert json.loads(found[1])["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]

    serve(check, node_access=Node(echo))


def test_spdy_that_is_none_is_told_and_ended(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n" * 4, spdy.data(0, b"x"), b"\x80\x02\x00\x01\x00\x00\x00\x00"):
            async with server.raw(server.files.admin) as (reader, writer):
                client = Spdy(reader, writer)
                await client.upgrade(EXEC, "v4.channel.k8s.io")
                writer.write(nonsense)
                async with asyncio.timeout(60):
                    frames = [await client.frame(), await client.frame()]
            assert frames == [spdy.GoAway(0), None]

    serve(check, node_access=Node(succeed))
