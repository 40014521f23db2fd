"""Connects to a port in a Pod: from inside its network, so that what listens on localhost only is reached too."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from functools import partial

from podium.agent.runtime import Sandbox
from podium.agent.runtimes.process.network import in_namespace
from podium.agent.threads import in_thread

CHUNK = 32 * 1024


class SocketConnection:
    """machinery.streams.Connection over a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        if not self._writer.is_closing():
            self._writer.write_eof()

    async def close(self) -> None:
        self._writer.transport.abort()


async def connect(sandbox: Sandbox, port: int, *, shared: bool) -> SocketConnection:
    """OSError of the last address that was tried. `shared`: the Pod uses the machine's own network."""
    problem: OSError | None = None
    for family, address in _addresses(sandbox, shared=shared):
        end = await in_thread(partial(_socket, sandbox.network, family), socket.socket.close)
        try:
            await asyncio.get_running_loop().sock_connect(end, (address, port))
            reader, writer = await asyncio.open_connection(sock=end, limit=CHUNK)
        except OSError as error:
            end.close()
            problem = problem or error
        except BaseException:
            end.close()
            raise
        else:
            return SocketConnection(reader, writer)
    assert problem is not None
    raise problem


def _addresses(sandbox: Sandbox, *, shared: bool) -> Sequence[tuple[int, str]]:
    """Without a network of its own a Pod has nothing but its address: the machine's localhost is not the Pod's."""
    own = (socket.AF_INET, sandbox.ip)
    if not sandbox.network and not shared:
        return (own,)
    return ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), own)


def _socket(namespace: str, family: int) -> socket.socket:
    """A socket belongs for good to the network that it was made in."""

    def make() -> socket.socket:
        end = socket.socket(family, socket.SOCK_STREAM)
        end.setblocking(False)
        return end

    if not namespace:
        return make()
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        return in_namespace(descriptor, make)
    finally:
        os.close(descriptor)
