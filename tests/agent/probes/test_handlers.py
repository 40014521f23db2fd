"""Probes against real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from aiohttp import web

from podium.agent.probes import grpc
from podium.agent.probes.handlers import Outcome, Target, hook, port_number, probe
from podium.clock import RealClock
from podium.models import codec
from podium.models.core_v1 import Container, LifecycleHandler, Probe

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def outcome(tree: dict[str, Any], seconds: float = 600) -> Callable[[int], Awaitable[Outcome]]:
    """Probes a port of this machine."""

    async def run(port: int) -> Outcome:
        container = Container(name="c")
        target = Target(None, RealClock(), container, "", "127.0.0.1")  # type: ignore[arg-type]
        spec = codec.from_tree({kind: {"port": port, **fields} for kind, fields in tree.items()}, Probe)
        return await probe(target, spec, seconds)

    return run


@asynccontextmanager
async def http_server() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        path = request.path
        if path == "/loop":
            return web.Response(status=302, headers={"Location": "/loop"})
        if path == "/moved":
            return web.Response(status=301, headers={"Location": "/200"})
        if path == "/elsewhere":
            return web.Response(status=302, headers={"Location": "http://example.com/"})
        if path == "/header":
            return web.Response(status=200 if request.headers.get("X-Key") == "secret" else 403)
        if path == "/host":
            return web.Response(status=200 if request.host == "web.example.com" else 404)
        if path == "/agent":
            return web.Response(status=200 if request.headers["User-Agent"].startswith("kube-probe/") else 400)
        return web.Response(status=int(path[1:]))

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def tcp_server(serve: Serve) -> AsyncIterator[int]:
    """Serves until left, and then until every connection is closed."""
    calls: set[asyncio.Task[None]] = set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await serve(reader, writer)
        except ConnectionError:
            return  # a prober may hang up whenever it likes
        finally:
            writer.close()

    server = await asyncio.start_server(call, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*calls)
        await asyncio.sleep(0)  # the transports' last callbacks


@contextmanager
def dead_port() -> Iterator[int]:
    """Nobody listens there, and nobody else can meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("action", "success", "message"),
    [
        ({"path": "/200"}, True, ""),
        ({"path": "399"}, True, ""),
        ({"path": "/404"}, False, "HTTP probe failed with statuscode: 404"),
        ({"path": "/500"}, False, "HTTP probe failed with statuscode: 500"),
        ({"path": "/moved"}, True, ""),
        ({"path": "/elsewhere"}, True, "Probe terminated redirects, Response body: http://example.com/"),
        ({"path": "/header"}, False, "HTTP probe failed with statuscode: 403"),
        ({"path": "/header", "httpHeaders": [{"name": "X-Key", "value": "secret"}]}, True, ""),
        ({"path": "/host", "httpHeaders": [{"name": "Host", "value": "web.example.com"}]}, True, ""),
        ({"path": "/agent"}, True, ""),
    ],
)
def test_http_get(action: dict[str, Any], success: bool, message: str) -> None:
    async def run() -> Outcome:
        async with http_server() as port:
            return await outcome({"httpGet": action})(port)

    found = asyncio.run(run())
    assert (found.success, found.message) == (success, message)


@pytest.mark.parametrize("path", ["/200", "/404", "/500"])
def test_a_hook_is_content_with_any_answer(path: str) -> None:
    async def run() -> Outcome:
        async with http_server() as port:
            return await run_hook(port, path)

    assert asyncio.run(run()) == Outcome(True)


def test_a_hook_that_nobody_answers_has_failed() -> None:
    async def run() -> Outcome:
        with dead_port() as port:
            return await run_hook(port, "/")

    assert not asyncio.run(run()).success


async def run_hook(port: int, path: str) -> Outcome:
    target = Target(None, RealClock(), Container(name="c"), "", "127.0.0.1")  # type: ignore[arg-type]
    return await hook(target, codec.from_tree({"httpGet": {"port": port, "path": path}}, LifecycleHandler))


def test_endless_redirects_fail() -> None:
    async def run() -> Outcome:
        async with http_server() as port:
            return await outcome({"httpGet": {"path": "/loop"}})(port)

    assert not asyncio.run(run()).success


def test_nobody_listens() -> None:
    async def run() -> tuple[int, Outcome, Outcome]:
        with dead_port() as port:
            return port, await outcome({"httpGet": {"path": "/x"}})(port), await outcome({"tcpSocket": {}})(port)

    port, http, tcp = asyncio.run(run())
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert (tcp.success, tcp.message) == (False, refused)
    assert (http.success, http.message) == (False, f'Get "http://127.0.0.1:{port}/x": {refused}')


def test_a_server_that_never_answers() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def run() -> list[Outcome]:
        async with tcp_server(silent) as port:
            return [
                await outcome({"tcpSocket": {}})(port),
                await outcome({"httpGet": {"path": "/"}}, 0.05)(port),
                await outcome({"grpc": {}}, 0.05)(port),
            ]

    tcp, http, health = asyncio.run(run())
    assert tcp.success
    assert "context deadline exceeded" in http.message
    assert "timeout: failed to connect service" in health.message


def health_server(status: int, code: str = "0") -> Serve:
    """Answers every gRPC call with that serving status."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    stream = event.stream_id
                    connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
                    if code == "0":
                        connection.send_data(stream, b"\x00\x00\x00\x00\x02\x08" + bytes([status]))
                    trailers = [("grpc-status", code), ("grpc-message", "unknown%20service")]
                    connection.send_headers(stream, trailers, end_stream=True)
            writer.write(connection.data_to_send())

    return serve


@pytest.mark.parametrize(
    ("status", "code", "success", "message"),
    [
        (1, "0", True, ""),
        (2, "0", False, 'service unhealthy (responded with "NOT_SERVING")'),
        (0, "5", False, "error: health rpc failed: rpc error: code = NotFound desc = unknown service"),
        (
            0,
            "fine",
            False,
            "error: health rpc failed: the server doesn't speak gRPC: invalid literal for int() with base 10: 'fine'",
        ),
    ],
)
def test_grpc(status: int, code: str, success: bool, message: str) -> None:
    async def run() -> Outcome:
        async with tcp_server(health_server(status, code)) as port:
            return await outcome({"grpc": {"service": "shop"}})(port)

    found = asyncio.run(run())
    assert (found.success, found.message) == (success, message)


def test_a_health_answer_has_an_end() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        stream = 0
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    stream = event.stream_id
                    connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
            while stream and (size := min(connection.local_flow_control_window(stream), 16384)):
                connection.send_data(stream, bytes(size))
            writer.write(connection.data_to_send())

    async def run() -> Outcome:
        async with tcp_server(endless) as port:
            return await outcome({"grpc": {}})(port)

    assert asyncio.run(run()).message == "error: health rpc failed: the server's answer is too long"


def test_no_host_is_called_so() -> None:
    async def run() -> Outcome:
        return await outcome({"tcpSocket": {"host": "a..b"}})(80)

    found = asyncio.run(run())
    assert (found.success, found.message) == (False, "dial tcp: lookup a..b: no such host")


def test_a_health_request_names_its_service() -> None:
    assert grpc.request("") == b"\x00\x00\x00\x00\x00"
    assert grpc.request("shop") == b"\x00\x00\x00\x00\x06\x0a\x04shop"


def test_ports_by_name() -> None:
    container = codec.from_tree({"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}, Container)
    assert port_number("http", container) == 8080
    assert port_number("9090", container) == 9090
    with pytest.raises(ValueError, match=r'strconv\.Atoi: parsing "https": invalid syntax'):
        port_number("https", container)
