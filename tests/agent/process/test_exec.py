"""Commands in running containers, and connections into Pods."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Unpack

import pytest

from podium.agent.runtime import RuntimeFailure, SandboxConfig
from podium.agent.runtimes.process import exec as exec_
from podium.agent.runtimes.process.runtime import ProcessRuntime
from podium.machinery.streams import OutputStream, StreamOptions, TerminalSize

from .conftest import DEADLINE, Settings, alive, launch, sandbox, started, until

OUT = StreamOptions("c", stdout=True, stderr=True)
IN_OUT = StreamOptions("c", stdin=True, stdout=True, stderr=True)
TTY = StreamOptions("c", stdin=True, stdout=True, tty=True)


class Client:
    """A client that sends what it is given and keeps what it is shown."""

    def __init__(self, *typed: bytes, ends: bool = True) -> None:
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        for data in (*typed, b"") if ends else typed:
            self.type(data)
        self.sizes: asyncio.Queue[TerminalSize] = asyncio.Queue()
        self.shown: dict[OutputStream, bytes] = {"stdout": b"", "stderr": b""}

    def type(self, data: bytes) -> None:
        self._typed.put_nowait(data)

    def has_typed_all(self) -> bool:
        return self._typed.empty()

    async def read(self) -> bytes:
        return await self._typed.get()

    async def write(self, stream: OutputStream, data: bytes) -> None:
        self.shown[stream] += data

    async def resized(self) -> TerminalSize:
        return await self.sizes.get()


async def container(runtime: ProcessRuntime, **settings: Unpack[Settings]) -> str:
    await sandbox(runtime)
    return await launch(runtime, "sleep", "1000", **settings)


async def run(runtime: ProcessRuntime, at: str, client: Client, script: str, options: StreamOptions = OUT) -> int:
    async with asyncio.timeout(DEADLINE):
        return await runtime.exec(at, ["sh", "-c", script], options, client)


@pytest.mark.parametrize("network", ["loopback", pytest.param("namespaces", marks=pytest.mark.root)])
def test_where_the_container_is(tmp_path: Path, network: str) -> None:
    async def check() -> None:
        async with started(tmp_path, network) as runtime:
            at = await container(runtime, environment={"GREETING": "hello"}, working_dir="/usr")
            client = Client()
            assert await run(runtime, at, client, "echo $GREETING; pwd; echo oops >&2; exit 3") == 3
            assert client.shown == {"stdout": b"hello\n/usr\n", "stderr": b"oops\n"}
            if network == "namespaces":
                client = Client()
                await run(runtime, at, client, "hostname; readlink /proc/self/ns/net")
                name, namespace = client.shown["stdout"].decode().split()
                assert name == "pod-u1"
                assert namespace != os.readlink("/proc/self/ns/net")

    asyncio.run(check())


def test_megabytes_both_ways(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            data = os.urandom(5 * 1024 * 1024)
            pieces = [data[start : start + 30_000] for start in range(0, len(data), 30_000)]
            client = Client(*pieces)
            assert await run(runtime, at, client, "cat", IN_OUT) == 0
            assert client.shown["stdout"] == data

    asyncio.run(check())


def test_input_that_the_command_does_not_want(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client(*[bytes(100_000)] * 50, ends=False)
            assert await run(runtime, at, client, "exec <&-; echo done", IN_OUT) == 0
            assert client.shown["stdout"] == b"done\n"

    asyncio.run(check())


def test_ends_by_signal_and_missing_programs(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            assert await run(runtime, at, Client(), "kill -9 $$") == 137
            client = Client()
            assert await runtime.exec(at, ["no-such-program"], OUT, client) == 127
            assert b"no-such-program" in client.shown["stderr"]
            assert await runtime.exec(at, ["/etc"], OUT, Client()) == 126

    asyncio.run(check())


def test_a_terminal(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client(b"word\n", ends=False)
            client.sizes.put_nowait(TerminalSize(132, 43))
            script = "read word; until [ $(stty size | cut -c1-2) = 43 ]; do :; done; stty size; echo $word $TERM"
            assert await run(runtime, at, client, f"test -t 0 && test -t 2 && {script}; exit 4", TTY) == 4
            assert client.shown == {"stdout": b"word\r\n43 132\r\nword xterm\r\n", "stderr": b""}

    asyncio.run(check())


def test_keys_reach_a_terminal_as_signals_and_its_end_as_one(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client(ends=False)
            script = "trap 'exit 7' INT; echo ready; while :; do sleep 0.01; done"
            running = asyncio.ensure_future(run(runtime, at, client, script, TTY))
            await until(lambda: client.shown["stdout"])
            client.type(b"\x03")
            assert await running == 7
            assert await run(runtime, at, Client(b"all\n"), "cat", TTY) == 0

    asyncio.run(check())


@pytest.mark.parametrize("options", [IN_OUT, TTY])
def test_a_client_that_goes_takes_the_command_with_it(tmp_path: Path, options: StreamOptions) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client(ends=False)
            script = "trap '' HUP TERM INT; sleep 1000 & echo $! $$; wait"
            running = asyncio.ensure_future(run(runtime, at, client, script, options))
            await until(lambda: client.shown["stdout"].endswith(b"\n"))
            pids = [int(word) for word in client.shown["stdout"].split()]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await until(lambda: not any(alive(pid) for pid in pids))

    asyncio.run(check())


def test_the_container_s_end_is_the_command_s(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client()
            running = asyncio.ensure_future(run(runtime, at, client, "echo here; exec sleep 1000"))
            await until(lambda: client.shown["stdout"])
            await runtime.stop_container(at, 0)
            assert await running == 137
            with pytest.raises(RuntimeFailure, match="not running"):
                await run(runtime, at, Client(), "true")

    asyncio.run(check())


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_, "DRAIN_SECONDS", 0.1)

    async def check() -> None:
        async with started(tmp_path) as runtime:
            at = await container(runtime)
            client = Client()
            assert await run(runtime, at, client, "sleep 1000 & echo $!") == 0
            await until(lambda: not alive(int(client.shown["stdout"])))

    asyncio.run(check())


def listen(address: str) -> str:
    """A program that says back what one connection sends, in capitals."""
    return (
        f"import socket; s = socket.create_server(({address!r}, 8123)); print('up', flush=True); c, _ = s.accept()\n"
        "while data := c.recv(9999): c.sendall(data.upper())\n"
    )


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("loopback", ""),
        pytest.param("namespaces", "127.0.0.1", marks=pytest.mark.root),
        pytest.param("namespaces", "0.0.0.0", marks=pytest.mark.root),
    ],
)
def test_a_connection_into_a_pod(tmp_path: Path, network: str, address: str) -> None:
    async def check() -> None:
        async with started(tmp_path, network) as runtime:
            ip = await sandbox(runtime)
            at = await launch(runtime, "python3", "-c", listen(address or ip))
            await until(lambda: "up" in runtime.log_path(at).read_text())
            connection = await runtime.connect("u1", 8123)
            await connection.write(b"hello")
            connection.end()
            assert await connection.read() == b"HELLO"
            assert await connection.read() == b""
            await connection.close()
            with pytest.raises(OSError, match="111"):
                await runtime.connect("u1", 8124)

    asyncio.run(check())


@pytest.mark.root
def test_a_pod_on_the_machine_s_network_has_its_localhost(tmp_path: Path) -> None:
    async def check() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            await runtime.run_sandbox(SandboxConfig("u1", "default", "p", "p", host_network=True))
            with socket.create_server(("127.0.0.1", 0)) as listener:
                connection = await runtime.connect("u1", listener.getsockname()[1])
                listener.accept()[0].close()
                assert await connection.read() == b""
                await connection.close()

    asyncio.run(check())
