"""What resources a server has, asked from its discovery, and what the words of a command line mean by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from podium.cli.failure import Failure
from podium.cli.rest import Api

_AGGREGATED = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True, slots=True)
class Resource:
    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    verbs: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def type_name(self) -> str:
        """As results name it: "deployment.apps", "pod"."""
        return f"{self.singular}.{self.group}" if self.group else self.singular

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(filter(None, (root, scope, self.plural, name, subresource)))


class Catalog:
    """Every resource of the server."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @cached_property
    def resources(self) -> list[Resource]:
        found: list[Resource] = []
        for root in ("/api", "/apis"):
            document = self._api.tree("GET", root, accept=_AGGREGATED)
            if document["kind"] == "APIGroupDiscoveryList":
                found += _aggregated(document)
            else:
                found += self._plain(root, document)
        return found

    def _plain(self, root: str, document: dict[str, Any]) -> Iterable[Resource]:
        """For servers without aggregated discovery: one request a group version."""
        if document["kind"] == "APIVersions":
            versions = [("", version) for version in document["versions"]]
        else:
            versions = [(group["name"], row["version"]) for group in document["groups"] for row in group["versions"]]
        for group, version in versions:
            path = f"{root}/{group}/{version}" if group else f"{root}/{version}"
            for row in self._api.tree("GET", path)["resources"]:
                if "/" not in row["name"]:
                    yield Resource(
                        group,
                        version,
                        row["kind"],
                        row["name"],
                        row.get("singularName") or row["kind"].lower(),
                        row["namespaced"],
                        tuple(row.get("shortNames") or ()),
                        tuple(row.get("categories") or ()),
                        tuple(row["verbs"]),
                    )

    @cached_property
    def preferred(self) -> list[Resource]:
        """Every resource in the version that its group prefers, which is the one that discovery names first."""
        first: dict[tuple[str, str], Resource] = {}
        for resource in self.resources:
            first.setdefault((resource.group, resource.plural), resource)
        return list(first.values())

    def find(self, word: str) -> Resource:
        """The resource that a word means: "deploy", "deployments", "deployment.apps", "deployments.v1.apps"."""
        name, _, rest = word.lower().partition(".")
        for resource in self.resources:
            qualified = not rest or rest in (resource.group, f"{resource.version}.{resource.group}", resource.version)
            if qualified and name in (resource.plural, resource.singular, *resource.short_names):
                return resource
        raise Failure(f'error: the server doesn\'t have a resource type "{word}"')

    def find_all(self, words: str) -> list[Resource]:
        """Every resource of a comma list; a category such as "all" stands for its members."""
        found: list[Resource] = []
        for word in words.split(","):
            members = [resource for resource in self.resources if word in resource.categories]
            seen = {(resource.group, resource.plural) for resource in found}
            for resource in members or [self.find(word)]:
                if (resource.group, resource.plural) not in seen:
                    seen.add((resource.group, resource.plural))
                    found.append(resource)
        return found

    def of_document(self, document: dict[str, Any], source: str = "") -> Resource:
        version, kind = document.get("apiVersion"), document.get("kind")
        for resource in self.resources:
            if (resource.api_version, resource.kind) == (version, kind):
                return resource
        metadata = document.get("metadata") or {}
        raise Failure(
            f'error: resource mapping not found for name: "{metadata.get("name", "")}"'
            f' namespace: "{metadata.get("namespace", "")}" from "{source}":'
            f' no matches for kind "{kind}" in version "{version}"\n'
            "ensure CRDs are installed first"
        )


def _aggregated(document: dict[str, Any]) -> Iterable[Resource]:
    for group in document.get("items") or ():
        for version in group.get("versions") or ():
            for row in version.get("resources") or ():
                kind = (row.get("responseKind") or {}).get("kind", "")
                if not kind:
                    continue  # only its subresources are there, as with metrics of Pods
                yield Resource(
                    (group.get("metadata") or {}).get("name", ""),
                    version["version"],
                    kind,
                    row["resource"],
                    row.get("singularResource") or kind.lower(),
                    row["scope"] == "Namespaced",
                    tuple(row.get("shortNames") or ()),
                    tuple(row.get("categories") or ()),
                    tuple(row["verbs"]),
                )
