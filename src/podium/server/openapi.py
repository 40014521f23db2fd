"""OpenAPI v3 and v2, so that `kubectl explain`, client-side validation and code generators work.

Component schemas come from Kubernetes' own schemas, which the build puts into the package; paths follow from the
resource table. A document is made when it is first asked for and kept only compressed: together they are some MB that
few runs ever read.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from podium.registry.resources import Resource, Subresource
from podium.server import openapi_protobuf, schemas
from podium.server.discovery import served
from podium.server.openapi_paths import group_version_paths

_V3_REF = "#/components/schemas/"
_V2_REF = "#/definitions/"
_SOURCE_REF = "#/$defs/"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."


class OpenApi:
    """The documents for one state of the resource table."""

    def __init__(self, resources: Iterable[Resource], version: str) -> None:
        self._version = version
        self._by_path: dict[str, list[Resource]] = {}
        for resource in resources:
            if resource.provided:  # its schemas are not Kubernetes' own
                continue
            self._by_path.setdefault(resource.type.base_path.lstrip("/"), []).append(resource)
        self._documents: dict[str, bytes] = {}

    def index(self, elsewhere: Mapping[str, str]) -> bytes:
        """What /openapi/v3 answers: where each group version's document is. The hash changes with the document.

        `elsewhere`: the paths that other API servers describe, and what changes with their documents."""
        seed = hashlib.sha256(schemas.fingerprint().encode() + self._version.encode())
        paths = {}
        for path, resources in sorted(self._by_path.items()):
            names = ",".join(f"{each.plural}/{'/'.join(each.subresources)}" for each in resources)
            digest = hashlib.sha256(seed.digest() + path.encode() + names.encode()).hexdigest().upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        for path, changing in sorted(elsewhere.items()):
            digest = hashlib.sha256(changing.encode()).hexdigest().upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        return orjson.dumps({"paths": paths})

    def v3(self, path: str) -> bytes | None:
        """The gzipped document of a group version, e.g. "apis/apps/v1"; None if there is none."""
        resources = self._by_path.get(path)
        if resources is None:
            return None
        if path not in self._documents:
            self._documents[path] = _compressed(self._make_v3(resources))
        return self._documents[path]

    def v2(self, *, protobuf: bool = False) -> bytes:
        """The gzipped document of everything, as JSON or protobuf."""
        form = "v2 as protobuf" if protobuf else "v2"
        if form not in self._documents:
            document = self._make_v2()
            self._documents[form] = _gzipped(openapi_protobuf.encode(document)) if protobuf else _compressed(document)
        return self._documents[form]

    def _info(self) -> dict[str, str]:
        return {"title": "Kubernetes", "version": self._version}

    def _make_v3(self, resources: list[Resource]) -> dict[str, Any]:
        definitions = schemas.definitions()
        roots = {name for resource in resources for name in _roots(resource, definitions)}
        components = {
            name: _component(name, definitions[name], _V3_REF) for name in sorted(_closure(roots, definitions))
        }
        paths: dict[str, Any] = {}
        for resource in resources:
            paths.update(group_version_paths(resource, served(resource), partial(_body, resource)))
        return {
            "openapi": "3.0.0",
            "info": self._info(),
            "paths": paths,
            "components": {"schemas": components},
        }

    def _make_v2(self) -> dict[str, Any]:
        definitions = schemas.definitions()
        paths: dict[str, Any] = {}
        roots: set[str] = set()
        for resources in self._by_path.values():
            for resource in resources:
                roots.update(_roots(resource, definitions))
                found = group_version_paths(resource, served(resource), partial(_body, resource))
                paths.update({path: _v2_item(item) for path, item in found.items()})
        names = sorted(_closure(roots, definitions))
        return {
            "swagger": "2.0",
            "info": self._info(),
            "paths": paths,
            "definitions": {name: _component(name, definitions[name], _V2_REF) for name in names},
        }


def _compressed(document: Mapping[str, Any]) -> bytes:
    return _gzipped(orjson.dumps(document))


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def definition_name(group: str, version: str, kind: str) -> str:
    """Where a kind's schema is, e.g. "io.k8s.api.apps.v1.Deployment"."""
    if group == "apiextensions.k8s.io":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}"
    if group == "apiregistration.k8s.io":
        return f"io.k8s.kube-aggregator.pkg.apis.apiregistration.{version}.{kind}"
    package = group.removesuffix(".k8s.io").split(".")[0] if group else "core"
    return f"io.k8s.api.{package}.{version}.{kind}"


def _body(resource: Resource, subresource: Subresource | None) -> str:
    """The definition of what is sent to a resource or subresource."""
    if subresource is None:
        return definition_name(resource.group, resource.version, resource.kind)
    return definition_name(
        subresource.group or resource.group, subresource.version or resource.version, subresource.kind
    )


def _roots(resource: Resource, definitions: Mapping[str, Any]) -> Iterator[str]:
    own = _body(resource, None)
    wanted = [own, f"{own}List", f"{_META}Status", f"{_META}DeleteOptions", f"{_META}Patch", f"{_META}WatchEvent"]
    wanted += [_body(resource, each) for each in served(resource)]
    return (name for name in wanted if name in definitions)


def _closure(roots: Iterable[str], definitions: Mapping[str, Any]) -> set[str]:
    """These definitions and all that they refer to."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found and name in definitions:
            found.add(name)
            waiting.extend(_references(definitions[name]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str):
            yield target.removeprefix(_SOURCE_REF)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _component(name: str, definition: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    if name == _INT_OR_STRING:
        described = {"description": definition["description"]} if "description" in definition else {}
        if prefix == _V2_REF:
            return {**described, "type": "string", "format": "int-or-string"}
        return {**described, "format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
    if name == _QUANTITY:
        return {"type": "string"} if prefix == _V2_REF else {"oneOf": [{"type": "string"}, {"type": "number"}]}
    component: dict[str, Any] = _converted(definition, prefix)
    if "x-kubernetes-group-version-kind" in component:
        # the source pins these two to one value each, which belongs to validation, not to the description of the type
        for field in ("kind", "apiVersion"):
            component.get("properties", {}).get(field, {}).pop("enum", None)
    return component


def _converted(node: Any, prefix: str) -> Any:
    """The source's JSON Schema as OpenAPI: references into the document, no null types."""
    if isinstance(node, list):
        return [_converted(value, prefix) for value in node]
    if not isinstance(node, dict):
        return node
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            result[key] = prefix + value.removeprefix(_SOURCE_REF)
        elif key == "type" and isinstance(value, list):
            result[key] = next(each for each in value if each != "null")
        elif key == "enum" and isinstance(value, list):
            result[key] = [each for each in value if each is not None]
        else:
            result[key] = _converted(value, prefix)
    if len(result) > 1 and isinstance(result.get("$ref"), str) and prefix == _V3_REF:
        # beside a reference OpenAPI v3 ignores everything else
        result["allOf"] = [{"$ref": result.pop("$ref")}]
    return result


def _v2_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A path of v3 in the words of v2."""
    return {
        method: _v2_operation(operation) if method != "parameters" else [_v2_parameter(each) for each in operation]
        for method, operation in item.items()
    }


def _v2_operation(operation: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: value for key, value in operation.items() if key not in ("requestBody", "responses", "parameters")}
    result["parameters"] = [_v2_parameter(each) for each in operation.get("parameters", ())]
    if "requestBody" in operation:
        content = next(iter(operation["requestBody"]["content"].values()))
        result["parameters"].insert(0, {"name": "body", "in": "body", "schema": _v2_schema(content["schema"])})
        result["consumes"] = list(operation["requestBody"]["content"])
    result["responses"] = {
        code: {
            "description": response["description"],
            **(
                {"schema": _v2_schema(next(iter(response["content"].values()))["schema"])}
                if "content" in response
                else {}
            ),
        }
        for code, response in operation["responses"].items()
    }
    result["produces"] = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
    return result


def _v2_parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in parameter.items() if key != "schema"}
    return {**flat, **parameter["schema"]}


def _v2_schema(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.replace(_V3_REF, _V2_REF) if key == "$ref" else value for key, value in node.items()}
