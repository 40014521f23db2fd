"""Input that is broken, oversized or malicious gets an error, and the server goes on."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest

from tests.server.harness import CONFIG_MAPS, Harness, Impatient, Serve, config_map

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
PROTOBUF = {"Content-Type": "application/vnd.kubernetes.protobuf"}

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (97 + i, 97 + i, b",".join([b"*%c" % (96 + i)] * 9)) for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        pytest.param(b"", JSON, 400, id="empty"),
        pytest.param(b'{"kind":"ConfigMap","metadata":{"name":', JSON, 400, id="truncated"),
        pytest.param(b"[1,2]", JSON, 400, id="a list"),
        pytest.param(b"\xff\xfe\x00", JSON, 400, id="no text"),
        pytest.param(b'{"a":' * 20_000 + b"1" + b"}" * 20_000, JSON, 400, id="deep JSON"),
        pytest.param(b"a: " * 3 + b"[" * 20_000, YAML, 400, id="deep YAML"),
        pytest.param(BOMB, YAML, 400, id="YAML bomb"),
        pytest.param(b"kind: [unclosed", YAML, 400, id="truncated YAML"),
        pytest.param(b"k8s\x00\x0a\xff\xff\xff\xff", PROTOBUF, 400, id="truncated protobuf"),
        pytest.param(b"{}", PROTOBUF, 400, id="JSON as protobuf"),
        pytest.param(b"<a/>", {"Content-Type": "text/xml"}, 415, id="XML"),
        pytest.param(json.dumps(config_map(key="x" * 10_000_000)).encode(), JSON, 413, id="10 MB"),
        pytest.param(json.dumps({**config_map(), "data": {"key": 5}}).encode(), JSON, 400, id="wrong type"),
        pytest.param(json.dumps(config_map("../etc")).encode(), JSON, 422, id="a name that is a path"),
    ],
)
def test_bodies(serve: Serve, body: bytes, headers: dict[str, str], code: int) -> None:
    async def check(server: Harness) -> None:
        async with server.admin.post(CONFIG_MAPS, data=io.BytesIO(body), headers=headers) as response:
            status = await response.json()
            assert (response.status, status["kind"], status["code"]) == (code, "Status", code)
        assert (await server.post(CONFIG_MAPS, config_map()))[0] == 201

    serve(check)


def test_the_limit_is_named(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        async def endless() -> Any:
            for _ in range(100):
                yield b"x" * 65536

        async with server.admin.post(CONFIG_MAPS, data=endless(), headers=JSON) as response:
            refused = await response.json()
        assert refused["message"] == "Request entity is too large: limit is 3145728"
        assert refused["reason"] == "RequestEntityTooLarge"

    serve(check)


def test_patches(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.post(CONFIG_MAPS, config_map())
        for content_type, body, code in [
            ("application/json-patch+json", b'{"op":"remove"}', 400),
            ("application/json-patch+json", b'[{"op":"remove","path":"/data/none"}]', 422),
            ("application/merge-patch+json", b"[]", 400),
            ("application/merge-patch+json", b'{"data":', 400),
            ("application/strategic-merge-patch+json", b'{"metadata":{"name":"other"}}', 400),
        ]:
            async with server.admin.patch(
                f"{CONFIG_MAPS}/settings", data=body, headers={"Content-Type": content_type}
            ) as response:
                assert response.status == code, (content_type, body, await response.text())
        assert (await server.get(f"{CONFIG_MAPS}/settings"))["data"] == {"key": "value"}

    serve(check)


def test_continue_expect_is_answered(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        body = json.dumps(config_map()).encode()
        async with server.raw(server.files.admin) as (reader, writer):
            head = (
                f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode())
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 Created")

    serve(check)


def test_a_body_that_never_comes(serve: Serve) -> None:
    clock = Impatient(600)

    async def check(server: Harness) -> None:
        async with server.raw(server.files.admin) as (reader, writer):
            lines = ("Host: x", "Content-Length: 100", "Expect: 100-continue", "", "{")
            writer.write("\r\n".join((f"POST {CONFIG_MAPS} HTTP/1.1", *lines)).encode())
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            clock.time_is_up()
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 504")
        assert (await server.post(CONFIG_MAPS, config_map()))[0] == 201

    serve(check, clock=clock, request_timeout=600)


@pytest.mark.parametrize(
    "request_head",
    [
        b"\x16\x03\x01garbage\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer swordfish\0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n9\r\nswordfish",
    ],
)
def test_broken_http(serve: Serve, request_head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def check(server: Harness) -> None:
        async with server.raw(server.files.admin) as (reader, writer):
            writer.write(request_head)
            assert b" 400 Bad Request" in await reader.readline()
        assert (await server.get("/api/v1"))["kind"] == "APIResourceList"

    serve(check)
    assert "podium.server.http" not in caplog.text  # what is broken may be a secret


@pytest.mark.parametrize(("line", "code"), [(b"CONNECT x:1 HTTP/1.1", 404), (b"OPTIONS * HTTP/1.1", 404)])
def test_requests_for_no_path(serve: Serve, line: bytes, code: int) -> None:
    async def check(server: Harness) -> None:
        async with server.raw(server.files.admin) as (reader, writer):
            writer.write(line + b"\r\nHost: x\r\n\r\n")
            assert await reader.readline() == f"HTTP/1.1 {code} Not Found\r\n".encode()

    serve(check)


def test_a_command_may_be_long(serve: Serve) -> None:
    """As long as the operating system lets it be, in words and altogether: all of it is in the request's first line."""

    async def check(server: Harness) -> None:
        for words in (["x" * 130_000], ["x"] * 5000):
            query = "&".join(f"command={word}" for word in words)
            refused = await server.get(f"/api/v1/namespaces/default/pods/none/exec?stdout=true&{query}")
            assert refused["message"] == 'pods "none" not found'

    serve(check)


def test_a_message_cannot_add_headers(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        body = config_map() | {"a\r\nInjected: yes": 1}
        async with server.admin.post(CONFIG_MAPS, json=body) as response:
            assert "Injected" not in response.headers
            assert response.headers["Warning"].startswith('299 - "unknown field ')

    serve(check)


def test_clients_that_leave_in_the_middle(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def check(server: Harness) -> None:
        for text in ("POST", "GET"):
            async with server.raw(server.files.admin) as (_, writer):
                writer.write(f"{text} {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode())
                await writer.drain()
                writer.transport.abort()
        await asyncio.sleep(0)
        assert (await server.post(CONFIG_MAPS, config_map()))[0] == 201

    serve(check)  # it stops when all of them have ended
    assert "podium.server.http" not in caplog.text


def test_an_unexpected_error_tells_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def check(server: Harness) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("the password is swordfish")

        server.server._api.services.registry.list = broken  # type: ignore[method-assign, assignment]
        status = await server.get(CONFIG_MAPS)
        assert status["code"] == 500
        assert "swordfish" not in json.dumps(status)

    serve(check)
    assert "swordfish" in caplog.text


def test_a_client_of_another_authority(serve: Serve, tmp_path: Any) -> None:
    from podium.clock import RealClock
    from podium.server import pki

    async def check(server: Harness) -> None:
        import aiohttp

        foreign = pki.ensure(tmp_path, RealClock().now())
        async with server.session(foreign.admin) as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get("/version")
        assert (await server.get("/version"))["major"] == "1"

    serve(check)
