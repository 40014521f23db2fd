"""Containers with a standard input or a terminal, and the clients that are attached to them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Unpack

import pytest

from podium.agent.runtime import RuntimeFailure
from podium.agent.runtimes.process.runtime import ProcessRuntime
from podium.agent.runtimes.process.shim import attachments
from podium.machinery.streams import StreamOptions, TerminalSize

from .conftest import DEADLINE, Settings, launch, sandbox, started, until
from .test_exec import IN_OUT, OUT, TTY, Client

LINES = "while read line; do echo got $line; done; echo end"


async def container(runtime: ProcessRuntime, script: str, **settings: Unpack[Settings]) -> str:
    await sandbox(runtime)
    return await launch(runtime, "sh", "-c", script, **settings)


async def attach(runtime: ProcessRuntime, at: str, client: Client, options: StreamOptions = IN_OUT) -> None:
    async with asyncio.timeout(DEADLINE):
        await runtime.attach(at, options, client)


async def shown(client: Client, text: bytes) -> None:
    await until(lambda: text in client.shown["stdout"])


def test_what_a_client_types_is_read_and_ends_with_the_first_one(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, LINES, stdin=True, stdin_once=True)
            watching = Client()
            watched = asyncio.ensure_future(attach(runtime, at, watching, OUT))
            client = Client(b"one\n", b"two\n")
            await attach(runtime, at, client)
            assert client.shown["stdout"] == b"got one\ngot two\nend\n"
            await watched
            assert watching.shown["stdout"].endswith(b"end\n")
            with pytest.raises(RuntimeFailure, match="container is not running"):
                await attach(runtime, at, client)

    asyncio.run(check())


def test_what_it_wrote_at_last_is_shown_to_a_client_that_is_still_typing(tmp_path: Path) -> None:
    class Busy(Client):
        """Nothing else happens in this process between the end of the container and the last that is typed."""

        def __init__(self, socket: Path) -> None:
            super().__init__(b"one\n", ends=False)
            self.socket = socket

        async def read(self) -> bytes:
            if not self.has_typed_all():
                return await super().read()
            while _there(self.socket):
                os.sched_yield()
            return b""

    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, "read line; echo got $line", stdin=True, stdin_once=True)
            client = Busy(runtime.termination_message(at).parent / attachments.SOCKET)
            await attach(runtime, at, client)
            assert client.shown["stdout"] == b"got one\n"

    asyncio.run(check())


def _there(path: Path) -> bool:
    return path.exists()


def test_otherwise_the_next_client_goes_on(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, LINES, stdin=True)
            for word in (b"one", b"two"):
                client = Client(word + b"\n")
                attached = asyncio.ensure_future(attach(runtime, at, client))
                await shown(client, b"got " + word)
                attached.cancel()
                await asyncio.gather(attached, return_exceptions=True)
            assert b"end" not in runtime.log_path(at).read_bytes()

    asyncio.run(check())


def test_a_client_that_goes_ends_it_too(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, LINES, stdin=True, stdin_once=True)
            client = Client(b"one\n", ends=False)
            attached = asyncio.ensure_future(attach(runtime, at, client))
            await shown(client, b"got one")
            attached.cancel()
            await until(lambda: b"end" in runtime.log_path(at).read_bytes())

    asyncio.run(check())


def test_megabytes_go_through(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, "sleep 0.2; wc -c", stdin=True, stdin_once=True)
            client = Client(*[b"x" * 65536] * 32)
            await attach(runtime, at, client)
            assert client.shown["stdout"].strip() == str(32 * 65536).encode()

    asyncio.run(check())


def test_a_program_that_does_not_read(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            go = tmp_path / "go"
            script = f"exec <&-; until [ -e {go} ]; do sleep 0.02; done; echo done"
            at = await container(runtime, script, stdin=True, stdin_once=True)
            client = Client(b"x" * 200_000)
            attached = asyncio.ensure_future(attach(runtime, at, client))
            await until(client.has_typed_all)
            go.touch()
            await attached
            assert client.shown["stdout"].endswith(b"done\n")

    asyncio.run(check())


@pytest.mark.parametrize("network", ["loopback", pytest.param("namespaces", marks=pytest.mark.root)])
def test_a_terminal(tmp_path: Path, network: str) -> None:
    async def check() -> None:
        async with started(tmp_path, network) as runtime:
            await sandbox(runtime)
            script = "read go; printf 'name? '; read name; stty size; test -t 1 && echo hello $name; exit 7"
            at = await launch(runtime, "sh", "-c", script, stdin=True, tty=True)
            client = Client(b"go\n", ends=False)
            client.sizes.put_nowait(TerminalSize(101, 33))
            attached = asyncio.ensure_future(attach(runtime, at, client, TTY))
            await shown(client, b"name? ")  # a prompt has no end of line
            client.type(b"ann\n")
            await attached
            assert client.shown["stdout"].endswith(b"33 101\r\nhello ann\r\n")
            await until(lambda: runtime.containers("u1")[0].state == "exited")
            assert runtime.containers("u1")[0].exit_code == 7

    asyncio.run(check())


def test_a_container_without_one_sees_the_end_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime, LINES)
            await until(lambda: runtime.containers("u1")[0].state == "exited")
            assert b"end" in runtime.log_path(at).read_bytes()

    asyncio.run(check())
