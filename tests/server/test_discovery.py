from __future__ import annotations

from podium.models.resources import BUILT_IN
from podium.server import schemas
from podium.server.openapi_protobuf import encode
from podium.server.paths import OPENAPI_PROTOBUF
from tests.server.harness import Harness, Serve

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


def test_plain_discovery(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        assert (await server.get("/api"))["versions"] == ["v1"]
        groups = await server.get("/apis")
        by_name = {group["name"]: group for group in groups["groups"]}
        assert by_name["autoscaling"]["preferredVersion"]["groupVersion"] == "autoscaling/v2"
        assert (await server.get("/apis/apps"))["versions"] == [{"groupVersion": "apps/v1", "version": "v1"}]
        listed = await server.get("/apis/apps/v1")
        rows = {row["name"]: row for row in listed["resources"]}
        assert rows["deployments"]["shortNames"] == ["deploy"]
        assert rows["deployments"]["singularName"] == "deployment"
        assert rows["deployments"]["namespaced"] is True
        assert "watch" in rows["deployments"]["verbs"]
        assert rows["deployments/scale"]["kind"] == "Scale"
        assert rows["deployments/scale"]["group"] == "autoscaling"
        core = {row["name"]: row for row in (await server.get("/api/v1"))["resources"]}
        assert core["bindings"]["verbs"] == ["create"]
        assert "pods/log" in core
        assert core["pods/portforward"]["verbs"] == ["create", "get"]
        assert core["pods/exec"]["verbs"] == ["create", "get"]
        assert "pods/proxy" not in core
        assert (await server.get("/apis/none"))["code"] == 404
        assert (await server.get("/apis/apps/v2"))["code"] == 404

    serve(check)


def test_aggregated_discovery_says_the_same(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        found: set[tuple[str, str, str]] = set()
        for path in ("/api", "/apis"):
            async with server.admin.get(path, headers={"Accept": AGGREGATED}) as response:
                assert response.headers["Content-Type"] == (
                    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                )
                tag = response.headers["ETag"]
                document = await response.json()
            for group in document["items"]:
                for version in group["versions"]:
                    for row in version["resources"]:
                        found.add((group["metadata"].get("name", ""), version["version"], row["resource"]))
            async with server.admin.get(path, headers={"Accept": AGGREGATED, "If-None-Match": tag}) as response:
                assert (response.status, await response.read()) == (304, b"")
        assert found == {(row.group, row.version, row.plural) for row in BUILT_IN} | {("", "v1", "bindings")}

    serve(check)


def test_openapi_v3(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        index = await server.get("/openapi/v3")
        assert index["paths"]["apis/apps/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/apps/v1?hash=")
        for path in index["paths"]:
            document = await server.get(f"/openapi/v3/{path}")
            components = document["components"]["schemas"]
            for name in references(document):
                assert name in components, (path, name)
        apps = await server.get("/openapi/v3/apis/apps/v1")
        patch = apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
        assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
        assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
        deployment = apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
        assert deployment["properties"]["kind"]["type"] == "string"
        assert "enum" not in deployment["properties"]["kind"]

    serve(check)


def test_openapi_v2(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        document = await server.get("/openapi/v2")
        assert document["swagger"] == "2.0"
        for name in references(document):
            assert name in document["definitions"], name
        assert (await server.get("/openapi/v2", Accept="text/html"))["code"] == 406
        assert (await server.get("/openapi/v3", Accept=OPENAPI_PROTOBUF[1]))["code"] == 406
        for accept in OPENAPI_PROTOBUF:
            async with server.admin.get("/openapi/v2", headers={"Accept": accept}) as response:
                assert (response.status, response.content_type) == (200, OPENAPI_PROTOBUF[0])
                assert await response.read() == encode(document)

    serve(check)


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


def test_every_kind_has_a_schema() -> None:
    from podium.server.openapi import definition_name

    definitions = schemas.definitions()
    for row in BUILT_IN:
        assert definition_name(row.group, row.version, row.kind) in definitions, row
