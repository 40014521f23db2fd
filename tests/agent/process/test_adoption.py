"""An agent that is killed leaves its containers running; the next one finds them, their logs and how they ended."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from podium.agent.runtime import ContainerConfig
from podium.agent.runtimes.process.runtime import ProcessRuntime
from podium.agent.runtimes.process.shim import records

from .conftest import DEADLINE, alive, ended, launch, output, record, run_agent_and_kill_it, sandbox, started


def by_name(runtime: ProcessRuntime) -> dict[str, str]:
    return {found.name: found.id for found in runtime.containers("u1")}


def pid_of(runtime: ProcessRuntime, container: str) -> int:
    pid: int = records.read(runtime.termination_message(container).parent / records.STARTED)["pid"]
    return pid


def test_containers_outlive_the_agent(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    waiting = f"echo before; while ! [ -e {go_on} ]; do sleep 0.01; done; echo after; exit 5"
    run_agent_and_kill_it(tmp_path, {"waiting": waiting, "ending": "exit 3", "steady": "exec sleep 1000"})

    async def run() -> None:
        async with started(tmp_path) as runtime:
            containers = by_name(runtime)
            assert set(containers) == {"waiting", "ending", "steady"}
            assert record(runtime, containers["waiting"]).state == "running"
            steady = pid_of(runtime, containers["steady"])
            assert alive(steady)
            # What ended while nobody looked is known, and so is what ends from now on.
            assert (await ended(runtime, containers["ending"])).exit_code == 3
            go_on.touch()
            assert (await ended(runtime, containers["waiting"])).exit_code == 5
            assert output(runtime, containers["waiting"]) == ["stdout F before", "stdout F after"]
            await runtime.stop_container(containers["steady"], DEADLINE)
            assert record(runtime, containers["steady"]).exit_code == 143
            assert not alive(steady)

    asyncio.run(run())


def test_an_address_in_use_is_not_given_out_again(tmp_path: Path) -> None:
    run_agent_and_kill_it(tmp_path, {"c": "exec sleep 1000"})

    async def run() -> None:
        async with started(tmp_path) as runtime:
            first = runtime.sandboxes()[0]
            assert await sandbox(runtime, "u2") != first.ip
            assert await sandbox(runtime, "u1") == first.ip

    asyncio.run(run())


def test_stopping_in_good_order_ends_everything(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sleep", "1000")
            pid = pid_of(runtime, container)
        assert not alive(pid)
        async with started(tmp_path) as again:
            assert record(again, container).exit_code == 143

    asyncio.run(run())


def test_a_stop_in_the_middle_of_a_start_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            config = ContainerConfig("c", 0, "i", "i", ("sleep", "1000"), {})
            container = await runtime.create_container("u1", config)
            start = asyncio.ensure_future(runtime.start_container(container))
            await asyncio.sleep(0)
            start.cancel()
            await asyncio.wait([start])
        assert record(runtime, container).state == "exited"
        assert not alive(pid_of(runtime, container))

    asyncio.run(run())


def test_a_container_that_was_never_started_is_forgotten(tmp_path: Path) -> None:
    """The agent was killed right before starting it: should its shim still come, it gives up."""

    async def run() -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            await launch(runtime, "true")
            directory = runtime.directory("u1") / "containers" / "half" / "0"
            directory.mkdir(parents=True)
            config = runtime.directory("u1") / "containers" / "c" / "0" / records.CONFIG
            (directory / records.CONFIG).write_bytes(config.read_bytes())
        async with started(tmp_path) as again:
            assert set(by_name(again)) == {"c"}
            assert not directory.exists()

    asyncio.run(run())


def test_only_one_owns_a_container(tmp_path: Path) -> None:
    assert records.claim(tmp_path, {"pid": 1})
    assert not records.claim(tmp_path, {"pid": 2})
    assert records.read(tmp_path / records.CLAIM) == {"pid": 1}


def test_a_process_number_that_was_given_to_another_process_is_not_ours(tmp_path: Path) -> None:
    async def run(other: int) -> None:
        async with started(tmp_path) as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "true")
            await ended(runtime, container)
            directory = runtime.termination_message(container).parent
        (directory / records.EXIT).unlink()
        records.write(directory / records.CLAIM, {"pid": other, "start": 1})
        async with started(tmp_path) as again:
            assert record(again, container).reason == "ContainerStatusUnknown"

    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        asyncio.run(run(stranger.pid))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_start_times_tell_processes_apart() -> None:
    assert records.start_ticks(os.getpid()) > 0
    child = subprocess.Popen(["sleep", "1000"])
    try:
        assert records.start_ticks(child.pid) > records.start_ticks(os.getpid())
    finally:
        child.kill()
        child.wait()
    assert records.start_ticks(child.pid) == 0
