"""The HTTP transport against a real server: what differs from being in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from podium.client import http, kubeconfig
from podium.client.client import Client
from podium.client.http import HttpTransport, error_of
from podium.client.informers import Informers
from podium.client.kubeconfig import Connection
from podium.client.transport import Selection
from podium.clock import RealClock
from podium.controllers.manager import ControllerManager
from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1, resources
from podium.server import pki
from tests.controllers.cluster import deployment, template
from tests.server.harness import Harness, serving

PODS = resources.of(core_v1.Pod)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


def run(directory: Path, test: Callable[[Client, HttpTransport, Harness], Awaitable[None]]) -> None:
    async def body() -> None:
        async with serving(directory) as server:
            pki.write_kubeconfig(directory / "kubeconfig", server.url, server.files)
            async with HttpTransport(kubeconfig.load([directory / "kubeconfig"])) as transport:
                await test(Client(transport), transport, server)

    asyncio.run(asyncio.wait_for(body(), 120))


def config_map(name: str) -> core_v1.ConfigMap:
    return core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name=name, namespace="default"))


def test_long_lists_come_in_pages(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAGE", 3)

    async def body(client: Client, transport: HttpTransport, server: Harness) -> None:
        for number in range(7):
            await client.create(config_map(f"m{number}"))
        found = await client.list(core_v1.ConfigMap, "default")
        assert [one.metadata.name for one in found] == [f"m{number}" for number in range(7)]
        assert all(one.metadata.uid for one in found)

    run(directory, body)


def test_a_watch_shows_what_is_there_and_then_what_happens(directory: Path) -> None:
    async def body(client: Client, transport: HttpTransport, server: Harness) -> None:
        await client.create(config_map("a"))
        seen: list[tuple[str, str, bool]] = []
        resource = resources.of(core_v1.ConfigMap)
        async for batch in transport.watch(resource, Selection("default"), None):
            for event in batch:
                name = event.object.metadata.name if event.object is not None else ""
                seen.append((event.type, name, event.initial_events_end))
                if event.initial_events_end:
                    await client.delete(core_v1.ConfigMap, "default", "a")
            if seen[-1][0] == "DELETED":
                break
        assert seen == [("ADDED", "a", False), ("BOOKMARK", "", True), ("DELETED", "a", False)]

    run(directory, body)


def test_errors_arrive_as_they_were_raised(directory: Path) -> None:
    async def body(client: Client, transport: HttpTransport, server: Harness) -> None:
        with pytest.raises(errors.Invalid) as invalid:
            await client.create(config_map("Not A Name"))
        assert invalid.value.code == 422
        assert invalid.value.details is not None
        assert invalid.value.details.causes[0].field == "metadata.name"
        nobody = HttpTransport(Connection(server.url, token="wrong", insecure=True))
        with pytest.raises(errors.Unauthorized):
            await Client(nobody).list(core_v1.Pod)
        await nobody.close()
        alice = HttpTransport(Connection(server.url, token="alice-token", insecure=True))
        with pytest.raises(errors.Forbidden, match='User "alice" cannot list resource "pods"'):
            await Client(alice).list(core_v1.Pod)
        await alice.close()

    run(directory, body)


def test_a_server_that_is_not_there(directory: Path) -> None:
    async def body() -> None:
        async with HttpTransport(Connection("http://127.0.0.1:9")) as transport:
            with pytest.raises(errors.ServiceUnavailable):
                await Client(transport).list(core_v1.Pod)
            with pytest.raises(errors.ServiceUnavailable):
                await anext(transport.watch(PODS, Selection(), None))

    asyncio.run(body())


@pytest.mark.parametrize(
    ("body", "code", "kind", "message"),
    [
        (b'{"kind":"Status","reason":"Conflict","message":"changed","code":409}', 409, errors.Conflict, "changed"),
        (b'{"kind":"Status","reason":"AlreadyExists","message":"there"}', 409, errors.AlreadyExists, "there"),
        (b'{"kind":"Status","reason":"Expired","message":"old","code":410}', 200, errors.Expired, "old"),
        (b'{"kind":"Status","message":"odd","code":418}', 418, errors.StatusError, "odd"),
        (b"<html>Bad gateway</html>", 503, errors.ServiceUnavailable, "<html>Bad gateway</html>"),
        (b"", 404, errors.NotFound, ""),
    ],
)
def test_what_an_answer_stands_for(body: bytes, code: int, kind: type[errors.StatusError], message: str) -> None:
    error = error_of(body, code)
    assert type(error) is kind
    assert error.message == message
    assert error.code == error.status().code == (410 if kind is errors.Expired else code)


def test_controllers_run_against_any_api_server(directory: Path) -> None:
    """The same code in a process of its own: a Deployment is rolled out through the wire alone."""

    async def body(client: Client, transport: HttpTransport, server: Harness) -> None:
        clock = RealClock()
        informers = Informers(client, clock)
        names = ("deployment", "replicaset", "serviceaccount")
        manager = ControllerManager(client, informers, clock, Random(1), names=names)
        pods = informers.of(core_v1.Pod)
        there = asyncio.Event()
        pods.on_change(lambda old, new: there.set() if len(pods.list()) == 3 else None)
        tasks = [asyncio.create_task(informers.run()), asyncio.create_task(manager.run())]
        await client.create(deployment(3, template=template("web:1")))
        await there.wait()
        for pod in pods.list():
            assert pod.metadata.ownerReferences[0].kind == "ReplicaSet"
            ready = codec.copy(pod)
            ready.status.phase = "Running"
            await client.update_status(ready)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run(directory, body)
