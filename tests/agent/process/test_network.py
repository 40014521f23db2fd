"""Pods with network namespaces: addresses, ports, mounts, names, and nothing left behind."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from podium.agent.images import Catalogue
from podium.agent.runtime import Mount
from podium.agent.runtimes.process import network
from podium.agent.runtimes.process.network import LoopbackNetwork, can_isolate, cluster_id
from podium.agent.runtimes.process.runtime import ProcessRuntime
from podium.agent.runtimes.process.shim import records
from podium.models import conditions
from podium.models.core_v1 import Pod
from podium.store.memory import MemoryStore

from .cluster import apply, process_cluster, when
from .conftest import DEADLINE, Settings, ended, launch, output, record, run_agent_and_kill_it, sandbox, started, until

namespaces = pytest.mark.root


def needs_namespaces() -> None:
    if problem := can_isolate():
        pytest.skip(f"needs network namespaces: {problem}")


async def get(host: str, port: int, path: str) -> str:
    """The body of a page."""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return answer.partition("\r\n\r\n")[2]


async def listening(runtime: ProcessRuntime, container_id: str) -> None:
    """Return when the Flask app says that it listens. AssertionError if it has ended."""

    def says_so() -> bool:
        lines = output(runtime, container_id)
        assert record(runtime, container_id).state == "running", lines
        return any("Running on http" in line for line in lines)

    await until(says_so)


async def two_flask_apps(data_dir: Path, kind: str) -> list[str]:
    async with started(data_dir, kind) as runtime:
        bodies = []
        for uid, version in (("u1", "v1"), ("u2", "v2")):
            ip = await sandbox(runtime, uid)
            image = Catalogue().image(f"sakuragaara/flaskapp:{version}", has_command=False)
            await listening(
                runtime, await launch(runtime, *image.command, uid=uid, environment=dict(image.environment))
            )
            bodies.append(await get(ip, 5000, "/index"))
        return bodies


EXPECTED = ["Hello from flaskapp v1, Pod pod-u1\n", "Hello from flaskapp v2, Pod pod-u2\n"]


def test_two_pods_listen_on_the_same_port_of_loopback_addresses(tmp_path: Path) -> None:
    assert asyncio.run(two_flask_apps(tmp_path, "loopback")) == EXPECTED


@namespaces
def test_two_pods_listen_on_the_same_port_of_their_namespaces(tmp_path: Path) -> None:
    needs_namespaces()
    assert asyncio.run(two_flask_apps(tmp_path, "namespaces")) == EXPECTED


@namespaces
def test_a_container_sees_its_volumes_where_it_wants_them(tmp_path: Path) -> None:
    needs_namespaces()
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "file").write_text("content\n")
    targets = ("/var/run/secrets/kubernetes.io/serviceaccount", "/config-of-podium/deep", "/tmp/volume-of-podium")
    mounts = (*(Mount(volume, target) for target in targets), Mount(volume, "/read-only-podium", read_only=True))
    script = f"""
        for target in {" ".join(targets)}; do cat $target/file; done
        touch /read-only-podium/new || echo refused
        echo bye > /dev/termination-log
        hostname; cat /etc/hosts | grep pod-u1 | wc -l; echo > /tmp/volume-of-podium/written
    """

    async def run() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            await sandbox(runtime)
            more = Settings(mounts=mounts, termination_message_path="/dev/termination-log")
            container = await launch(runtime, "sh", "-c", script, **more)
            assert (await ended(runtime, container)).exit_code == 0
            lines = [line for line in output(runtime, container) if line.startswith("stdout")]
            assert [line[9:] for line in lines] == ["content"] * 3 + ["refused", "pod-u1", "1"]
            assert runtime.termination_message(container).read_text() == "bye\n"

    asyncio.run(run())
    assert (volume / "written").exists()
    assert not any(Path(path).exists() for path in (*targets[1:], "/read-only-podium", "/dev/termination-log"))


@namespaces
def test_a_command_in_a_container_sees_what_the_container_sees(tmp_path: Path) -> None:
    needs_namespaces()

    async def run() -> bytes:
        async with started(tmp_path, "namespaces") as runtime:
            ip = await sandbox(runtime)
            container = await launch(runtime, "sleep", "1000", mounts=(Mount(tmp_path, "/data-of-podium"),))
            result = await runtime.exec_sync(
                container, ["sh", "-c", "hostname; ls -d /data-of-podium; hostname -I"], DEADLINE
            )
            return result.output.replace(ip.encode(), b"IP")

    assert asyncio.run(run()).split() == [b"pod-u1", b"/data-of-podium", b"IP"]


@namespaces
def test_a_container_runs_as_the_user_it_names(tmp_path: Path) -> None:
    needs_namespaces()

    async def run() -> list[str]:
        async with started(tmp_path, "namespaces") as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sh", "-c", "id -u; id -g; id -G", user=65534, group=4242, groups=(4343,))
            await ended(runtime, container)
            return output(runtime, container)

    assert asyncio.run(run()) == ["stdout F 65534", "stdout F 4242", "stdout F 4242 4343"]


@namespaces
def test_another_user_has_neither_the_agents_groups_nor_its_home(tmp_path: Path) -> None:
    needs_namespaces()

    async def run() -> list[str]:
        async with started(tmp_path, "namespaces") as runtime:
            await sandbox(runtime)
            container = await launch(runtime, "sh", "-c", "id -G; echo $HOME", user=987654, group=4242)
            await ended(runtime, container)
            return output(runtime, container)

    mine = os.getgroups()
    os.setgroups([*mine, 4343])
    try:
        assert asyncio.run(run()) == ["stdout F 4242", "stdout F /"]
    finally:
        os.setgroups(mine)


@namespaces
def test_nothing_of_the_network_stays(tmp_path: Path) -> None:
    needs_namespaces()
    cluster = cluster_id(tmp_path)

    def traces() -> list[str]:
        devices = [name for name in os.listdir("/sys/class/net") if cluster in name]
        return devices + [path.name for path in network.NAMESPACES.glob(f"podium-{cluster}-*")]

    async def run() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            await sandbox(runtime, "u1")
            await sandbox(runtime, "u2")
            assert len(traces()) == 5  # the bridge, two devices, two namespaces
            await runtime.remove_sandbox("u1")
            assert len(await until(lambda: len(traces()) == 3 and traces())) == 3
        await until(lambda: not traces())

    asyncio.run(run())


@namespaces
def test_a_cluster_keeps_the_network_it_was_given(tmp_path: Path) -> None:
    needs_namespaces()
    other = tmp_path / "other"
    other.mkdir()

    async def run() -> None:
        async with started(tmp_path, "namespaces") as first, started(other, "namespaces") as second:
            assert first.pod_cidr != second.pod_cidr
            cidr = second.pod_cidr
        async with started(other, "namespaces") as again:
            assert again.pod_cidr == cidr

    asyncio.run(run())


@namespaces
def test_nobody_answers_for_an_address_that_was_given_back(tmp_path: Path) -> None:
    """A namespace lives on for a while, and longer if a process has its file open; its address doesn't."""
    needs_namespaces()

    async def run() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            await sandbox(runtime)
            found = runtime.sandbox("u1")
            assert found is not None
            namespace = os.open(found.network, os.O_RDONLY)
            try:
                await runtime.remove_sandbox("u1")
                assert devices(tmp_path) == [f"podium{cluster_id(tmp_path)}"]
            finally:
                os.close(namespace)

    asyncio.run(run())


@namespaces
def test_a_namespace_that_was_only_being_made_is_taken_away(tmp_path: Path) -> None:
    needs_namespaces()
    run_agent_and_kill_it(tmp_path, {"c": "exit 0"}, "namespaces")
    (tmp_path / "nodes" / "n1" / "pods" / "u1" / "sandbox.json").unlink()

    async def run() -> None:
        async with started(tmp_path, "namespaces"):
            assert devices(tmp_path) == [f"podium{cluster_id(tmp_path)}"]

    asyncio.run(run())


def devices(data_dir: Path) -> list[str]:
    cluster = cluster_id(data_dir)
    return [name for name in os.listdir("/sys/class/net") if cluster in name]


def move_to_another_network(data_dir: Path) -> None:
    """As if others had taken the one it had. Clusters get the first free one, so that those at the end are free; its
    own id says which, for the sake of tests that run at the same time."""
    state = data_dir / "network.json"
    another = network.PREFERRED[28 + int(cluster_id(data_dir), 16) % 100]
    records.write(state, {**records.read(state), "network": another})


@namespaces
def test_a_sandbox_of_a_network_that_others_have_by_now_is_made_anew(tmp_path: Path) -> None:
    needs_namespaces()

    async def run() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            before = await sandbox(runtime)
        move_to_another_network(tmp_path)
        async with started(tmp_path, "namespaces") as again:
            found = again.sandbox("u1")
            assert found is not None
            assert found.stopped
            after = await sandbox(again)
            assert ipaddress.ip_address(before) not in ipaddress.ip_network(again.pod_cidr)
            assert ipaddress.ip_address(after) in ipaddress.ip_network(again.pod_cidr)

    asyncio.run(run())


@namespaces
def test_what_still_runs_in_a_network_that_others_have_by_now_is_ended(tmp_path: Path) -> None:
    needs_namespaces()
    run_agent_and_kill_it(tmp_path, {"c": "exec sleep 1000"}, "namespaces")
    bridge = f"podium{cluster_id(tmp_path)}"
    network._in_thread(lambda: remove_device(bridge))
    move_to_another_network(tmp_path)

    async def run() -> None:
        async with started(tmp_path, "namespaces") as runtime:
            (found,) = runtime.containers("u1")
            assert (found.state, found.reason) == ("exited", "")
            assert found.exit_code in (143, 137)  # by force, if that took the machine more than two seconds

    asyncio.run(run())


def remove_device(name: str) -> None:
    with network._netlink() as ip:
        ip.link("del", index=ip.link_lookup(ifname=name)[0])


@namespaces
def test_pods_get_another_address_when_the_network_is_another(tmp_path: Path) -> None:
    needs_namespaces()
    store = MemoryStore()
    pod = """
    apiVersion: v1
    kind: Pod
    metadata: {name: p}
    spec:
      containers:
      - {name: c, image: shell, command: [sleep, "1000"]}
    """

    async def run() -> None:
        async with process_cluster(tmp_path, store) as first:
            await apply(first, pod)
            before = await when(first, Pod, "p", is_ready)
        move_to_another_network(tmp_path)
        async with process_cluster(tmp_path, store) as second:
            moved = await when(second, Pod, "p", lambda p: is_ready(p) and p.status.podIP != before.status.podIP)
            assert moved.metadata.uid == before.metadata.uid
            assert moved.status.containerStatuses[0].restartCount == 1

    asyncio.run(run())


def is_ready(pod: Pod) -> bool:
    return conditions.is_true(pod.status.conditions, "Ready")


@namespaces
def test_a_cluster_whose_data_is_gone_is_cleaned_up_after(tmp_path: Path) -> None:
    needs_namespaces()
    dead = tmp_path / "dead"
    dead.mkdir()
    cluster = cluster_id(dead)

    async def run() -> None:
        async with started(dead, "namespaces") as runtime:
            await sandbox(runtime)
            shutil.rmtree(dead)
            async with started(tmp_path, "namespaces"):
                assert f"podium{cluster}" not in os.listdir("/sys/class/net")
                assert not list(network.NAMESPACES.glob(f"podium-{cluster}-*"))

    asyncio.run(run())


def test_a_free_network_overlaps_with_no_route() -> None:
    routes = [ipaddress.IPv4Network("10.244.7.0/24"), ipaddress.IPv4Network("10.240.0.0/13")]
    found = network._free_network(routes, "10.244.0.0/16")
    assert not any(found.overlaps(route) for route in routes)


@contextmanager
def loopback(folder: Path, cluster: str = "00c8", nodes: int = 1) -> Iterator[LoopbackNetwork]:
    """The network of a cluster that runs; they all would like the same addresses."""
    found = LoopbackNetwork(cluster, folder / "loopback.json")
    for _ in range(nodes):
        found.start(())
    try:
        yield found
    finally:
        for _ in range(nodes):
            found.stop()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """Of two clusters that no other on this machine gets in the way of."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as own:
        own.bind(("127.0.0.1", 0))
        monkeypatch.setattr(network, "CLAIM_PORT", own.getsockname()[1])
        yield tmp_path / "one", tmp_path / "other"


class TestLoopbackNetworks:
    def test_of_nodes_differ(self, folders: tuple[Path, Path]) -> None:
        with loopback(folders[0], "00ff") as one, loopback(folders[1], "1234") as other:
            assert len({cluster.node_cidr(index) for cluster in (one, other) for index in range(5)}) == 10

    def test_of_clusters_at_the_same_time_differ(self, folders: tuple[Path, Path]) -> None:
        """The second starts while the first has a node left of two."""
        with loopback(folders[0], nodes=2) as one:
            one.stop()
            with loopback(folders[1], "0000") as other:
                assert one.node_cidr(0) != other.node_cidr(0)
            one.start(())

    def test_are_kept(self, folders: tuple[Path, Path]) -> None:
        with loopback(folders[0]):
            with loopback(folders[1]) as other:
                before = other.node_cidr(0)
            with loopback(folders[1]) as other:
                assert other.node_cidr(0) == before
        with loopback(folders[1]) as other:
            assert other.node_cidr(0) == before

    def test_are_given_up_if_another_cluster_has_taken_them_meanwhile(self, folders: tuple[Path, Path]) -> None:
        with loopback(folders[0]) as one:
            before = one.node_cidr(0)
        with loopback(folders[1]) as other:
            assert other.node_cidr(0) == before
            with loopback(folders[0]) as one:
                now = one.node_cidr(0)
        assert now != before
        with loopback(folders[0]) as one:
            assert one.node_cidr(0) == now

    def test_are_as_wanted_where_they_cannot_be_held(
        self, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as everywhere:
            everywhere.bind(("0.0.0.0", 0))
            monkeypatch.setattr(network, "CLAIM_PORT", everywhere.getsockname()[1])
            with loopback(folders[0]) as one:
                assert one.node_cidr(0) == "127.16.0.0/24"
