"""Relays TCP connections from one listening socket to the endpoints behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from random import Random

from podium.agent.services.rules import Backend
from podium.clock import Clock

PIECE = 65536
PAUSE_SECONDS = 1.0
"""After a failure to accept a connection: usually there are too many."""

_log = logging.getLogger(__name__)


class Relay:
    """Each connection leads to an endpoint picked at random; one that can't be reached is passed over."""

    def __init__(self, listening: socket.socket, clock: Clock, rng: Random) -> None:
        self.backends: Sequence[Backend] = ()
        self._listening = listening
        self._clock = clock
        self._rng = rng
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._listening.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def stop(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)  # what was accepted has begun by then
        self._listening.close()
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self) -> None:
        """asyncio's own servers leak what they have just accepted when they are closed."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._listening)
            except OSError as error:
                _log.warning("accepting connections: %s", error)
                await self._clock.sleep(PAUSE_SECONDS)
                continue
            connection = loop.create_task(self._serve(accepted))
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=accepted)
            try:
                await self._relay(reader, writer)
            finally:
                writer.close()
        except OSError as error:
            _log.debug("a relayed connection broke off: %s", error)

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
