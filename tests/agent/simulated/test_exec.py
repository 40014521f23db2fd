"""Commands in Pods that don't run anything."""

from __future__ import annotations

import asyncio

import pytest

from podium.agent.runtimes.simulated import exec as simulated
from podium.machinery.errors import InternalError
from podium.machinery.streams import OutputStream, StreamOptions, TerminalSize
from podium.models.core_v1 import Pod
from podium.testing.virtual import VirtualCluster

from .test_pods import create

OPTIONS = StreamOptions("c", stdin=True, stdout=True)
ENVIRONMENT = {"HOSTNAME": "p", "GREETING": "hello"}


class Client:
    def __init__(self, *typed: bytes) -> None:
        self._typed = [*typed, b""]
        self.shown = b""

    async def read(self) -> bytes:
        return self._typed.pop(0)

    async def write(self, stream: OutputStream, data: bytes) -> None:
        self.shown += data

    async def resized(self) -> TerminalSize:
        raise AssertionError("nothing here has a size")


@pytest.mark.parametrize(
    ("command", "code", "output"),
    [
        (["true"], 0, b""),
        (["/bin/false"], 1, b""),
        (["sh", "-c", "exit 3"], 3, b""),
        (["echo", "x", "y"], 0, b"x y\n"),
        (["sh", "-c", "echo hi; exit 4"], 4, b"hi\n"),
        (["cat"], 0, b"typed"),
        (["hostname"], 0, b"p\n"),
        (["sh", "-c", "env"], 0, b"HOSTNAME=p\nGREETING=hello\n"),
    ],
)
def test_trivial_commands(command: list[str], code: int, output: bytes) -> None:
    client = Client(b"ty", b"ped")
    assert asyncio.run(simulated.run(command, OPTIONS, client, ENVIRONMENT)) == code
    assert client.shown == output


@pytest.mark.parametrize(
    "command",
    [
        ["ls"],
        ["cat", "/etc/hosts"],
        ["date"],
        ["sleep", "1"],
        ["sh"],
        ["sh", "-c", "echo hi; ls"],
        ["sh", "-c", "a | b"],
    ],
)
def test_whatever_else_is_refused(command: list[str]) -> None:
    with pytest.raises(InternalError, match="Pods of this node are simulated"):
        asyncio.run(simulated.run(command, OPTIONS, Client(), ENVIRONMENT))


def test_in_a_cluster(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster)
    nodes = podium_cluster.cluster.nodes
    client = Client()

    async def execute(container: str) -> int:
        options = StreamOptions(container, stdout=True)
        return await nodes.exec(pod.spec.nodeName, "default", "p", ["hostname"], options, client)

    assert podium_cluster.run(execute("c")) == 0
    assert client.shown == b"p\n"
    with pytest.raises(InternalError, match=r'container not found \("x"\)'):
        podium_cluster.run(execute("x"))
    with pytest.raises(InternalError, match="simulated: nothing listens on port 80"):
        podium_cluster.run(nodes.connect(pod.spec.nodeName, "default", "p", 80))


def test_attached_until_it_ends(podium_cluster: VirtualCluster) -> None:
    pod = create(podium_cluster, command=["sleep", "60"], restartPolicy="Never")
    began = podium_cluster.clock.elapsed
    node = pod.spec.nodeName
    podium_cluster.run(podium_cluster.cluster.nodes.attach(node, "default", "p", OPTIONS, Client()))
    assert podium_cluster.clock.elapsed - began == pytest.approx(60, abs=1)
    podium_cluster.wait(Pod, "p", lambda found: found.status.phase == "Succeeded")
