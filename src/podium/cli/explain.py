"""`podium explain`: tell what a resource's fields mean, from the server's own OpenAPI document."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.session import Session, connected

Schema = dict[str, Any]
_WIDTH = 80


@click.command("explain")
@click.argument("path")
@click.option("--recursive", is_flag=True, help="The names of all fields below, without their descriptions.")
@click.option("--api-version", default="", help="Of this group version, e.g. apps/v1.")
@connected
def command(session: Session, path: str, recursive: bool, api_version: str) -> None:
    """Tell what fields mean: `explain rs`, `explain deploy.spec.strategy`."""
    resource, fields = _resource_and_fields(session, path, api_version)
    click.echo(Explainer(session, resource).text(fields, recursive), nl=False)


def _resource_and_fields(session: Session, path: str, api_version: str) -> tuple[Resource, list[str]]:
    """The longest beginning of the path that is a resource (which may hold a group: deployments.apps), and the rest."""
    words = path.split(".")
    if api_version:
        for resource in session.catalog.resources:
            names = (resource.plural, resource.singular, *resource.short_names)
            if resource.api_version == api_version and words[0].lower() in names:
                return resource, words[1:]
        raise Failure(f'error: couldn\'t find resource for "{api_version}, Resource={words[0]}"')
    for length in range(len(words), 1, -1):
        candidate = ".".join(words[:length]).lower()
        for resource in session.catalog.resources:
            if resource.group and candidate in (f"{resource.plural}.{resource.group}", resource.type_name):
                return resource, words[length:]
    return session.catalog.find(words[0]), words[1:]


class Explainer:
    """Reads one kind's schema."""

    def __init__(self, session: Session, resource: Resource) -> None:
        group_path = f"apis/{resource.group}" if resource.group else "api"
        document = session.api.tree("GET", f"/openapi/v3/{group_path}/{resource.version}")
        self._resource = resource
        self._schemas: dict[str, Schema] = document["components"]["schemas"]

    def text(self, fields: list[str], recursive: bool) -> str:
        schema, field, field_type, description = self._root(), "", "", ""
        for name in fields:
            properties = self._properties(schema)
            if name not in properties:
                raise Failure(f'error: field "{name}" does not exist')
            field, schema = name, properties[name]
            field_type, description = self._type(schema), str(schema.get("description") or "")
        lines = [f"GROUP:      {self._resource.group}"] if self._resource.group else []
        lines += [f"KIND:       {self._resource.kind}", f"VERSION:    {self._resource.version}", ""]
        if field:
            lines += [f"FIELD: {field} <{field_type}>", "", ""]
        described = self._target(schema)
        lines.append("DESCRIPTION:")
        own = str(described.get("description") or "")
        texts = list(dict.fromkeys(filter(None, (description, own)))) or [""]
        for text in texts:
            lines += self._wrapped(text or "<empty>", "    ")
        if values := described.get("enum"):
            lines += ["", "ENUM:", *(f"    {value}" for value in values)]
        properties = self._properties(schema)
        if properties:
            lines += ["", "FIELDS:", *self._fields(schema, "  ", recursive, ())]
        return "\n".join(lines).rstrip() + ("\n\n" if recursive and properties else "\n\n\n")

    def _root(self) -> Schema:
        for schema in self._schemas.values():
            for kind in schema.get("x-kubernetes-group-version-kind") or ():
                if (kind["group"], kind["version"], kind["kind"]) == (
                    self._resource.group,
                    self._resource.version,
                    self._resource.kind,
                ):
                    return schema
        raise Failure(f"error: the server describes no {self._resource.kind} in {self._resource.api_version}")

    def _fields(self, schema: Schema, indent: str, recursive: bool, seen: tuple[str, ...]) -> list[str]:
        required = self._target(schema).get("required") or ()
        lines = []
        for name, field in sorted(self._properties(schema).items()):
            mark = " -required-" if name in required else ""
            lines.append(f"{indent}{name}\t<{self._type(field)}>{mark}")
            if recursive:
                title = self._reference(field)
                if title not in seen or not title:
                    lines += self._fields(field, indent + "  ", True, (*seen, title) if title else seen)
            else:
                described = str(
                    field.get("description") or self._resolved(field).get("description") or "<no description>"
                )
                lines += [*self._wrapped(described, indent + "  "), ""]
        return lines

    def _wrapped(self, text: str, indent: str) -> list[str]:
        lines: list[str] = []
        for paragraph in text.split("\n"):
            lines += textwrap.wrap(
                paragraph,
                _WIDTH,
                initial_indent=indent,
                subsequent_indent=indent,
                break_on_hyphens=False,
                break_long_words=False,
            ) or [""]
        return lines

    def _reference(self, schema: Schema) -> str:
        """The name of the definition that a schema stands for, itself or as the type of its items or values."""
        for inner in (schema, *(schema.get("allOf") or ()), schema.get("items"), schema.get("additionalProperties")):
            if isinstance(inner, dict):
                if "$ref" in inner:
                    return str(inner["$ref"]).rpartition("/")[2]
                if inner is not schema and (found := self._reference(inner)):
                    return found
        return ""

    def _resolved(self, schema: Schema) -> Schema:
        for inner in (schema, *(schema.get("allOf") or ())):
            if "$ref" in inner:
                return self._schemas.get(str(inner["$ref"]).rpartition("/")[2], {})
        return schema

    def _target(self, schema: Schema) -> Schema:
        """The schema whose fields are shown: that of the items for a list, of the values for a map."""
        resolved = self._resolved(schema)
        for key in ("items", "additionalProperties"):
            if isinstance(resolved.get(key), dict):
                return self._target(resolved[key])
        return resolved

    def _properties(self, schema: Schema) -> dict[str, Schema]:
        properties: dict[str, Schema] = self._target(schema).get("properties") or {}
        return properties

    def _type(self, schema: Schema) -> str:
        name = self._reference(schema)
        resolved = self._resolved(schema)
        if isinstance(schema.get("items"), dict):
            return f"[]{self._type(schema['items'])}"
        if isinstance(schema.get("additionalProperties"), dict):
            return f"map[string]{self._type(schema['additionalProperties'])}"
        if name and resolved.get("type") in (None, "object"):
            return name.rpartition(".")[2]
        return str(resolved.get("type") or "Object")
