from __future__ import annotations

import pytest

from podium.server.requests import parse, parse_query, truth


@pytest.mark.parametrize(
    ("method", "path", "verb", "namespace", "resource", "subresource", "name"),
    [
        ("GET", "/api/v1/namespaces/default/pods/web", "get", "default", "pods", "", "web"),
        ("HEAD", "/api/v1/namespaces/default/pods/web", "get", "default", "pods", "", "web"),
        ("GET", "/api/v1/namespaces/default/pods", "list", "default", "pods", "", ""),
        ("GET", "/api/v1/pods", "list", "", "pods", "", ""),
        ("GET", "/api/v1/pods/", "list", "", "pods", "", ""),
        ("POST", "/api/v1/namespaces/default/pods", "create", "default", "pods", "", ""),
        ("POST", "/api/v1/namespaces/default/pods/web/binding", "create", "default", "pods", "binding", "web"),
        ("PUT", "/api/v1/namespaces/default/pods/web/status", "update", "default", "pods", "status", "web"),
        ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d", "patch", "n", "deployments", "", "d"),
        ("DELETE", "/apis/apps/v1/namespaces/n/deployments/d", "delete", "n", "deployments", "", "d"),
        ("DELETE", "/apis/apps/v1/namespaces/n/deployments", "deletecollection", "n", "deployments", "", ""),
        ("GET", "/api/v1/namespaces", "list", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/default", "get", "default", "namespaces", "", "default"),
        ("PUT", "/api/v1/namespaces/default/finalize", "update", "default", "namespaces", "finalize", "default"),
        ("GET", "/api/v1/watch/namespaces/n/pods", "watch", "n", "pods", "", ""),
        ("GET", "/api/v1/watch/namespaces/n/pods/web", "watch", "n", "pods", "", "web"),
        ("GET", "/api/v1/nodes/node-1", "get", "", "nodes", "", "node-1"),
        (
            "GET",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            "get",
            "",
            "clusterroles",
            "",
            "system:node",
        ),
    ],
)
def test_resource_paths(
    method: str, path: str, verb: str, namespace: str, resource: str, subresource: str, name: str
) -> None:
    info = parse(method, path, {})
    assert info.is_resource
    found = (info.verb, info.namespace, info.resource, info.subresource, info.name)
    assert found == (verb, namespace, resource, subresource, name)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/version", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "no-slash"),
        *("/api/v1/namespaces/../secrets", "/api/v1//pods", "/api/v1/namespaces/%2e%2e/pods", "/api/v1/pods/a%00b"),
    ],
)
def test_other_paths_are_no_resource(path: str) -> None:
    info = parse("GET", path, {})
    assert not info.is_resource
    assert info.verb == "get"


def test_a_slash_in_a_name_cannot_be_smuggled() -> None:
    assert parse("GET", "/api/v1/namespaces/default/pods/a%2Fb", {}).subresource == "b"


def test_watch_parameter() -> None:
    assert parse("GET", "/api/v1/pods", {"watch": "true"}).verb == "watch"
    assert parse("GET", "/api/v1/pods", {"watch": "0"}).verb == "list"
    assert parse("GET", "/api/v1/namespaces/default/pods/web", {"watch": "true"}).verb == "get"


def test_field_selector_for_one_name_is_that_name() -> None:
    assert parse("GET", "/api/v1/pods", {"fieldSelector": "metadata.name=web"}).name == "web"
    assert parse("GET", "/api/v1/pods", {"fieldSelector": "spec.nodeName=a,metadata.name==web"}).name == "web"
    assert parse("GET", "/api/v1/pods", {"fieldSelector": "metadata.name!=web"}).name == ""


@pytest.mark.parametrize(
    "selector",
    [
        *(r"spec.nodeName!=\,metadata.name=web", r"metadata.name!=a\,metadata.name=web"),
        *("metadata.name=web,unreadable", "metadata.name=a/b", "metadata.name="),
    ],
)
def test_only_a_name_that_is_selected_counts(selector: str) -> None:
    """Or whoever may list one object would list the others."""
    assert parse("GET", "/api/v1/pods", {"fieldSelector": selector}).name == ""


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH"])
def test_a_watch_path_is_only_to_read(method: str) -> None:
    info = parse(method, "/api/v1/watch/namespaces/n/pods/web", {})
    assert (info.resource, info.name) == ("watch", "namespaces")


def test_query() -> None:
    assert parse_query("limit=5&labelSelector=a%3Db&watch&limit=6") == {
        "limit": "5",
        "labelSelector": "a=b",
        "watch": "",
    }
    assert truth("") is True
    assert truth("False") is False
    assert truth(None) is False
    assert parse_query("&".join(["container=c", *("command=x" for _ in range(5000)), "stdout=true"])) == {
        "container": "c",
        "command": "x",
        "stdout": "true",
    }
