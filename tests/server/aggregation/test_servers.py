"""What other API servers say when they are asked whether they are there, and what discovery makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from podium.models.apiregistration_v1 import APIService
from tests.server.aggregation.conftest import ServeBoth
from tests.server.aggregation.extension import BASE, GROUP, SERVICES, VERSION, Extension, available, lead_to
from tests.server.harness import Harness, Serve
from tests.server.test_discovery import AGGREGATED


async def probe(server: Harness, service: APIService) -> str:
    assert server.registry.extensions is not None
    return await server.registry.extensions.probe(service)


async def found(server: Harness) -> dict[str, Any]:
    """The aggregated document of the other server's group."""
    document = await server.get("/apis", Accept=AGGREGATED)
    (group,) = [item for item in document["items"] if item["metadata"].get("name") == GROUP]
    tree: dict[str, Any] = group
    return tree


async def failing(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=500)


def test_probe(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        service = await lead_to(server, extension)
        assert await probe(server, service) == ""
        asked = extension.asked[0]
        assert (asked.method, asked.path) == ("GET", BASE)
        assert asked.headers["X-Remote-User"] == "system:kube-aggregator"
        assert asked.headers["X-Remote-Group"] == "system:masters"

        extension.handler = failing
        url = f"https://127.0.0.1:{extension.port}{BASE}"
        assert await probe(server, service) == f"failing or missing response from {url}: bad status from {url}: 500"
        async with server.admin.delete("/api/v1/namespaces/shop/services/flavors"):
            assert await probe(server, service) == 'service "flavors" not found'

    serve_both(check)


def test_nobody_listens(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        extension.port = 1
        service = await lead_to(server, extension)
        url = f"https://127.0.0.1:1{BASE}"
        said = await probe(server, service)
        assert said.startswith(f'failing or missing response from {url}: Get "{url}": ')

    serve_both(check)


def test_discovery_has_what_it_said(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        service = await lead_to(server, extension)
        before = await found(server)
        assert before["versions"] == [{"version": VERSION, "resources": [], "freshness": "Stale"}]
        await probe(server, service)
        (version,) = (await found(server))["versions"]
        assert version["freshness"] == "Current"
        flavors, pods = version["resources"]
        kind = {"group": GROUP, "version": VERSION}
        assert flavors == {
            "resource": "flavors",
            "responseKind": {**kind, "kind": "Flavor"},
            "scope": "Namespaced",
            "singularResource": "flavor",
            "verbs": ["get", "list"],
            "subresources": [{"subresource": "taste", "responseKind": {**kind, "kind": "Taste"}, "verbs": ["get"]}],
        }
        assert (pods["resource"], pods["verbs"], pods["subresources"][0]["subresource"]) == ("pods", [], "visits")

        extension.handler = failing
        await probe(server, service)
        (version,) = (await found(server))["versions"]
        assert (version["freshness"], len(version["resources"])) == ("Stale", 2)
        extension.handler = extension.default
        await probe(server, service)
        (version,) = (await found(server))["versions"]
        assert (version["freshness"], len(version["resources"])) == ("Current", 2)
        await available(server, "False")
        (version,) = (await found(server))["versions"]
        assert (version["freshness"], len(version["resources"])) == ("Stale", 2)

    serve_both(check)


def test_plain_discovery(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        await lead_to(server, extension)
        names = [group["name"] for group in (await server.get("/apis"))["groups"]]
        assert names[0] == "apiregistration.k8s.io"
        assert names[1] == "apps"
        assert names[-1] == GROUP
        group = await server.get(f"/apis/{GROUP}")
        wanted = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        assert (group["kind"], group["versions"], group["preferredVersion"]) == ("APIGroup", [wanted], wanted)
        assert extension.asked == []
        resources = await server.get(BASE)
        assert [row["name"] for row in resources["resources"]] == ["flavors", "flavors/taste", "pods/visits"]
        status, resources = await server.as_alice("GET", f"{BASE}/")
        assert (status, resources["path"]) == (200, f"{BASE}/")

    serve_both(check)


def test_descriptions(serve_both: ServeBoth) -> None:
    async def check(server: Harness, extension: Extension) -> None:
        service = await lead_to(server, extension)
        await probe(server, service)
        path = f"apis/{GROUP}/{VERSION}"
        assert path not in (await server.get("/openapi/v3"))["paths"]
        assert (await server.get(f"/openapi/v3/{path}"))["code"] == 404
        hashes = set()
        for version in ("a", "b"):
            extension.openapi = {"paths": {path: {"serverRelativeURL": f"/elsewhere?hash={version}"}}}
            await probe(server, service)
            where = (await server.get("/openapi/v3"))["paths"][path]["serverRelativeURL"]
            assert where.startswith(f"/openapi/v3/{path}?hash=")
            hashes.add(where)
        assert len(hashes) == 2
        assert (await server.get(where))["path"] == where

    serve_both(check)


@pytest.mark.parametrize("name", ["v1.", "v1.apiregistration.k8s.io"])
def test_what_nobody_can_take(serve: Serve, name: str) -> None:
    async def check(server: Harness) -> None:
        group = name.removeprefix("v1.")
        service = {
            "metadata": {"name": name},
            "spec": {
                "group": group,
                "version": "v1",
                "groupPriorityMinimum": 1,
                "versionPriority": 1,
                "service": {"namespace": "default", "name": "nobody"},
                "insecureSkipTLSVerify": True,
            },
        }
        if group:
            assert (await server.post(SERVICES, service))[0] == 201
        else:
            async with server.admin.patch(
                f"{SERVICES}/{name}", json=service, headers={"Content-Type": "application/merge-patch+json"}
            ) as response:
                assert response.status == 200
        assert (await server.get(f"{SERVICES}/{name}"))["spec"]["service"]["port"] == 443
        assert (await server.get("/api/v1/namespaces/default"))["kind"] == "Namespace"

    serve(check)


def test_what_this_server_serves_is_registered(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        listed = {item["metadata"]["name"]: item for item in (await server.get(SERVICES))["items"]}
        groups = (await server.get("/apis"))["groups"]
        served = {f"{one['version']}.{group['name']}" for group in groups for one in group["versions"]}
        assert set(listed) == served - {"v1.apiregistration.k8s.io"} | {"v1."}
        apps = listed["v1.apps"]
        assert apps["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
        assert apps["spec"] == {
            "group": "apps",
            "version": "v1",
            "groupPriorityMinimum": 17800,
            "versionPriority": 15,
        }
        (condition,) = apps["status"]["conditions"]
        assert condition["lastTransitionTime"] == apps["metadata"]["creationTimestamp"]
        assert (condition["type"], condition["status"], condition["reason"]) == ("Available", "True", "Local")
        assert condition["message"] == "Local APIServices are always available"

    serve(check)


def test_other_servers_are_told_whom_to_believe(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
        data = (await server.get(path))["data"]
        assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
        assert data["requestheader-username-headers"] == '["X-Remote-User"]'
        assert data["requestheader-group-headers"] == '["X-Remote-Group"]'
        assert data["requestheader-extra-headers-prefix"] == '["X-Remote-Extra-"]'
        assert data["requestheader-client-ca-file"] == server.files.front_proxy_ca.read_text()
        assert data["client-ca-file"] == server.files.ca.certificate.read_text()
        async with server.admin.get(f"{path.rsplit('/', 1)[0]}?watch=true") as watching:
            await watching.content.readline()
            async with server.admin.delete(path) as response:
                assert response.status == 200
            assert b'"DELETED"' in await watching.content.readline()
            assert b'"ADDED"' in await watching.content.readline()
        assert (await server.get(path))["data"] == data

    serve(check)
