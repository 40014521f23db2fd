"""Requests that ask for another protocol (WebSocket, SPDY): once the other API server agrees, bytes go both ways.

Whether it agrees is known before the client is answered, so a refusal is an ordinary answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus

from aiohttp import web
from yarl import URL

from podium.models.apiregistration_v1 import APIService
from podium.server.aggregation.headers import forwarded
from podium.server.aggregation.resolve import Target, server_name
from podium.server.aggregation.servers import CONNECT_SECONDS, ExtensionServers
from podium.server.exchange import Answer, Deadline, Exchange, Upgrade
from podium.server.services import Services
from podium.server.streaming.idle import Idle, until_first
from podium.server.streaming.wires import ConnectionBytes

LONGEST_HEAD = 64 * 1024
PIECE = 64 * 1024
_AGREED = b"HTTP/1.1 101 "


def wants_upgrade(exchange: Exchange) -> bool:
    listed = ",".join(exchange.headers.getall("Connection", ())).lower().split(",")
    return "upgrade" in (each.strip() for each in listed) and bool(exchange.headers.get("Upgrade"))


async def tunnel(
    services: Services, servers: ExtensionServers, exchange: Exchange, service: APIService, url: URL
) -> Upgrade | Answer:
    """OSError if it can't be reached."""
    place = servers.choose(service)
    with Deadline(services.clock, CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(
            place.host,
            place.port,
            ssl=servers.context(service),
            server_hostname=server_name(service),
            limit=LONGEST_HEAD,
        )
        try:
            writer.write(_request(exchange, place, url))
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            writer.transport.abort()
            raise ConnectionResetError("no answer to a request for an upgrade") from error
        except BaseException:
            writer.transport.abort()
            raise
    if not head.startswith(_AGREED):
        writer.transport.abort()
        return _refused(head)

    async def run(request: web.BaseRequest) -> None:
        assert request.transport is not None
        idle = Idle(services.clock)
        client = ConnectionBytes(request, idle)
        request.transport.write(head)
        await until_first(_to_client(reader, client), _from_client(client, writer), idle.expired())

    return Upgrade(services.counted(run), writer.transport.abort)


def _request(exchange: Exchange, place: Target, url: URL) -> bytes:
    headers = forwarded(exchange.headers, exchange.user)
    lines = [f"{exchange.raw.method} {url.raw_path_qs} HTTP/1.1", f"Host: {URL(place.url).authority}"]
    lines += ["Connection: Upgrade", f"Upgrade: {exchange.headers['Upgrade']}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _refused(head: bytes) -> Answer:
    code = head.split(b" ", 2)[1:2]
    status = int(code[0]) if code and code[0].isdigit() else 0
    if status not in {each.value for each in HTTPStatus} or status < 300:
        status = 503
    return Answer(b"the other API server refused the upgrade\n", "text/plain; charset=utf-8", status)


async def _to_client(reader: asyncio.StreamReader, client: ConnectionBytes) -> None:
    with suppress(OSError):  # either has gone: the conversation is over
        while piece := await reader.read(PIECE):
            await client.write(piece)


async def _from_client(client: ConnectionBytes, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await client.read():
            writer.write(piece)
            await writer.drain()
