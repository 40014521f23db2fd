"""Runtimes that start real processes, and end them whatever happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, TypedDict, Unpack

import pytest

from podium.agent.images import Catalogue
from podium.agent.runtime import ContainerConfig, ContainerRecord, Mount, SandboxConfig
from podium.agent.runtimes.process.network import LoopbackNetwork, NamespaceNetwork, PodNetwork, cluster_id
from podium.agent.runtimes.process.runtime import ProcessRuntime
from podium.clock import RealClock

DEADLINE = 60.0
PODS = ("u1", "u2")


@pytest.fixture(autouse=True)
def _linux() -> None:
    if sys.platform != "linux":
        pytest.skip("processes need Linux")


def networks(data_dir: Path) -> dict[str, Callable[[], PodNetwork]]:
    cluster = cluster_id(data_dir)
    return {
        "loopback": lambda: LoopbackNetwork(cluster, data_dir / "loopback.json"),
        "namespaces": lambda: NamespaceNetwork(cluster, data_dir / "network.json"),
    }


@asynccontextmanager
async def started(data_dir: Path, network: str = "loopback") -> AsyncIterator[ProcessRuntime]:
    """A runtime on that directory; stopped, with everything it runs, on the way out."""
    runtime = ProcessRuntime(data_dir / "nodes" / "n1", networks(data_dir)[network](), Catalogue())
    await runtime.start(RealClock(), Random(1))
    try:
        yield runtime
    finally:
        await runtime.stop()


async def sandbox(runtime: ProcessRuntime, uid: str = "u1") -> str:
    found = await runtime.run_sandbox(SandboxConfig(uid, "default", f"pod-{uid}", f"pod-{uid}"))
    return found.ip


class Settings(TypedDict, total=False):
    """What of a container's configuration tests set."""

    attempt: int
    environment: Mapping[str, str]
    working_dir: str
    mounts: tuple[Mount, ...]
    user: int
    group: int
    groups: tuple[int, ...]
    stdin: bool
    stdin_once: bool
    tty: bool
    stop_signal: str
    termination_message_path: str


async def launch(
    runtime: ProcessRuntime, *command: str, uid: str = "u1", name: str = "c", **settings: Unpack[Settings]
) -> str:
    """Start a container with that command; its id."""
    config = replace(ContainerConfig(name, 0, "i", "i", command, {}), **settings)
    container_id = await runtime.create_container(uid, config)
    await runtime.start_container(container_id)
    return container_id


def record(runtime: ProcessRuntime, container_id: str) -> ContainerRecord:
    return next(r for uid in PODS for r in runtime.containers(uid) if r.id == container_id)


async def until(holds: Callable[[], Any]) -> Any:
    """What `holds` returns as soon as it is true; TimeoutError when that takes too long."""
    async with asyncio.timeout(DEADLINE):
        while not (found := holds()):  # noqa: ASYNC110 - other processes don't tell
            await asyncio.sleep(0.01)
    return found


async def ended(runtime: ProcessRuntime, container_id: str) -> ContainerRecord:
    await until(lambda: record(runtime, container_id).state == "exited")
    return record(runtime, container_id)


def output(runtime: ProcessRuntime, container_id: str) -> list[str]:
    """The lines of the log, without their timestamps."""
    return [line.split(" ", 1)[1] for line in runtime.log_path(container_id).read_text().splitlines()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


SCRIPT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.agent.process.conftest import launch, sandbox, started

async def main():
    async with started(Path({data_dir!r}), {network!r}) as runtime:
        await sandbox(runtime)
        for name, script in {containers!r}.items():
            await launch(runtime, "sh", "-c", script, name=name)
        print("running", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def run_agent_and_kill_it(data_dir: Path, containers: dict[str, str], network: str = "loopback") -> None:
    """A process like an agent starts containers and is killed without a chance to clean up."""
    root = str(Path(__file__).resolve().parents[3])
    script = SCRIPT.format(root=root, data_dir=str(data_dir), containers=containers, network=network)
    agent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    with agent.stdout:
        assert agent.stdout.readline() == "running\n"
        agent.send_signal(signal.SIGKILL)
        agent.wait()
