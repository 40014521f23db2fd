"""The paths of OpenAPI: which operations a resource's row gives, with their parameters and bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from podium.registry.resources import Resource, Subresource

_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_METHODS = {
    "get": "get",
    "list": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_COLLECTION_VERBS = ("list", "create", "deletecollection")
_ITEM_VERBS = ("get", "update", "patch", "delete")
_ACTIONS = {"create": "post", "update": "put"}
_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)

Body = Callable[[Subresource | None], str]


def _query(name: str, kind: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": kind, "uniqueItems": True},
    }


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "uniqueItems": True},
    }


_PRETTY = _query("pretty", "string", "If true, the output is indented.")
_DRY_RUN = _query("dryRun", "string", "With All, the request is carried out except that nothing is stored.")
_MANAGER = _query("fieldManager", "string", "A name for who makes this change.")
_VALIDATION = _query(
    "fieldValidation", "string", "What to do about unknown and duplicate fields: Ignore, Warn (the default) or Strict."
)
_FORCE = _query("force", "boolean", "Take fields over that another manager has applied.")
_WRITE = (_DRY_RUN, _MANAGER, _VALIDATION)
_LIST = (
    _query("allowWatchBookmarks", "boolean", "Ask for bookmarks in a watch."),
    _query("continue", "string", "The continue token of the page before."),
    _query("fieldSelector", "string", "Restricts the objects by their fields."),
    _query("labelSelector", "string", "Restricts the objects by their labels."),
    _query("limit", "integer", "How many objects to return at most."),
    _query("resourceVersion", "string", "The version to read at or to watch from."),
    _query("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    _query("sendInitialEvents", "boolean", "Begin a watch with the objects that there are."),
    _query("timeoutSeconds", "integer", "When to end the call."),
    _query("watch", "boolean", "Stream changes instead of listing."),
)
_DELETE = (
    _DRY_RUN,
    _query("gracePeriodSeconds", "integer", "How long the object has to end by itself."),
    _query("orphanDependents", "boolean", "Deprecated: use propagationPolicy."),
    _query("propagationPolicy", "string", "What happens to dependents: Orphan, Background or Foreground."),
)
_PARAMETERS = {
    "get": (),
    "list": _LIST,
    "create": _WRITE,
    "update": _WRITE,
    "patch": (*_WRITE, _FORCE),
    "delete": _DELETE,
    "deletecollection": (*_DELETE, *_LIST),
}


def group_version_paths(resource: Resource, subresources: Iterable[Subresource], body: Body) -> dict[str, Any]:
    """Path to path item, for a resource and its subresources."""
    base = resource.type.base_path
    scope = f"{base}/namespaces/{{namespace}}" if resource.namespaced else base
    collection, item = f"{scope}/{resource.plural}", f"{scope}/{resource.plural}/{{name}}"
    paths: dict[str, Any] = {}
    _add(paths, collection, resource, None, [verb for verb in _COLLECTION_VERBS if verb in resource.verbs], body)
    _add(paths, item, resource, None, [verb for verb in _ITEM_VERBS if verb in resource.verbs], body)
    if resource.namespaced and "list" in resource.verbs:
        _add(paths, f"{base}/{resource.plural}", resource, None, ["list"], body)
    for each in subresources:
        _add(paths, f"{item}/{each.name}", resource, each, list(each.verbs), body)
    return paths


def _add(
    paths: dict[str, Any],
    path: str,
    resource: Resource,
    subresource: Subresource | None,
    verbs: list[str],
    body: Body,
) -> None:
    if not verbs:
        return
    item: dict[str, Any] = {_METHODS[verb]: _operation(resource, subresource, verb, path, body) for verb in verbs}
    parameters = [_PRETTY]
    if "{namespace}" in path:
        parameters.append(_in_path("namespace", "The namespace of the objects."))
    if "{name}" in path:
        parameters.append(_in_path("name", f"The name of the {resource.kind}."))
    item["parameters"] = parameters
    paths[path] = item


def _operation(resource: Resource, subresource: Subresource | None, verb: str, path: str, body: Body) -> dict[str, Any]:
    group = "".join(part.capitalize() for part in (resource.group.removesuffix(".k8s.io") or "core").split("."))
    version = resource.version.capitalize()
    scoped = "Namespaced" if "{namespace}" in path else ""
    everywhere = "ForAllNamespaces" if resource.namespaced and not scoped else ""
    part = subresource.name.capitalize() if subresource else ""
    kind = (
        (subresource.group or resource.group, subresource.version or resource.version, subresource.kind)
        if (subresource)
        else (resource.group, resource.version, resource.kind)
    )
    returned = body(subresource)
    if verb == "list":
        returned += "List"
    elif verb in ("delete", "deletecollection"):
        returned = f"{_META}Status"
    schema = {"$ref": _REF + returned}
    content = {media: {"schema": schema} for media in _MEDIA}
    if subresource is not None and subresource.name == "log":
        content = {"text/plain": {"schema": {"type": "string"}}}
    connects = subresource is not None and subresource.kind.endswith("Options")
    if connects:
        content = {"*/*": {"schema": {"type": "string"}}}
    operation: dict[str, Any] = {
        "tags": [f"{group[0].lower()}{group[1:]}_{resource.version}"],
        "operationId": f"{verb}{group}{version}{scoped}{resource.kind}{part}{everywhere}",
        "x-kubernetes-action": "connect" if connects else _ACTIONS.get(verb, verb),
        "x-kubernetes-group-version-kind": {"group": kind[0], "version": kind[1], "kind": kind[2]},
        "parameters": list(_PARAMETERS[verb]),
        "responses": {"200": {"description": "OK", "content": content}},
    }
    if connects:
        return operation  # what is sent is a stream
    if verb in ("create", "update"):
        operation["requestBody"] = {
            "content": {"*/*": {"schema": {"$ref": _REF + body(subresource)}}},
            "required": True,
        }
    elif verb == "patch":
        patch = {"schema": {"$ref": f"{_REF}{_META}Patch"}}
        operation["requestBody"] = {"content": dict.fromkeys(_PATCHES, patch), "required": True}
    elif verb in ("delete", "deletecollection"):
        operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": f"{_REF}{_META}DeleteOptions"}}}}
    return operation
