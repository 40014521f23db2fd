"""Relays TCP connections from one listening socket to the endpoints behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from podium.agent.services.rules import Backend

PIECE = 65536

_log = logging.getLogger(__name__)


class Relay:
    """Each connection leads to an endpoint picked at random; one that can't be reached is passed over."""

    def __init__(self, rng: Random) -> None:
        self.backends: Sequence[Backend] = ()
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listening: socket.socket) -> None:
        self._server = await asyncio.start_server(self._serve, sock=listening)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # one side broke off, or the relay stops
        finally:
            self._connections.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await self._connect()
        if opened is None:
            writer.transport.abort()
            return
        far_reader, far_writer = opened
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for address, port in self._rng.sample(self.backends, len(self.backends)):
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                _log.debug("endpoint %s:%s: %s", address, port, error)
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and pass the end on."""
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    with suppress(OSError):  # the other side has closed already
        writer.write_eof()
