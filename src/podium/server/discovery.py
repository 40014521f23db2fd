"""Which groups, versions and resources there are: plain discovery and the aggregated documents.

The documents follow from the resource table; they are made when first asked for, and again when the table changes.
A client that wants the aggregated form says so in its Accept header; one that doesn't gets the plain form.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from podium.models import codec, meta_v1
from podium.registry.aggregation import PRIORITIES, version_order
from podium.registry.resources import Resource, Subresource
from podium.server.negotiation import clauses

_KING = (20001, 0)
"""Before all that can be registered: the group in which others are."""
_AGGREGATED = ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")
_BINDINGS = {
    "resource": "bindings",
    "responseKind": {"group": "", "version": "v1", "kind": "Binding"},
    "scope": "Namespaced",
    "singularResource": "binding",
    "verbs": ["create"],
}
"""A collection that is only written to: what is created there changes Pods."""
NOT_SERVED = frozenset(("proxy",))
"""Subresources that the table knows and this server has no way to answer."""


def aggregated_type(accept: str) -> str | None:
    """The content type of aggregated discovery if the client prefers it to the plain form, else None."""
    for clause in clauses(accept) if accept else ():
        group, version, kind = (clause.parameter(name) for name in ("g", "v", "as"))
        if not (group or version or kind):
            if clause.admits("application/json"):
                return None
        elif clause.media == "application/json" and (group, version, kind) == _AGGREGATED:
            return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    return None


@dataclass(frozen=True, slots=True)
class Remote:
    """A group version that another API server serves, and what that said when it was last asked."""

    group: str
    version: str
    priorities: tuple[int, int]
    """groupPriorityMinimum and versionPriority."""
    resources: tuple[meta_v1.APIResource, ...]
    fresh: bool


class Discovery:
    """The discovery documents for one state of the resource table and of other API servers."""

    def __init__(self, resources: Iterable[Resource], remotes: Iterable[Remote] = ()) -> None:
        self._groups: dict[str, dict[str, list[Resource] | Remote]] = {}
        for resource in resources:
            rows = self._groups.setdefault(resource.group, {}).setdefault(resource.version, [])
            if isinstance(rows, list):
                rows.append(resource)
        for remote in remotes:
            self._groups.setdefault(remote.group, {})[remote.version] = remote
        self._documents: dict[tuple[str, bool], bytes] = {}

    def document(self, path: str, aggregated: bool) -> bytes | None:
        """The document at a path such as "/api", "/apis", "/apis/apps", "/apis/apps/v1"; None if there is none."""
        key = (path, aggregated)
        document = self._documents.get(key)
        if document is None:
            document = self._make(path, aggregated)
            if document is not None:
                self._documents[key] = document
        return document

    def group_versions(self) -> list[tuple[str, str]]:
        return [(group, version) for group in self._ordered() for version in self._versions(group)]

    def _make(self, path: str, aggregated: bool) -> bytes | None:
        parts = path.strip("/").split("/")
        if parts == ["api"]:
            return codec.encode(self._aggregated([""])) if aggregated else codec.encode(_core_versions())
        if parts == ["apis"]:
            groups = [group for group in self._ordered() if group]
            if aggregated:
                return codec.encode(self._aggregated(groups))
            return codec.encode(meta_v1.APIGroupList(groups=tuple(self._group(name, "") for name in groups)))
        if parts[0] == "apis" and len(parts) == 2 and parts[1] in self._groups:
            return codec.encode(self._group(parts[1], "v1"))
        group, version = ("", parts[1]) if parts[0] == "api" else ("/".join(parts[1:-1]), parts[-1])
        found = self._groups.get(group, {}).get(version)
        if len(parts) != (2 if parts[0] == "api" else 3) or (parts[0] == "apis" and not group):
            return None
        if not isinstance(found, list):  # there is none, or its own server answers
            return None
        return codec.encode(_resource_list(found))

    def _priorities(self, group: str, version: str) -> tuple[int, int]:
        found = self._groups[group][version]
        if isinstance(found, Remote):
            return found.priorities
        return _KING if group == "apiregistration.k8s.io" else PRIORITIES.get((group, version), (0, 0))

    def _ordered(self) -> list[str]:
        def rank(group: str) -> tuple[int, str]:
            return -max(self._priorities(group, version)[0] for version in self._groups[group]), group

        return sorted(self._groups, key=rank)

    def _versions(self, group: str) -> list[str]:
        """The preferred version first: v2 before v1."""
        return sorted(
            self._groups[group], key=lambda version: version_order(self._priorities(group, version)[1], version)
        )

    def _group(self, name: str, api_version: str) -> meta_v1.APIGroup:
        versions = tuple(
            meta_v1.GroupVersionForDiscovery(groupVersion=f"{name}/{version}", version=version)
            for version in self._versions(name)
        )
        group = meta_v1.APIGroup(name=name, preferredVersion=versions[0], versions=versions)
        if not api_version:  # an item of a list doesn't say what it is
            group.kind = group.apiVersion = ""
        return group

    def _aggregated(self, groups: Sequence[str]) -> dict[str, Any]:
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": [
                {
                    "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                    "versions": [
                        _version_discovered(version, self._groups[group][version]) for version in self._versions(group)
                    ],
                }
                for group in groups
            ],
        }


def _core_versions() -> meta_v1.APIVersions:
    return meta_v1.APIVersions(
        apiVersion="",
        versions=("v1",),
        serverAddressByClientCIDRs=(meta_v1.ServerAddressByClientCIDR(clientCIDR="0.0.0.0/0", serverAddress=""),),
    )


def served(resource: Resource) -> list[Subresource]:
    return [each for each in resource.subresources.values() if each.name not in NOT_SERVED]


def storage_hash(resource: Resource) -> str:
    """Changes when objects come to be stored in another version."""
    text = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _resource_list(resources: Sequence[Resource]) -> meta_v1.APIResourceList:
    rows: list[meta_v1.APIResource] = []
    if resources[0].api_version == "v1":
        rows.append(
            meta_v1.APIResource(
                name="bindings", singularName="binding", namespaced=True, kind="Binding", verbs=("create",)
            )
        )
    for resource in sorted(resources, key=lambda each: each.plural):
        rows.append(
            meta_v1.APIResource(
                name=resource.plural,
                singularName=resource.type.singular,
                namespaced=resource.namespaced,
                kind=resource.kind,
                verbs=resource.verbs,
                shortNames=resource.type.short_names,
                categories=resource.type.categories,
                storageVersionHash="" if resource.virtual else storage_hash(resource),
            )
        )
        for each in served(resource):
            rows.append(
                meta_v1.APIResource(
                    name=f"{resource.plural}/{each.name}",
                    singularName="",
                    namespaced=resource.namespaced,
                    group=each.group,
                    version=each.version,
                    kind=each.kind,
                    verbs=each.verbs,
                )
            )
    return meta_v1.APIResourceList(groupVersion=resources[0].api_version, resources=tuple(rows))


def _version_discovered(version: str, found: list[Resource] | Remote) -> dict[str, Any]:
    if isinstance(found, list):
        return {"version": version, "resources": _all_discovered(found), "freshness": "Current"}
    freshness = "Current" if found.fresh else "Stale"
    return {"version": version, "resources": remote_resources(found), "freshness": freshness}


def remote_resources(remote: Remote) -> list[dict[str, Any]]:
    """Another server's list of resources in the aggregated form: subresources below what they belong to."""
    rows: dict[str, dict[str, Any]] = {}
    for one in remote.resources:
        plural, _, part = one.name.partition("/")
        entry = rows.setdefault(
            plural,
            {
                "resource": plural,
                "responseKind": {"group": "", "version": "", "kind": ""},
                "scope": "Namespaced" if one.namespaced else "Cluster",
                "singularResource": "",
                "verbs": [],
            },
        )
        kind = {"group": one.group or remote.group, "version": one.version or remote.version, "kind": one.kind}
        if part:
            below = {"subresource": part, "responseKind": kind, "verbs": list(one.verbs)}
            entry.setdefault("subresources", []).append(below)
            continue
        entry |= {"responseKind": kind, "singularResource": one.singularName, "verbs": list(one.verbs)}
        if one.shortNames:
            entry["shortNames"] = list(one.shortNames)
        if one.categories:
            entry["categories"] = list(one.categories)
    return list(rows.values())


def _all_discovered(resources: Sequence[Resource]) -> list[dict[str, Any]]:
    rows = [_discovered(each) for each in resources]
    if resources[0].api_version == "v1":
        rows.insert(0, _BINDINGS)
    return rows


def _discovered(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.type.singular,
        "verbs": list(resource.verbs),
    }
    if resource.type.short_names:
        entry["shortNames"] = list(resource.type.short_names)
    if resource.type.categories:
        entry["categories"] = list(resource.type.categories)
    parts = [
        {
            "subresource": each.name,
            "responseKind": {
                "group": each.group or resource.group,
                "version": each.version or resource.version,
                "kind": each.kind,
            },
            "verbs": list(each.verbs),
        }
        for each in served(resource)
    ]
    if parts:
        entry["subresources"] = parts
    return entry
