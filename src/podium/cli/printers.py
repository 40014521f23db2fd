"""How objects are shown: as a table that the server makes, as YAML or JSON, by name, by JSONPath, by custom columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import click

from podium.cli import jsonpath
from podium.cli.failure import Failure
from podium.machinery import yaml_writer

Tree = dict[str, Any]
FORMATS = "custom-columns, custom-columns-file, json, jsonpath, jsonpath-as-json, jsonpath-file, name, wide, yaml"


class Printer(Protocol):
    """Turns objects into text. One object is shown as itself, several as a List."""

    def __call__(self, objects: Sequence[Tree], single: bool) -> str: ...


def printer(output: str) -> Printer | None:
    """The printer that -o asks for; None for the tables, which the server makes ("" and "wide")."""
    kind, _, argument = output.partition("=")
    if kind in ("", "wide"):
        return None
    if kind in ("yaml", "json", "name"):
        return {"yaml": _yaml, "json": _json, "name": _names}[kind]
    if kind.endswith("-file"):
        with open(argument) as file:
            kind, argument = kind.removesuffix("-file"), file.read().strip()
    try:
        if kind in ("jsonpath", "jsonpath-as-json"):
            return _JSONPath(argument, as_json=kind == "jsonpath-as-json")
        if kind == "custom-columns":
            return _CustomColumns(argument)
    except jsonpath.JSONPathError as problem:
        raise Failure(f"error: error parsing {kind} {argument}, {problem}") from None
    raise Failure(f"error: unable to match a printer suitable for the output format {kind!r}, allowed: {FORMATS}")


def _shown(objects: Sequence[Tree], single: bool) -> Tree:
    if single and len(objects) == 1:
        return objects[0]
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}


def to_yaml(tree: Any) -> str:
    return yaml_writer.dump(tree)


def without_managed_fields(document: Tree) -> Tree:
    document.get("metadata", {}).pop("managedFields", None)
    return document


def _yaml(objects: Sequence[Tree], single: bool) -> str:
    return to_yaml(_shown([without_managed_fields(item) for item in objects], single))


def _json(objects: Sequence[Tree], single: bool) -> str:
    shown = _shown([without_managed_fields(item) for item in objects], single)
    return json.dumps(shown, indent=4, ensure_ascii=False, sort_keys=True) + "\n"


def _names(objects: Sequence[Tree], single: bool) -> str:
    return "".join(f"{type_name(item)}/{item['metadata']['name']}\n" for item in objects)


def type_name(document: Tree) -> str:
    group = document["apiVersion"].rpartition("/")[0]
    kind: str = document["kind"].lower()
    return f"{kind}.{group}" if group else kind


class _JSONPath:
    def __init__(self, template: str, as_json: bool) -> None:
        if not template:
            raise Failure("error: template format specified but no template given")
        self._nodes = jsonpath.parse(jsonpath.relaxed(template))
        self._as_json = as_json

    def __call__(self, objects: Sequence[Tree], single: bool) -> str:
        data = _shown(objects, single)
        if self._as_json:
            found = [
                value for node in self._nodes if isinstance(node, jsonpath.Path) for value in jsonpath.find(node, data)
            ]
            return json.dumps(found, indent=4, ensure_ascii=False) + "\n"
        return jsonpath.render(self._nodes, data)


class _CustomColumns:
    def __init__(self, specification: str) -> None:
        if not specification:
            raise Failure("error: custom-columns format specified but no custom columns given")
        self._headers: list[str] = []
        self._paths: list[str] = []
        for column in specification.split(","):
            header, colon, path = column.partition(":")
            if not colon or not path:
                raise Failure(f"error: unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>")
            jsonpath.parse(jsonpath.relaxed(path))
            self._headers.append(header)
            self._paths.append(path)

    def __call__(self, objects: Sequence[Tree], single: bool) -> str:
        rows = [[self._cell(path, item) for path in self._paths] for item in objects]
        return table_text([self._headers, *rows])

    def _cell(self, path: str, item: Tree) -> str:
        found = jsonpath.values(path, item)
        return ",".join(value if isinstance(value, str) else json.dumps(value) for value in found) or "<none>"


_GAP, _NARROWEST = 3, 6


def table_text(rows: Sequence[Sequence[str]], widths: list[int] | None = None) -> str:
    """Columns aligned with three spaces between, none narrower than six. `widths`, when given, only ever grows."""
    if not rows:
        return ""
    widths = widths if widths is not None else []
    widths.extend([_NARROWEST] * (len(rows[0]) - len(widths)))
    for row in rows:
        for index, cell in enumerate(row):
            widths[index] = max(widths[index], len(cell) + _GAP)
    lines = []
    for row in rows:
        cells = [cell.ljust(widths[index]) for index, cell in enumerate(row[:-1])] + [row[-1] if row else ""]
        lines.append("".join(cells).rstrip())
    return "\n".join(lines) + "\n"


class TableWriter:
    """Prints the server's Tables, one after the other, with one header and steady column widths."""

    def __init__(self, *, wide: bool, headers: bool = True, namespaces: bool = False, kinds: bool = False) -> None:
        self._wide, self._headers, self._namespaces, self._kinds = wide, headers, namespaces, kinds
        self._columns: list[int] = []
        self._widths: list[int] = []

    def text(self, table: Tree, *, labels: Sequence[str] = (), type_prefix: str = "", show_labels: bool = False) -> str:
        definitions = table.get("columnDefinitions") or []
        rows: list[list[str]] = []
        if definitions:
            self._columns = [
                index for index, column in enumerate(definitions) if self._wide or not column.get("priority")
            ]
            if self._headers:
                header = [definitions[index]["name"].upper() for index in self._columns]
                header += [label.rpartition("/")[2].upper() for label in labels] + (["LABELS"] if show_labels else [])
                rows.append((["NAMESPACE"] if self._namespaces else []) + header)
                self._headers = False
        for row in table.get("rows") or ():
            rows.append(self._row(row, labels, type_prefix, show_labels))
        return table_text(rows, self._widths)

    def _row(self, row: Tree, labels: Sequence[str], type_prefix: str, show_labels: bool) -> list[str]:
        metadata = (row.get("object") or {}).get("metadata") or {}
        cells = [_cell(row["cells"][index]) for index in self._columns]
        if type_prefix and cells:
            cells[0] = f"{type_prefix}/{cells[0]}"
        own: Tree = metadata.get("labels") or {}
        cells += [own.get(label, "") for label in labels]
        if show_labels:
            cells.append(",".join(f"{key}={value}" for key, value in sorted(own.items())) or "<none>")
        return [metadata.get("namespace") or "", *cells] if self._namespaces else cells


def _cell(value: Any) -> str:
    if value is None:
        return "<none>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def say(text: str) -> None:
    """Print what a printer made, which ends its own lines."""
    click.echo(text, nl=False)
