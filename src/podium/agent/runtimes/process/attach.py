"""Attaches a client to a container that has a standard input or a terminal: through its shim (see `attachments`)."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from podium.agent.runtime import RuntimeFailure
from podium.agent.runtimes.process.shim import attachments
from podium.machinery.streams import ClientStreams, OutputStream, StreamOptions

NAMES: dict[bytes, OutputStream] = {attachments.OUTPUT["stdout"]: "stdout", attachments.OUTPUT["stderr"]: "stderr"}


async def attach(directory: Path, options: StreamOptions, client: ClientStreams, *, stdin: bool, tty: bool) -> None:
    """Until the container ends or the caller is cancelled. `stdin` and `tty`: what the container has. RuntimeFailure if
    it can't be attached to."""
    place = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        reader, writer = await asyncio.open_unix_connection(attachments.path_of(place))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise RuntimeFailure("container is not running") from error
    finally:
        os.close(place)
    tasks = []
    if stdin and options.stdin:
        writer.write(_frame(attachments.TYPES))
        tasks.append(asyncio.create_task(_type(client, writer)))
    if tty and options.tty:
        tasks.append(asyncio.create_task(_follow_size(client, writer)))
    try:
        await _show(reader, client, {"stdout": options.stdout, "stderr": options.stderr})
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _show(reader: asyncio.StreamReader, client: ClientStreams, wanted: dict[OutputStream, bool]) -> None:
    while True:
        try:
            kind, length = attachments.HEADER.unpack(await reader.readexactly(attachments.HEADER.size))
            data = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        name = NAMES[kind]
        if wanted[name]:
            await client.write(name, data)


async def _type(client: ClientStreams, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):  # the container has ended, which whoever shows its output sees
        while data := await client.read():
            writer.write(_frame(attachments.INPUT, data))
            await writer.drain()
        writer.write(_frame(attachments.END))


async def _follow_size(client: ClientStreams, writer: asyncio.StreamWriter) -> None:
    while True:
        size = await client.resized()
        content = attachments.DIMENSIONS.pack(size.height & 0xFFFF, size.width & 0xFFFF)
        writer.write(_frame(attachments.SIZE, content))


def _frame(kind: bytes, data: bytes = b"") -> bytes:
    return attachments.HEADER.pack(kind, len(data)) + data
