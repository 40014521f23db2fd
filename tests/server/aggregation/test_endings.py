"""Requests to another API server that break off, never end, or are given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from aiohttp import web

from podium.server.aggregation import proxy
from podium.server.exchange import Relay
from tests.server.aggregation.conftest import ServeBoth
from tests.server.aggregation.extension import FLAVORS, Endless, Extension, half_an_answer, lead_to
from tests.server.harness import Harness, Impatient


def test_an_answer_that_breaks_off_does_not_pass_for_whole(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        break_off = asyncio.Event()

        async def breaking(request: web.BaseRequest) -> web.StreamResponse:
            response = await half_an_answer(request)
            await break_off.wait()
            assert request.transport is not None
            request.transport.abort()
            return response

        extension.handler = breaking
        async with half_read(server, FLAVORS) as reader:
            break_off.set()
            assert await reader.read() == b"\r\n"

    serve_both(check)


@asynccontextmanager
async def half_read(server: Harness, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """A client that has read the half."""
    async with server.raw(server.files.admin) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"half of it")
        yield reader


def test_an_answer_that_never_ends_is_cut_off(serve_both: ServeBoth) -> None:
    clock = Impatient(proxy.TOTAL_SECONDS)

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        answer = Endless()
        extension.handler = answer.half
        async with half_read(server, FLAVORS) as reader:
            clock.time_is_up()
            assert await reader.read() == b"\r\n"
        await answer.ended.wait()

    serve_both(check, clock)


def test_an_answer_that_never_begins_is_not_waited_for(serve_both: ServeBoth) -> None:
    clock = Impatient(proxy.TOTAL_SECONDS)

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        answer = Endless()

        async def silent(request: web.BaseRequest) -> web.StreamResponse:
            clock.time_is_up()
            return await answer.silence(request)

        extension.handler = silent
        async with server.admin.get(FLAVORS) as response:
            assert response.status == 504
            assert (await response.json())["reason"] == "Timeout"
        await answer.ended.wait()

    serve_both(check, clock)


@pytest.mark.parametrize("query", ["", "?watch=true"])
def test_a_body_that_never_comes_is_not_waited_for(serve_both: ServeBoth, query: str) -> None:
    """Nor does it keep others from reading."""
    clock = Impatient(proxy.TOTAL_SECONDS)

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        async with server.raw(server.files.admin) as (reader, writer):
            head = f"GET {FLAVORS}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            writer.write(head.encode())
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            clock.time_is_up()
            assert (await reader.readline()).split()[1] == b"504"
        assert extension.asked == []

    serve_both(check, clock)


def test_watches_end_when_the_server_stops(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        answer = Endless()
        extension.handler = answer.half
        async with half_read(server, f"{FLAVORS}?watch=true") as reader:
            await server.server.stop()
            await reader.read()
        await answer.ended.wait()
        assert server.registry.extensions is None

    serve_both(check)


def test_what_was_asked_for_a_client_that_has_gone_is_let_go_of() -> None:
    closed = []

    async def close() -> None:
        closed.append(True)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"nobody reads it"

    relay = Relay(200, "text/plain", [], pieces(), close)
    with pytest.raises(ConnectionResetError):
        asyncio.run(relay.prepare(SimpleNamespace(transport=None)))  # type: ignore[arg-type]
    assert closed


def test_an_upgrade_for_a_client_that_has_gone_is_let_go_of(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        asked, gone, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def late(request: web.BaseRequest) -> web.StreamResponse:
            asked.set()
            await gone.wait()
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            try:
                await socket.receive()
            finally:
                ended.set()
            return socket

        extension.handler = late
        connections = server.server._connections
        assert connections is not None
        before = len(connections._users)
        lines = (f"GET {FLAVORS}/mint/taste HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket")
        key = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
        async with server.raw(server.files.admin) as (_, writer):
            writer.write("\r\n".join((*lines, *key, "", "")).encode())
            await asked.wait()
            writer.transport.abort()
        async with asyncio.timeout(120):
            while len(connections._users) > before:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
        gone.set()
        await asyncio.wait_for(ended.wait(), 120)

    serve_both(check)
