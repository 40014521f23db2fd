"""Requests and answers, over TLS, against a real server."""

from __future__ import annotations

import gzip
import json
from random import Random
from typing import Any

import pytest

from podium.machinery import protobuf
from podium.models import codec
from podium.models.core_v1 import ConfigMap
from podium.models.meta_v1 import ObjectMeta
from podium.server.server import Server, ServerConfig
from tests.server.harness import CONFIG_MAPS, Harness, Serve, config_map

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


def test_an_object_from_creation_to_deletion(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        status, made = await server.post(CONFIG_MAPS, config_map())
        assert status == 201
        assert made["metadata"]["uid"]
        read = await server.get(f"{CONFIG_MAPS}/settings")
        assert read == made
        changed = {**made, "data": {"key": "other"}}
        async with server.admin.put(f"{CONFIG_MAPS}/settings", json=changed) as response:
            assert response.status == 200
            updated = await response.json()
        async with server.admin.put(f"{CONFIG_MAPS}/settings", json=changed | {"data": {"key": "late"}}) as response:
            assert response.status == 409
            assert (await response.json())["reason"] == "Conflict"
        async with server.admin.delete(f"{CONFIG_MAPS}/settings") as response:
            assert response.status == 200
            gone = await response.json()
        assert gone["status"] == "Success"
        assert gone["details"] == {"name": "settings", "kind": "configmaps", "uid": updated["metadata"]["uid"]}
        missing = await server.get(f"{CONFIG_MAPS}/settings")
        assert missing["message"] == 'configmaps "settings" not found'
        assert missing["code"] == 404

    serve(check)


def test_a_part_of_a_shape_of_its_own_as_a_table(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        path = "/api/v1/namespaces/default/replicationcontrollers"
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"replicas": 3, "selector": {"a": "b"}, "template": template}
        status, made = await server.post(path, {"metadata": {"name": "web"}, "spec": spec})
        assert status == 201, made
        table = "application/json;as=Table;v=v1;g=meta.k8s.io"
        shown = await server.get(f"{path}/web/scale", Accept=table)
        assert [column["name"] for column in shown["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
        assert shown["rows"][0]["cells"][:3] == ["web", 3, 0]
        account = "/api/v1/namespaces/default/serviceaccounts"
        await server.post(account, {"metadata": {"name": "builder"}})
        status, shown = await server.post(f"{account}/builder/token", {"spec": {}}, Accept=table)
        assert (status, shown["rows"][0]["cells"][0]) == (201, "builder")

    serve(check)


def test_who_uses_what_is_deprecated_is_warned(serve: Serve) -> None:
    endpoints = "/api/v1/namespaces/default/endpoints"

    async def check(server: Harness) -> None:
        why = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
        for path in ("/kubernetes", "", "?watch=1&timeoutSeconds=1", "/none"):
            async with server.admin.get(endpoints + path) as response:
                assert response.headers.getall("Warning") == [why], path
        async with server.admin.post(endpoints, json={"metadata": {"name": "a"}}) as response:
            assert (response.status, response.headers.getall("Warning")) == (201, [why])
        async with server.admin.get("/api/v1/componentstatuses") as response:
            assert response.headers["Warning"] == '299 - "v1 ComponentStatus is deprecated in v1.19+"'
        async with server.admin.get("/api/v1/namespaces/default/services") as response:
            assert "Warning" not in response.headers

    serve(check)


def test_who_is_refused_is_warned_as_well(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        async with server.admin.post(CONFIG_MAPS, json={"metadata": {"name": "A"}, "dada": {}}) as response:
            assert (response.status, response.headers["Warning"]) == (422, '299 - "unknown field \\"dada\\""')

    serve(check)


def test_some_kinds_answer_with_what_is_gone(serve: Serve) -> None:
    classes = "/apis/storage.k8s.io/v1/storageclasses"

    async def check(server: Harness) -> None:
        _, made = await server.post(classes, {"metadata": {"name": "fast"}, "provisioner": "example.com/p"})
        async with server.admin.delete(f"{classes}/fast") as response:
            gone = await response.json()
        assert (gone["kind"], gone["metadata"]["uid"]) == ("StorageClass", made["metadata"]["uid"])

    serve(check)


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (JSON_PATCH, [{"op": "replace", "path": "/data/key", "value": "new"}]),
        (MERGE_PATCH, {"data": {"key": "new"}}),
        (STRATEGIC, {"data": {"key": "new"}}),
    ],
)
def test_patches(serve: Serve, content_type: str, patch: Any) -> None:
    async def check(server: Harness) -> None:
        await server.post(CONFIG_MAPS, config_map())
        body, headers = json.dumps(patch), {"Content-Type": content_type}
        async with server.admin.patch(f"{CONFIG_MAPS}/settings", data=body, headers=headers) as response:
            assert response.status == 200
            assert (await response.json())["data"] == {"key": "new"}

    serve(check)


def test_a_patch_of_an_unknown_type(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        headers = {"Content-Type": "application/json"}
        async with server.admin.patch(f"{CONFIG_MAPS}/settings", data="{}", headers=headers) as response:
            assert response.status == 415
            assert "application/strategic-merge-patch+json" in (await response.json())["message"]

    serve(check)


def test_a_list_joins_what_is_stored(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        empty = await server.get(CONFIG_MAPS)
        assert empty["kind"] == "ConfigMapList"
        assert empty["items"] == []
        assert int(empty["metadata"]["resourceVersion"]) > 0
        made = [(await server.post(CONFIG_MAPS, config_map(name)))[1] for name in ("a", "b", "c")]
        everything = await server.get(CONFIG_MAPS)
        assert everything["items"] == made
        first = await server.get(f"{CONFIG_MAPS}?limit=2")
        assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 1
        rest = await server.get(f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
        assert rest["items"] == made[2:]
        assert "continue" not in rest["metadata"]

    serve(check)


def test_delete_collection(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for name in ("a", "b"):
            labelled = config_map(name)
            labelled["metadata"]["labels"] = {"name": name}
            await server.post(CONFIG_MAPS, labelled)
        async with server.admin.delete(CONFIG_MAPS, params={"labelSelector": "name=a"}) as response:
            assert response.status == 200
            assert [item["metadata"]["name"] for item in (await response.json())["items"]] == ["a"]
        left = await server.get(CONFIG_MAPS)
        assert [item["metadata"]["name"] for item in left["items"]] == ["b"]

    serve(check)


def test_formats(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        body = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  key: 'yes'\n"
        headers = {"Content-Type": "application/yaml", "Accept": "application/yaml"}
        async with server.admin.post(CONFIG_MAPS, data=body, headers=headers) as response:
            assert response.status == 201
            assert response.content_type == "application/yaml"
            assert 'key: "yes"' in await response.text()
        accept = {"Accept": "application/vnd.kubernetes.protobuf"}
        async with server.admin.get(f"{CONFIG_MAPS}/settings", headers=accept) as response:
            assert response.content_type == "application/vnd.kubernetes.protobuf"
            assert protobuf.read(await response.read(), ConfigMap).data == {"key": "yes"}
        async with server.admin.get(CONFIG_MAPS, headers=accept) as response:
            listed = protobuf.decode(await response.read())
            assert listed.kind == "ConfigMapList"
            assert listed.tree["items"][0]["data"] == {"key": "yes"}
        sent = protobuf.encode(codec.to_tree(ConfigMap(metadata=ObjectMeta(name="other"), data={"a": "b"})))
        headers = {"Content-Type": "application/vnd.kubernetes.protobuf"}
        async with server.admin.post(CONFIG_MAPS, data=sent, headers=headers) as response:
            assert response.status == 201
            assert (await response.json())["data"] == {"a": "b"}
        async with server.admin.get(f"{CONFIG_MAPS}/none", headers=accept) as response:
            assert protobuf.decode(await response.read()).tree["reason"] == "NotFound"
        async with server.admin.get(f"{CONFIG_MAPS}/other", params={"pretty": "true"}) as response:
            assert '\n  "kind": "ConfigMap"' in await response.text()

    serve(check)


def test_tables_and_metadata(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        _, made = await server.post(CONFIG_MAPS, config_map())
        table = await server.get(CONFIG_MAPS, Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert table["kind"] == "Table"
        assert table["columnDefinitions"][0]["name"] == "Name"
        [row] = table["rows"]
        assert row["cells"][0] == "settings"
        assert row["object"]["kind"] == "PartialObjectMetadata"
        assert row["object"]["metadata"] == made["metadata"]
        whole = await server.get(
            f"{CONFIG_MAPS}?includeObject=Object", Accept="application/json;as=Table;v=v1;g=meta.k8s.io"
        )
        assert whole["rows"][0]["object"] == made
        partial = await server.get(
            CONFIG_MAPS, Accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
        )
        assert partial["kind"] == "PartialObjectMetadataList"
        assert partial["items"][0] == {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": made["metadata"],
        }
        wrong = await server.get(CONFIG_MAPS, Accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
        assert wrong["code"] == 406

    serve(check)


def test_large_lists_are_compressed_for_those_who_can_read_it(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for index in range(3):
            await server.post(CONFIG_MAPS, config_map(f"large-{index}", key="x" * 60_000))
        async with server.raw(server.files.admin) as (reader, writer):
            writer.write(f"GET {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert "Content-Encoding: gzip" in head
            length = int(head.partition("Content-Length: ")[2].partition("\r\n")[0])
            assert length < 20_000
            assert len(json.loads(gzip.decompress(await reader.readexactly(length)))["items"]) == 3
            writer.write(f"GET {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert b"Content-Encoding" not in await reader.readuntil(b"\r\n\r\n")

    serve(check)


def test_field_validation(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        odd = {**config_map(), "dta": {}}
        status, refused = await server.post(f"{CONFIG_MAPS}?fieldValidation=Strict", odd)
        assert status == 400
        assert refused["message"] == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"'
        )
        async with server.admin.post(CONFIG_MAPS, json=odd) as response:
            assert response.status == 201
            assert response.headers.getall("Warning") == ['299 - "unknown field \\"dta\\""']
        async with server.admin.post(f"{CONFIG_MAPS}?fieldValidation=Ignore", json=odd) as response:
            assert "Warning" not in response.headers
        status, refused = await server.post(f"{CONFIG_MAPS}?fieldValidation=Maybe", odd)
        assert status == 422
        patch, headers = {"spec": {"paused": True, "pasued": True}}, {"Content-Type": STRATEGIC}
        path = "/apis/apps/v1/namespaces/default/deployments/web?fieldValidation=Strict"
        async with server.admin.patch(path, data=json.dumps(patch), headers=headers) as response:
            assert response.status == 422
            assert 'strict decoding error: unknown field "spec.pasued"' in (await response.json())["message"]

    serve(check)


def test_a_body_of_another_kind(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        status, refused = await server.post(CONFIG_MAPS, {**config_map(), "apiVersion": "apps/v1"})
        assert status == 400
        assert refused["message"] == (
            "the API version in the data (apps/v1) does not match the expected API version (v1)"
        )
        status, refused = await server.post(CONFIG_MAPS, {**config_map(), "kind": "Secret"})
        assert status == 400
        assert refused["message"].startswith('Secret in version "v1" cannot be handled as a ConfigMap')

    serve(check)


def test_dry_run(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        status, _ = await server.post(f"{CONFIG_MAPS}?dryRun=All", config_map())
        assert status == 201
        assert (await server.get(f"{CONFIG_MAPS}/settings"))["code"] == 404
        status, refused = await server.post(f"{CONFIG_MAPS}?dryRun=Some", config_map())
        assert status == 422
        assert "dryRun: Unsupported value" in refused["message"]

    serve(check)


def test_methods_and_paths_that_are_not_there(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for method, path, code in [
            ("POST", "/api/v1/pods", 405),
            ("POST", f"{CONFIG_MAPS}/settings", 405),
            ("PUT", CONFIG_MAPS, 405),
            ("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews", 405),
            ("DELETE", "/version", 405),
            ("GET", "/api/v2/pods", 404),
            ("GET", "/apis/none/v1/things", 404),
            ("GET", "/api/v1/namespaces/default/nodes", 404),
            ("GET", "/api/v1/namespaces/default/configmaps/a/b/c", 404),
            ("GET", "/api/v1/namespaces/default/configmaps/a/status", 404),
            ("GET", "/api/v1/namespaces/default/pods/a/exec", 404),
            ("GET", "/nothing", 404),
            ("GET", "/api/v1/namespaces/../../etc/passwd", 404),
            ("GET", "/api/v1/namespaces/%2e%2e/configmaps/a", 404),
            ("OPTIONS", "/coffee", 404),
            ("GET", "/api/v1/namespaces/default?resourceVersion=abc", 400),
            ("GET", "/api/v1/namespaces/default?resourceVersion=99999999", 504),
        ]:
            async with server.raw(server.files.admin) as (reader, writer):
                writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert head.startswith(f"HTTP/1.1 {code} "), (method, path, head)

    serve(check)


def test_head_has_no_body(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        async with server.raw(server.files.admin) as (reader, writer):
            writer.write(b"HEAD /version HTTP/1.1\r\nHost: x\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            first = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: 0" not in first
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(2) == b"ok"

    serve(check)


def test_version_and_health(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        async with server.anonymous.get("/version") as response:
            version = await response.json()
            assert (version["major"], version["minor"]) == ("1", "36")
            assert version["gitVersion"].startswith("v1.36.0+podium.")
        for path in ("/livez", "/readyz", "/healthz"):
            async with server.anonymous.get(path) as response:
                assert (response.status, await response.text()) == (200, "ok")
        async with server.admin.get("/readyz?verbose") as response:
            assert (await response.text()).splitlines() == [
                *("[+]ping ok", "[+]etcd ok", "[+]shutdown ok", "readyz check passed")
            ]
        async with server.admin.get("/readyz/etcd") as response:
            assert await response.text() == "ok"
        async with server.admin.get("/readyz/nothing") as response:
            assert response.status == 404

    serve(check)


def test_metrics(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await server.get(CONFIG_MAPS)
        async with server.admin.get("/metrics") as response:
            text = await response.text()
        assert (
            'apiserver_request_total{code="200",group="",resource="configmaps",scope="namespace",subresource="",'
            'verb="LIST",version="v1"} 1.0'
        ) in text
        assert "apiserver_request_duration_seconds_bucket" in text

    serve(check)


def test_too_many_requests(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        status, refused = await server.as_alice("GET", "/api/v1")
        assert status == 429
        assert refused["message"] == "Too many requests, please try again later."
        assert refused["details"]["retryAfterSeconds"] == 1
        async with server.anonymous.get("/version") as response:
            assert response.headers["Retry-After"] == "1"
        assert (await server.get("/api/v1"))["kind"] == "APIResourceList"

    serve(check, max_reads=0)


def test_many_warnings_are_cut(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        odd = {**config_map(), **{f"field{index:04}" + "x" * 500: 1 for index in range(200)}}
        async with server.admin.post(CONFIG_MAPS, json=odd) as response:
            assert response.status == 201
            warnings = response.headers.getall("Warning")
        assert 0 < len(warnings) < 20
        assert all(len(warning) < 300 for warning in warnings)

    serve(check)


def test_component_statuses(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        [store] = (await server.get("/api/v1/componentstatuses"))["items"]
        assert store["conditions"] == [{"type": "Healthy", "status": "True", "message": "ok"}]
        assert (await server.get("/api/v1/componentstatuses/etcd-0"))["metadata"]["name"] == "etcd-0"
        assert (await server.get("/api/v1/componentstatuses/other"))["code"] == 404

    serve(check)


def test_a_taken_port_leaves_nothing_behind(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        plugins = server.registry.core.admission.plugins
        config = ServerConfig(pki=server.files, port=server.server.port)
        second = Server(server.registry, server.server._api.services.clock, Random(3), config)
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        assert server.registry.core.admission.plugins == plugins
        assert (await server.get("/version"))["major"] == "1"

    serve(check)


def test_what_is_not_served_is_not_remembered(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for index in range(5):
            await server.get(f"/apis/none/v1/things{index}")
            await server.get(f"/apis/none{index}/v1")
        async with server.admin.get("/metrics") as response:
            assert "things" not in await response.text()

    serve(check)
