"""Requests that another API server answers: who it thinks asks, what it gets to see, and what comes back."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from podium.client import kubeconfig
from podium.client.http import HttpTransport
from podium.machinery import errors
from podium.registry.types import User
from podium.server import pki
from tests.server.aggregation.conftest import ServeBoth
from tests.server.aggregation.extension import (
    BASE,
    FLAVORS,
    GROUP,
    SERVICES,
    Endless,
    Extension,
    api_service,
    available,
    half_an_answer,
    lead_to,
)
from tests.server.harness import Harness


def test_a_request_is_passed_on(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        async with server.admin.post(f"{FLAVORS}?dryRun=All&fieldManager=a%20b", data=b"{}") as response:
            assert response.status == 200
            found = await response.json()
        assert found == {"path": f"{FLAVORS}?dryRun=All&fieldManager=a%20b", "method": "POST", "body": "{}"}
        (asked,) = extension.asked
        assert asked.headers.getall("X-Remote-User") == ["kubernetes-admin"]
        assert asked.headers.getall("X-Remote-Group") == ["system:masters", "system:authenticated"]
        assert extension.subjects == [((("commonName", "front-proxy-client"),),)]

    serve_both(check)


def test_nobody_aims_it_at_the_machine_itself(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
        more = {
            "metadata": {"name": "flavors-2", "labels": {"kubernetes.io/service-name": "flavors"}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": extension.port}],
            "endpoints": [{"addresses": ["127.0.0.1"]}],
        }
        status, said = await server.post(path, more)
        assert (status, said["message"].partition(": ")[2]) == (
            422,
            'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": '
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        )
        headers = {"Content-Type": "application/merge-patch+json"}
        patch = {"ports": [{"name": "https", "port": 6443}]}
        async with server.admin.patch(f"{path}/flavors-1", json=patch, headers=headers) as response:
            assert response.status == 422

    serve_both(check)


def test_nobody_gives_themselves_out_as_somebody_else(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        await grant(server, "alice")
        forged = {
            "X-Remote-User": "root",
            "x-remote-group": "system:masters",
            "X_Remote_Group": "system:masters",
            "X-Remote-Extra-Scopes": "all",
            "X-Remote_Uid": "0",
            "Connection": "keep-alive, x-secret",
            "X-Secret": "dropped",
            "Proxy-Authorization": "Basic eDp5",
            "X-Kept": "kept",
        }
        status, _ = await server.as_alice("GET", FLAVORS, headers=forged)
        assert status == 200
        (asked,) = extension.asked
        theirs = {name.lower(): value for name, value in asked.headers.items() if "emote" in name.lower()}
        assert theirs == {"x-remote-user": "alice", "x-remote-group": "system:authenticated"}
        assert asked.headers.getall("X-Remote-Group") == ["developers", "system:authenticated"]
        assert "Authorization" not in asked.headers
        assert "Proxy-Authorization" not in asked.headers
        assert "X-Secret" not in asked.headers
        assert asked.headers["X-Kept"] == "kept"

    serve_both(check)


async def grant(server: Harness, user: str) -> None:
    role = {"metadata": {"name": "flavors"}, "rules": [{"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]}]}
    assert (await server.post("/apis/rbac.authorization.k8s.io/v1/clusterroles", role))[0] == 201
    binding = {
        "metadata": {"name": "flavors"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "flavors"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    assert (await server.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding))[0] == 201


def test_who_may_not_is_not_passed_on(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        status, said = await server.as_alice("GET", FLAVORS)
        assert status == 403
        assert f'cannot list resource "flavors" in API group "{GROUP}" in the namespace "shop"' in said["message"]
        assert extension.asked == []

    serve_both(check)


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/./namespaces/shop/flavors",
        f"{BASE}/x/../namespaces/shop/flavors",
        f"{BASE}//namespaces/shop/flavors",
        f"{BASE}/%2e%2e/v1/namespaces/shop/flavors",
        f"{BASE}/%2Fnamespaces/shop/flavors",
    ],
)
def test_paths_that_could_be_read_in_two_ways_go_nowhere(serve_both: ServeBoth, path: str) -> None:
    """Everyone may read what is below /apis and no resource: nothing that is one to another server may look so."""

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        async with server.raw(None) as (reader, writer):
            lines = (f"GET {path} HTTP/1.1", "Host: x", "Authorization: Bearer alice-token", "Connection: close")
            writer.write("\r\n".join((*lines, "", "")).encode())
            head = await reader.readline()
        assert head.split()[1] in (b"403", b"404")
        assert extension.asked == []

    serve_both(check)


def test_what_was_decided_on_is_what_is_asked(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        async with server.raw(server.files.admin) as (reader, writer):
            path = f"{BASE}/namespaces/%73hop/flavors/a%252fb%3F"
            query = "x=%2F&y;watch=1&%77=a+b&%ff"
            writer.write(f"GET {path}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert (await reader.readline()).split()[1] == b"200"
            await reader.read()
        query = "x=%2F&y%3Bwatch=1&w=a%20b&%FF="
        assert extension.asked[0].raw_path == f"{BASE}/namespaces/shop/flavors/a%252fb%3F?{query}"

    serve_both(check)


def test_what_comes_back(serve_both: ServeBoth) -> None:
    """Status, headers and body are the other server's, apart from what is between two ends of one connection."""

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)

        async def teapot(_request: web.BaseRequest) -> web.StreamResponse:
            headers = {"X-Flavor": "mint", "Keep-Alive": "timeout=1", "Set-Cookie": "a=b", "Content-Type": "x/y"}
            return web.Response(status=418, body=b"short", headers=headers)

        extension.handler = teapot
        for method, body in (("GET", b"short"), ("HEAD", b"")):
            async with server.admin.request(method, FLAVORS) as response:
                assert response.status == 418
                assert await response.read() == body
                assert response.headers["X-Flavor"] == "mint"
                assert response.headers["Content-Type"] == "x/y"
                assert response.headers["Content-Length"] == "5"
                assert "Keep-Alive" not in response.headers
        assert "Cookie" not in extension.asked[1].headers

    serve_both(check)


def test_a_watch_comes_as_it_is_sent(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        go_on, answer = asyncio.Event(), Endless()

        async def watch(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            await response.write(b"one\n")
            await go_on.wait()
            await response.write(b"two\n")
            return await answer.silence(request)

        extension.handler = watch
        async with server.admin.get(f"{FLAVORS}?watch=true") as response:
            assert await response.content.readline() == b"one\n"
            go_on.set()
            assert await response.content.readline() == b"two\n"
        await server.admin.close()  # the client goes: so does the request that was made for it
        await answer.ended.wait()

    serve_both(check)


def test_old_clients_get_it_without_chunks(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)

        async def short(request: web.BaseRequest) -> web.StreamResponse:
            response = await half_an_answer(request)
            await response.write_eof()
            return response

        extension.handler = short
        async with server.raw(server.files.admin) as (reader, writer):
            writer.write(f"GET {FLAVORS} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        assert body == b"half of it"

    serve_both(check)


def test_a_websocket(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)

        async def echo(request: web.BaseRequest) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(f"{request.headers['X-Remote-User']}: {message.data}")
            return socket

        extension.handler = echo
        async with server.admin.ws_connect(f"{FLAVORS}/mint/taste") as socket:
            await socket.send_str("hello")
            message = await socket.receive()
            assert (message.type, message.data) == (WSMsgType.TEXT, "kubernetes-admin: hello")
        extension.handler = extension.default
        async with server.admin.get(
            f"{FLAVORS}/mint/taste", headers={"Connection": "Upgrade", "Upgrade": "websocket"}
        ) as response:
            assert response.status == 503

    serve_both(check)


def test_nobody_there(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)

        async def told() -> tuple[int, str, str]:
            async with server.admin.get(FLAVORS) as response:
                return response.status, response.headers["Content-Type"], await response.text()

        await available(server, "False")
        assert await told() == (503, "text/plain; charset=utf-8", "service unavailable\n")
        await available(server)
        assert (await told())[0] == 200
        path = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/flavors-1"
        async with server.admin.delete(path) as response:
            assert response.status == 200
        assert await told() == (503, "text/plain; charset=utf-8", "service unavailable\n")
        async with server.admin.delete(f"{SERVICES}/v1.{GROUP}") as response:
            assert response.status == 200
        assert (await told())[0] == 404

    serve_both(check)


@pytest.mark.parametrize("ca", ["ours", "none", "nonsense"])
def test_its_certificate_has_to_be_good(serve_both: ServeBoth, ca: str) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        bundles = {"ours": server.files.ca.certificate.read_bytes(), "none": b"", "nonsense": b"no certificate"}
        spec: dict[str, Any] = {"insecureSkipTLSVerify": False} if ca == "none" else {}
        await lead_to(server, extension, ca=bundles[ca], **spec)
        async with server.admin.get(FLAVORS) as response:
            assert response.status == 503
            text = await response.text()
        assert ("caBundle" if ca == "nonsense" else "certificate verify failed") in text
        assert extension.asked == []

    serve_both(check)


def test_one_certificate_can_be_all_that_is_trusted(serve_both: ServeBoth, other_pki: Path) -> None:
    """Without the authority that it is from, as Go's TLS allows."""

    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension, ca=(other_pki / "server.crt").read_bytes())
        async with server.admin.get(FLAVORS) as response:
            assert response.status == 200, await response.text()

    serve_both(check)


def test_its_certificate_has_to_be_for_the_service(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        service = await lead_to(server, extension)
        assert service.spec.service is not None
        assert service.spec.service.port == 443
        body = {"metadata": {"name": "other"}, "spec": {"type": "ExternalName", "externalName": "127.0.0.1"}}
        await server.post("/api/v1/namespaces/shop/services", body)
        changed = api_service(extension.ca, service={"namespace": "shop", "name": "other", "port": extension.port})
        changed["metadata"]["resourceVersion"] = service.metadata.resourceVersion
        async with server.admin.put(f"{SERVICES}/v1.{GROUP}", json=changed) as response:
            assert response.status == 200, await response.text()
        async with server.admin.get(FLAVORS) as response:
            assert response.status == 503
            assert "other.shop.svc" in await response.text()

    serve_both(check)


def test_bodies_have_a_limit(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        async with server.admin.post(FLAVORS, data=io.BytesIO(b" " * (3 * 1024 * 1024 + 1))) as response:
            assert response.status == 413
        assert extension.asked == []

    serve_both(check)


def test_components_of_the_server_ask_too(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        body = await server.registry.ask_extension(User("hpa", ("a", "b")), FLAVORS, {"labelSelector": "a=b,c"})
        assert b"?labelSelector=a%3Db%2Cc" in body
        assert extension.asked[0].headers.getall("X-Remote-Group") == ["a", "b"]

    serve_both(check)


def test_clients_ask_for_it_over_http(serve_both: ServeBoth, tmp_path: Path) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        config = tmp_path / "kubeconfig"
        pki.write_kubeconfig(config, server.url, server.files)
        async with HttpTransport(kubeconfig.load([config])) as transport:
            assert list(await transport.versions("autoscaling")) == ["v2", "v1"]
            assert list(await transport.versions(GROUP)) == ["v1"]
            assert list(await transport.versions("nobody.example.com")) == []
            assert b"?a=b%20c" in await transport.ask(FLAVORS, {"a": "b c"})
            with pytest.raises(errors.NotFound, match="the server could not find the requested resource"):
                await transport.ask("/apis/nobody.example.com/v1/things", {})
            await available(server, "False")
            with pytest.raises(errors.ServiceUnavailable, match="service unavailable"):
                await transport.ask(FLAVORS, {})

    serve_both(check)
