"""Relays TCP connections from one listening socket to the endpoints behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
        self._paused: asyncio.TimerHandle | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._listening.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    async def stop(self) -> None:
        if self._paused is not None:
            self._paused.cancel()
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        await self._clock.sleep(0)  # what has just been accepted begins, so that it also ends
        for connection in tuple(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self) -> None:
        """Called when a connection waits. asyncio's own servers, and awaiting an accept, lose what they have just
        accepted when they are cancelled."""
        loop = asyncio.get_running_loop()
        try:
            accepted, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            _log.warning("accepting connections: %s", error)
            loop.remove_reader(self._listening)
            self._paused = self._clock.call_later(PAUSE_SECONDS, self.start)
            return
        accepted.setblocking(False)
        connection = loop.create_task(self._serve(accepted))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=accepted)
            with _closed_at_the_end(writer):
                await self._relay(reader, writer)
        except OSError as error:
            _log.debug("a relayed connection broke off: %s", error)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = await self._connect()
        if opened is None:
            writer.transport.abort()
            return
        far_reader, far_writer = opened
        with _closed_at_the_end(far_writer):
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for address, port in self._rng.sample(self.backends, len(self.backends)):
            try:
                return await asyncio.open_connection(address, port)
            except OSError as error:
                _log.debug("endpoint %s:%s: %s", address, port, error)
        return None


@contextmanager
def _closed_at_the_end(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Sends what is left, unless it all has to stop: then nothing may be left to do."""
    try:
        yield
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and pass the end on."""
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
    with suppress(OSError):  # the other side has closed already
        writer.write_eof()
