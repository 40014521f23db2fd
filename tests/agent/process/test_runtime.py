"""Containers that are real processes."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from podium.agent.runtime import RuntimeFailure
from podium.agent.runtimes.process import exec as exec_
from podium.agent.runtimes.process import shim_config
from podium.agent.runtimes.process.shim import records

from .conftest import DEADLINE, alive, ended, launch, output, record, sandbox, started, until


def test_output_and_exit_code(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            script = "echo out; echo err >&2; printf unfinished; exit 3"
            container = await launch(runtime, "sh", "-c", script)
            found = await ended(runtime, container)
            assert (found.exit_code, found.reason) == (3, "")
            assert found.started_at is not None
            assert found.finished_at is not None
            assert sorted(output(runtime, container)) == ["stderr F err", "stdout F out", "stdout F unfinished"]

    asyncio.run(run())


def test_environment_and_working_directory(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            ip = await sandbox(runtime)
            script = "echo $GREETING $HOSTNAME $PODIUM_POD_IP; pwd"
            environment = {"GREETING": "hello"}
            container = await launch(runtime, "sh", "-c", script, environment=environment, working_dir=str(tmp_path))
            await ended(runtime, container)
            assert output(runtime, container) == [f"stdout F hello pod-u1 {ip}", f"stdout F {tmp_path}"]

    asyncio.run(run())


def test_nobody_else_reads_the_environment_of_a_container(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            await launch(runtime, "sleep", "1000", environment={"PASSWORD": "secret"})

    asyncio.run(run())
    with_it = [path for path in tmp_path.rglob("*.json") if "secret" in path.read_text()]
    assert with_it
    assert {path.stat().st_mode & 0o077 for path in with_it} == {0}


@pytest.mark.parametrize(
    ("script", "grace", "code"),
    [
        ("exec sleep 1000", DEADLINE, 143),
        ("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", DEADLINE, 7),
        ("trap '' TERM; echo ready; while :; do sleep 0.01; done", 0.05, 137),
        ("exec sleep 1000", 0.0, 137),
    ],
)
def test_stopping(tmp_path: Path, script: str, grace: float, code: int) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sh", "-c", script)
            if "ready" in script:
                await until(lambda: output(runtime, container))
            await runtime.stop_container(container, grace)
            assert record(runtime, container).exit_code == code

    asyncio.run(run())


def test_nothing_of_a_container_outlives_it(tmp_path: Path) -> None:
    """Neither a child, nor one that went into a session of its own and lost its parent."""

    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            script = "sleep 1000 & echo $!; (setsid sh -c 'echo $$; exec sleep 1000' &); sleep 1000"
            container = await launch(runtime, "sh", "-c", script)
            lines = await until(lambda: len(output(runtime, container)) == 2 and output(runtime, container))
            pids = [int(line.rsplit(" ", 1)[1]) for line in lines]
            assert all(map(alive, pids))
            await runtime.stop_container(container, DEADLINE)
            assert not any(map(alive, pids))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no-such-program",), 'exec: "no-such-program": executable file not found in $PATH'),
        (("/no/such/program",), 'exec: "/no/such/program": no such file or directory'),
        (("/etc/passwd",), "Permission denied"),
    ],
)
def test_what_cannot_be_started(tmp_path: Path, command: tuple[str, ...], message: str) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            with pytest.raises(RuntimeFailure) as caught:
                await launch(runtime, *command)
            assert message in str(caught.value)
            found = runtime.containers("u1")[0]
            assert (found.state, found.exit_code, found.reason) == ("exited", 128, "StartError")

    asyncio.run(run())


def test_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails says so, holds nothing, and can be tried again; what runs can end."""

    def full(*_: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def run() -> None:
        async with started(tmp_path) as runtime:
            with monkeypatch.context() as disk:
                disk.setattr(records, "write", full)
                with pytest.raises(RuntimeFailure, match="No space left"):
                    await sandbox(runtime)
            address = await sandbox(runtime)
            with monkeypatch.context() as disk:
                disk.setattr(records, "write", full)
                with pytest.raises(RuntimeFailure, match="No space left") as caught:
                    await launch(runtime, "sleep", "1000")
                assert caught.value.reason == "CreateContainerError"
            with monkeypatch.context() as processes:
                processes.setattr(subprocess, "Popen", full)
                with pytest.raises(RuntimeFailure, match="No space left"):
                    await launch(runtime, "sleep", "1000")
            (found,) = runtime.containers("u1")
            assert (found.state, found.exit_code, found.reason) == ("exited", 128, "StartError")
            container = await launch(runtime, "sleep", "1000", attempt=1)
            with monkeypatch.context() as disk:
                disk.setattr(records, "write", full)
                await runtime.stop_container(container, DEADLINE)
                await runtime.stop_sandbox("u1")
                await runtime.remove_sandbox("u1")
            assert not runtime.directory("u1").exists()
            assert await sandbox(runtime, "u2") not in ("", address)

    asyncio.run(run())


def test_commands_in_a_container(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sleep", "1000", environment={"A": "1"})
            result = await runtime.exec_sync(container, ["sh", "-c", "echo $A; echo no >&2; exit 4"], DEADLINE)
            assert (result.exit_code, result.output) == (4, b"1\nno\n")
            assert (await runtime.exec_sync(container, ["no-such-program"], DEADLINE)).exit_code == 127
            with pytest.raises(TimeoutError):
                await runtime.exec_sync(container, ["sh", "-c", "sleep 1000 & sleep 1000"], 0.1)
            await runtime.stop_container(container, 0)
            with pytest.raises(RuntimeFailure, match="not running"):
                await runtime.exec_sync(container, ["true"], DEADLINE)

    asyncio.run(run())


def test_commands_that_leave_somebody_behind_or_say_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in a session of its own keeps the output open: nobody waits for that, and of it the beginning will do."""
    monkeypatch.setattr(exec_, "DRAIN_SECONDS", 0)

    async def run() -> None:
        async with started(tmp_path) as runtime, asyncio.timeout(DEADLINE):
            await sandbox(runtime)
            container = await launch(runtime, "sleep", "1000")
            result = await runtime.exec_sync(container, ["sh", "-c", "setsid sleep 1000 & echo $!; exit 3"], DEADLINE)
            os.kill(int(result.output), signal.SIGKILL)
            assert result.exit_code == 3
            result = await runtime.exec_sync(container, ["sh", "-c", "head -c 3000000 /dev/zero"], DEADLINE)
            assert (result.exit_code, result.output) == (0, bytes(16 * 1024))

    asyncio.run(run())


def test_what_commands_have_left_behind_ends_with_the_container(tmp_path: Path) -> None:
    """But not what others have."""

    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            command = ["sh", "-c", "(setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1' &) | head -n 1"]
            pids, containers = [], []
            for name in ("a", "b"):
                containers.append(await launch(runtime, "sleep", "1000", name=name))
                result = await runtime.exec_sync(containers[-1], command, DEADLINE)
                pids.append(int(result.output))
            await runtime.stop_container(containers[0], DEADLINE)
            assert [alive(pid) for pid in pids] == [False, True]
            await runtime.stop_container(containers[1], DEADLINE)
            assert [alive(pid) for pid in pids] == [False, False]

    asyncio.run(run())


def test_what_runs_in_another_cluster_does_not(tmp_path: Path) -> None:
    """Though the container has the same id there, as in tests with the same seed."""

    async def run() -> None:
        async with started(tmp_path / "one") as one, started(tmp_path / "other") as other:
            containers = []
            for runtime in (one, other):
                await sandbox(runtime)
                containers.append(await launch(runtime, "sleep", "1000"))
                await runtime.exec_sync(containers[-1], ["true"], DEADLINE)
            assert len(set(containers)) == 1
            await one.stop_container(containers[0], DEADLINE)
            assert record(other, containers[1]).state == "running"
            result = await other.exec_sync(containers[1], ["echo", "here"], DEADLINE)
            assert result.output == b"here\n"

    asyncio.run(run())


def test_logs_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim_config, "LOG_BYTES", 10_000)
    monkeypatch.setattr(shim_config, "LOG_FILES", 3)
    script = "for number in range(60_000): print(number)"

    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, sys.executable, "-c", script)
            await ended(runtime, container)
            path = runtime.log_path(container)
            assert sorted(file.name for file in path.parent.iterdir()) == ["0.log", "0.log.1", "0.log.2"]
            parts = [path.with_name("0.log.2"), path.with_name("0.log.1"), path]
            numbers = [int(line.split()[3]) for part in parts for line in part.read_text().splitlines()]
            assert numbers == list(range(numbers[0], 60_000))

    asyncio.run(run())


def test_very_long_lines_come_in_parts(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, sys.executable, "-c", "print('x' * 40_000)")
            await ended(runtime, container)
            tags = [line.split(" ")[1] for line in output(runtime, container)]
            assert tags[-1] == "F"
            assert set(tags[:-1]) == {"P"}
            assert sum(len(line.split(" ")[2]) for line in output(runtime, container)) == 40_000

    asyncio.run(run())


def test_a_container_without_its_shim_is_lost_but_not_leaked(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sleep", "1000")
            directory = runtime.termination_message(container).parent
            program = records.read(directory / records.STARTED)["pid"]
            signal.pidfd_send_signal(runtime._containers[container].pidfd, signal.SIGKILL)
            found = await ended(runtime, container)
            assert (found.exit_code, found.reason) == (137, "ContainerStatusUnknown")
            await until(lambda: not alive(program))

    asyncio.run(run())


def test_removing_a_sandbox_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            await ended(runtime, await launch(runtime, "true"))
            await runtime.remove_sandbox("u1")
            assert not runtime.directory("u1").exists()
            assert runtime.containers("u1") == []
            assert runtime.sandboxes() == ()

    asyncio.run(run())
