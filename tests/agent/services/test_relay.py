"""Connections through a relay."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from random import Random

from podium.agent.services.relay import Relay
from podium.clock import RealClock


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with all that was said, once the client has said that it is finished."""
    writer.write((await reader.read()).upper())
    writer.close()


def test_both_directions_and_their_ends_are_passed_on() -> None:
    async def run() -> None:
        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        nobody = socket.socket()
        nobody.bind(("127.0.0.1", 0))  # nobody else can listen there
        dead = nobody.getsockname()
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        relay = Relay(listening, RealClock(), Random(1))
        relay.backends = (dead, server.sockets[0].getsockname())
        relay.start()
        async with asyncio.timeout(60):
            for _ in range(8):  # whichever endpoint comes first, the one that lives answers
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b"hello")
                writer.write_eof()
                assert await reader.read() == b"HELLO"
                writer.close()
        await relay.stop()
        server.close()
        nobody.close()

    asyncio.run(run())


def test_without_endpoints_a_connection_ends_at_once() -> None:
    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        relay = Relay(listening, RealClock(), Random(1))
        relay.start()
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*address)
            with suppress(ConnectionResetError):  # also an end
                assert await reader.read() == b""
            writer.close()
        await relay.stop()

    asyncio.run(run())
