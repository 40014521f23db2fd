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
FORMATS = "custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml"


class Printer(Protocol):
    """Turns objects into text. One object is shown as itself, several as a List."""

    def __call__(self, objects: Sequence[Tree], single: bool) -> str: ...


def printer(
    output: str, *, headers: bool = True, managed_fields: bool = False, missing_ok: bool = True
) -> Printer | None:
    """The printer that -o asks for; None for the tables, which the server makes ("" and "wide").

    `headers`: those of custom columns. `missing_ok`: whether a JSONPath may lead nowhere.
    """
    kind, _, argument = output.partition("=")
    if kind in ("", "wide"):
        return None
    if kind in ("yaml", "json"):
        return (_Yaml if kind == "yaml" else _Json)(managed_fields)
    if kind == "name":
        return _names
    if kind.endswith("-file"):
        kind = kind.removesuffix("-file")
        with open(argument) as file:
            argument = file.read().strip()
        if kind == "custom-columns":
            argument = _columns_of_file(argument)
    try:
        if kind in ("jsonpath", "jsonpath-as-json"):
            return _JSONPath(argument, kind == "jsonpath-as-json", missing_ok)
        if kind == "custom-columns":
            return _CustomColumns(argument, headers)
    except jsonpath.JSONPathError as problem:
        raise Failure(f"error: error parsing {kind} {argument}, {problem}") from None
    raise Failure(
        f'error: unable to match a printer suitable for the output format "{kind}", allowed formats are: {FORMATS}'
    )


def _shown(objects: Sequence[Tree], single: bool) -> Tree:
    if single and len(objects) == 1:
        return objects[0]
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}


def to_yaml(tree: Any) -> str:
    return yaml_writer.dump(tree)


def without_managed_fields(document: Tree) -> Tree:
    document.get("metadata", {}).pop("managedFields", None)
    return document


class _Yaml:
    """Documents that come one after the other are told apart by a line of dashes."""

    def __init__(self, managed_fields: bool) -> None:
        self._managed_fields = managed_fields
        self._started = False

    def __call__(self, objects: Sequence[Tree], single: bool) -> str:
        lead = "---\n" if self._started else ""
        self._started = True
        return lead + to_yaml(_shown(_cleaned(objects, self._managed_fields), single))


class _Json:
    def __init__(self, managed_fields: bool) -> None:
        self._managed_fields = managed_fields

    def __call__(self, objects: Sequence[Tree], single: bool) -> str:
        shown = _shown(_cleaned(objects, self._managed_fields), single)
        return json.dumps(shown, indent=4, ensure_ascii=False, sort_keys=True) + "\n"


def _cleaned(objects: Sequence[Tree], managed_fields: bool) -> Sequence[Tree]:
    return objects if managed_fields else [without_managed_fields(item) for item in objects]


def _names(objects: Sequence[Tree], single: bool) -> str:
    return "".join(f"{type_name(item)}/{item['metadata']['name']}\n" for item in objects)


def type_name(document: Tree) -> str:
    group = document["apiVersion"].rpartition("/")[0]
    kind: str = document["kind"].lower()
    return f"{kind}.{group}" if group else kind


class _JSONPath:
    def __init__(self, template: str, as_json: bool, missing_ok: bool) -> None:
        if not template:
            raise Failure("error: template format specified but no template given")
        self._nodes = jsonpath.parse(jsonpath.relaxed(template))
        self._template, self._as_json, self._missing_ok = template, as_json, missing_ok

    def __call__(self, objects: Sequence[Tree], single: bool) -> str:
        data = _shown(objects, single)
        try:
            if not self._as_json:
                return jsonpath.render(self._nodes, data, missing_ok=self._missing_ok)
            paths = [node for node in self._nodes if isinstance(node, jsonpath.Path)]
            found = [value for path in paths for value in jsonpath.find(path, data)]
        except jsonpath.JSONPathError as problem:
            why = f"Error executing template: {problem}"
            raise Failure(f'error: error executing jsonpath "{self._template}": {why}') from None
        return json.dumps(found, indent=4, ensure_ascii=False, sort_keys=True) + "\n"


def _columns_of_file(text: str) -> str:
    """A file has the headers in its first line and their paths in the second, all apart by spaces."""
    lines = text.splitlines()
    headers, paths = (line.split() for line in lines[:2]) if len(lines) > 1 else ([], [])
    if not headers or len(headers) != len(paths):
        raise Failure(f"error: number of headers ({len(headers)}) and field specifications ({len(paths)}) don't match")
    return ",".join(f"{header}:{path}" for header, path in zip(headers, paths, strict=True))


class _CustomColumns:
    def __init__(self, specification: str, show_headers: bool) -> None:
        if not specification:
            raise Failure("error: custom-columns format specified but no custom columns given")
        self._show_headers = show_headers
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
        headers = [self._headers] if self._show_headers else []
        self._show_headers = False
        return table_text([*headers, *rows])

    def _cell(self, path: str, item: Tree) -> str:
        try:
            found = jsonpath.values(path, item)
        except jsonpath.JSONPathError as problem:
            raise Failure(f"error: {problem}") from None
        return ",".join(_plain(value) for value in found) or "<none>"


def _plain(value: Any) -> str:
    """A value as kubectl shows it in a column: maps and lists without quotes, keys sorted."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_plain(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(_plain(item) for item in value)}]"
    if isinstance(value, str):
        return value
    return "<nil>" if value is None else json.dumps(value)


_GAP, _NARROWEST = 3, 6
_EVENT = len("MODIFIED")


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
        self._columns: list[tuple[int, str]] = []
        self._widths: list[int] = []

    def text(
        self,
        table: Tree,
        *,
        labels: Sequence[str] = (),
        type_prefix: str = "",
        show_labels: bool = False,
        event: str = "",
    ) -> str:
        """`event`: what happened to the objects, as the first column."""
        if definitions := table.get("columnDefinitions"):
            self._columns = [
                (index, column["name"].upper())
                for index, column in enumerate(definitions)
                if self._wide or not column.get("priority")
            ]
        rows: list[list[str]] = []
        if self._headers and table.get("rows"):
            header = [name for _, name in self._columns]
            header += [label.rpartition("/")[2].upper() for label in labels] + (["LABELS"] if show_labels else [])
            lead = (["EVENT"] if event else []) + (["NAMESPACE"] if self._namespaces else [])
            rows.append(lead + header)
            self._headers = False
        for row in table.get("rows") or ():
            rows.append(([event.ljust(_EVENT)] if event else []) + self._row(row, labels, type_prefix, show_labels))
        return table_text(rows, self._widths)

    def _row(self, row: Tree, labels: Sequence[str], type_prefix: str, show_labels: bool) -> list[str]:
        metadata = (row.get("object") or {}).get("metadata") or {}
        cells = [_cell(row["cells"][index]) for index, _ in self._columns]
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
