"""Attaching to containers of a whole cluster, and commands in containers that aren't there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podium.machinery.errors import InternalError, NotFound
from podium.machinery.streams import StreamOptions
from podium.models import codec
from podium.models.core_v1 import EphemeralContainer

from .cluster import process_cluster as cluster
from .conftest import until
from .test_agent import _loopback, create, pod_when
from .test_exec import Client

__all__ = ["_loopback"]

SCRIPT = (
    "echo before; until [ -e {0} ]; do sleep 0.02; done; echo out; echo err >&2; until [ -e {0}2 ]; do sleep 0.02; done"
)


def test_both_outputs_from_now_until_the_end(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path / "data") as at:
            go = tmp_path / "go"
            await create(at, {"command": ["sh", "-c", SCRIPT.format(go)]}, restartPolicy="Never")
            node = (await pod_when(at, lambda pod: pod.status.phase == "Running")).spec.nodeName
            logs = tmp_path / "data"
            await until(lambda: any("before" in path.read_text() for path in logs.glob("nodes/*/pods/*/logs/c/0.log")))
            client = Client()
            attached = asyncio.ensure_future(
                at.nodes.attach(node, "default", "p", StreamOptions("c", stdout=True, stderr=True), client)
            )
            for _ in range(5):  # it has to be at the end of the log before more is written
                await asyncio.sleep(0)
            go.touch()
            await until(lambda: all(client.shown.values()))
            assert client.shown == {"stdout": b"out\n", "stderr": b"err\n"}
            assert not attached.done()
            go.with_name("go2").touch()
            await until(attached.done)
            attached.result()

    asyncio.run(check())


def test_a_standard_input(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as at:
            script = "read line; echo got $line"
            container = {"command": ["sh", "-c", script], "stdin": True, "stdinOnce": True}
            await create(at, container, restartPolicy="Never")
            node = (await pod_when(at, lambda pod: pod.status.phase == "Running")).spec.nodeName
            client = Client(b"one\n")
            options = StreamOptions("c", stdin=True, stdout=True, stderr=True)
            await at.nodes.attach(node, "default", "p", options, client)
            assert client.shown["stdout"] == b"got one\n"

    asyncio.run(check())


def test_a_container_that_is_added_to_debug(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as at:
            await create(at)
            running = await pod_when(at, lambda pod: pod.status.phase == "Running")
            added = codec.copy(running)
            debugger = EphemeralContainer(name="d", image="busybox", stdin=True, stdinOnce=True)
            added.spec.ephemeralContainers = (debugger,)
            await at.client.update(added, "ephemeralcontainers")
            await pod_when(at, lambda pod: any(one.state.running for one in pod.status.ephemeralContainerStatuses))
            client = Client(b"echo found $((6 * 7)); exit 3\n")
            await at.nodes.attach(
                running.spec.nodeName, "default", "p", StreamOptions("d", stdin=True, stdout=True), client
            )
            assert client.shown["stdout"] == b"found 42\n"
            ended = await pod_when(
                at, lambda pod: any(one.state.terminated for one in pod.status.ephemeralContainerStatuses)
            )
            (status,) = ended.status.ephemeralContainerStatuses
            assert status.state.terminated is not None
            assert (status.state.terminated.exitCode, status.restartCount, status.ready) == (3, 0, False)
            assert ended.status.phase == "Running"

    asyncio.run(check())


def test_what_can_t_be_attached_to(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as at:
            await create(at)
            node = (await pod_when(at, lambda pod: pod.status.phase == "Running")).spec.nodeName
            options = StreamOptions("x", stdout=True)
            with pytest.raises(InternalError, match=r'container not found \("x"\)'):
                await at.nodes.exec(node, "default", "p", ["true"], options, Client())
            with pytest.raises(NotFound):
                await at.nodes.exec(node, "default", "none", ["true"], options, Client())
            with pytest.raises(InternalError, match=r"failed to connect to localhost:9 .*: connection refused"):
                await at.nodes.connect(node, "default", "p", 9)

    asyncio.run(check())
