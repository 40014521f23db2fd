from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from podium.machinery import protobuf
from podium.models import codec, core_v1, meta_v1
from podium.registry import storage
from podium.registry.resources import built_in
from podium.registry.types import Entry, WatchEvent
from podium.server.handlers import watch
from tests.server.harness import CONFIG_MAPS, Harness, Serve, config_map

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


async def next_event(response: Any) -> Any:
    return json.loads(await response.content.readline())


def test_changes_as_they_happen(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        _, made = await server.post(CONFIG_MAPS, config_map())
        revision = made["metadata"]["resourceVersion"]
        async with server.admin.get(f"{CONFIG_MAPS}?watch=true&resourceVersion={revision}") as response:
            assert response.content_type == "application/json"
            _, other = await server.post(CONFIG_MAPS, config_map("other"))
            assert await next_event(response) == {"type": "ADDED", "object": other}
            await server.admin.delete(f"{CONFIG_MAPS}/settings")
            event = await next_event(response)
            assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "settings")

    serve(check)


def test_initial_events_end_with_a_bookmark(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        _, made = await server.post(CONFIG_MAPS, config_map())
        path = (
            f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        )
        async with server.admin.get(path) as response:
            assert await next_event(response) == {"type": "ADDED", "object": made}
            bookmark = await next_event(response)
            assert bookmark["type"] == "BOOKMARK"
            assert bookmark["object"]["kind"] == "ConfigMap"
            assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}

    serve(check)


def test_a_table_defines_its_columns_once(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(CONFIG_MAPS, config_map("a"))
        await server.post(CONFIG_MAPS, config_map("b"))
        async with server.admin.get(f"{CONFIG_MAPS}?watch=1", headers={"Accept": TABLE}) as response:
            first, second = await next_event(response), await next_event(response)
        assert first["object"]["kind"] == "Table"
        assert first["object"]["columnDefinitions"][0]["name"] == "Name"
        assert second["object"]["columnDefinitions"] is None
        assert second["object"]["rows"][0]["cells"][0] == "b"

    serve(check)


def test_protobuf_frames(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(CONFIG_MAPS, config_map())
        accept = {"Accept": "application/vnd.kubernetes.protobuf;stream=watch"}
        async with server.admin.get(f"{CONFIG_MAPS}?watch=1", headers=accept) as response:
            assert response.headers["Content-Type"] == "application/vnd.kubernetes.protobuf;stream=watch"
            size = int.from_bytes(await response.content.readexactly(4), "big")
            frame = await response.content.readexactly(size)
        assert frame.startswith(b"\x0a\x05ADDED\x12")
        assert protobuf.decode(frame[frame.index(protobuf.MAGIC) :]).tree["metadata"]["name"] == "settings"

    serve(check)


def test_too_old_a_revision_is_an_event(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "RING_EVENTS", 1)

    async def check(server: Harness) -> None:
        for index in range(3):
            await server.post(CONFIG_MAPS, config_map(f"a{index}"))
        newest = server.registry.revision
        await server.registry.core.store.compact(newest)
        async with server.admin.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=1") as response:
            assert response.status == 200
            event = await next_event(response)
            assert await response.read() == b""
        status = event["object"]
        assert (event["type"], status["code"], status["reason"]) == ("ERROR", 410, "Expired")
        assert status["message"] == f"too old resource version: 1 ({newest})"

    serve(check)


def test_bad_options(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        refused = await server.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=abc")
        assert refused["code"] == 400
        refused = await server.get(f"{CONFIG_MAPS}?watch=1&timeoutSeconds=soon")
        assert refused["code"] == 400
        refused = await server.get(f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true")
        assert refused["code"] == 422

    serve(check)


def test_timeout_ends_the_stream_cleanly(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        revision = (await server.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
        path = f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&resourceVersion={revision}"
        async with server.admin.get(path) as response:
            assert await response.read() == b""

    serve(check)


def test_a_timeout_longer_than_the_calendar(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(CONFIG_MAPS, config_map())
        path = f"{CONFIG_MAPS}?watch=1&timeoutSeconds={2**63 - 1}"
        async with server.admin.get(path) as response:
            assert (await next_event(response))["type"] == "ADDED"
        refused = await server.get(f"{CONFIG_MAPS}?watch=1&timeoutSeconds={'9' * 400}")
        assert refused["code"] == 400

    serve(check)


def test_many_events_are_framed_as_the_client_reads_them() -> None:
    """Or each of many slow clients would cost as much as all that there is."""
    row = next(row for row in built_in() if row.kind == "ConfigMap")
    made = core_v1.ConfigMap(metadata=meta_v1.ObjectMeta(name="a"), data={"key": "x" * 10_000})
    event = WatchEvent("ADDED", Entry("/configmaps/a", 1, codec.encode(made), core_v1.ConfigMap, made), 1)

    async def batches() -> AsyncIterator[Sequence[WatchEvent]]:
        yield [event] * 1000
        yield [event]

    async def read() -> list[bytes]:
        return [piece async for piece in watch._frames(batches(), watch.Framing(row))]

    pieces = asyncio.run(read())
    one = watch.Framing(row).frame(event)
    assert b"".join(pieces) == one * 1001
    assert max(map(len, pieces)) < watch.PIECE + len(one)


def test_stopping_the_server_ends_watches(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        async with server.admin.get(f"{CONFIG_MAPS}?watch=1&resourceVersion=0&allowWatchBookmarks=true") as response:
            stopping = asyncio.create_task(server.server.stop())
            assert await response.read() == b""
            await stopping
        assert server.server.port == 0

    serve(check)


def test_a_client_that_leaves_ends_its_watch(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        revision = (await server.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
        async with server.raw(server.files.admin) as (reader, writer):
            path = f"{CONFIG_MAPS}?watch=1&resourceVersion={revision}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            assert len(server.registry.live("configmaps").watchers) == 1
            writer.transport.abort()
        streams = server.server._api.streams
        while streams:
            await asyncio.wait(streams)
            await asyncio.sleep(0)
        assert server.registry.live("configmaps").watchers == []

    serve(check)
