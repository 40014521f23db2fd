"""Which resources a server says that it has."""

from __future__ import annotations

from typing import Any

from podium.cli.catalog import Catalog

POD = {"group": "", "version": "v1", "kind": "Pod"}
NOTHING = {"group": "", "version": "", "kind": ""}


def group(name: str, *resources: dict[str, Any]) -> dict[str, Any]:
    versions = [{"version": "v1", "resources": list(resources), "freshness": "Current"}]
    return {"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": name}, "versions": versions}]}


class Server:
    def tree(self, method: str, path: str, **_: Any) -> dict[str, Any]:
        if path == "/api":
            return group("", {"resource": "pods", "responseKind": POD, "scope": "Namespaced", "verbs": ["get"]})
        visits = {"subresource": "visits", "responseKind": {**POD, "kind": "MetricValueList"}, "verbs": ["get"]}
        placeholder = {"resource": "pods", "responseKind": NOTHING, "scope": "Namespaced", "verbs": []}
        return group("custom.metrics.k8s.io", {**placeholder, "subresources": [visits]})


def test_what_has_only_subresources_is_no_resource() -> None:
    catalog = Catalog(Server())  # type: ignore[arg-type]
    assert [(one.group, one.plural, one.kind) for one in catalog.resources] == [("", "pods", "Pod")]
