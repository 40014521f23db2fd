"""`podium get`: show objects as a table, or as -o says; with -w go on showing what changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from podium.cli import objects
from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.printers import Printer, TableWriter, printer, say
from podium.cli.rest import JSON, ServerError
from podium.cli.session import (
    Session,
    all_namespaces,
    connected,
    field_selector,
    filenames,
    label_selector,
    output,
    recursive,
)

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@click.command("get")
@click.argument("words", nargs=-1)
@filenames
@recursive
@output
@label_selector
@field_selector
@all_namespaces
@click.option("-w", "--watch", is_flag=True, help="After listing, show changes as they come.")
@click.option("--watch-only", is_flag=True, help="Show only changes.")
@click.option("-L", "--label-columns", multiple=True, help="Labels to show as columns, separated by commas.")
@click.option("--show-labels", is_flag=True, help="Show all labels as the last column.")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@click.option("--show-kind", is_flag=True, help="Show names as TYPE/NAME.")
@click.option("--ignore-not-found", is_flag=True, help="Succeed when a named object doesn't exist.")
@click.option("--sort-by", default="", help="Sort a list by a JSONPath.")
@click.option("--raw", default="", help="Show what the server answers at this path.")
@connected
def command(session: Session, words: tuple[str, ...], raw: str, **options: Any) -> None:
    """Show objects: `get pods`, `get deploy/web -o yaml`, `get pods -l app=web -w`."""
    if raw:
        say(session.api.request("GET", raw).body.decode())
        return
    Getter(session, **options).run(words)


class Getter:
    """One `get`, with its flags."""

    def __init__(self, session: Session, **options: Any) -> None:
        self.session = session
        self.options = options
        self.printer: Printer | None = printer(options["output"])
        self.query = objects.query_of(options["selector"], options["field_selector"])
        self.labels = [label for group in options["label_columns"] for label in group.split(",") if label]

    def run(self, words: tuple[str, ...]) -> None:
        files = self.options["filenames"]
        if not words and not files:
            raise Failure(
                "You must specify the type of resource to get. Use 'podium api-resources' for the types there are.\n"
                "error: Required resource not specified."
            )
        targets = (
            objects.select(self.session, words, files, recursive=self.options["recursive"])
            if files
            else objects.named(self.session, words)
        )
        if targets and self.query:
            raise Failure("error: name cannot be provided when a selector is specified")
        places = (
            [(target.resource, target.namespace, target.name) for target in targets]
            if targets
            else [(resource, self._scope(resource), "") for resource in self.session.catalog.find_all(words[0])]
        )
        if self.options["watch"] or self.options["watch_only"]:
            if len(places) != 1:
                raise Failure("error: you may only specify a single resource type or object with --watch")
            self._watch(*places[0])
        elif self.printer:
            self._print(places, named=bool(targets))
        else:
            self._tables(places, named=bool(targets))

    def _scope(self, resource: Resource) -> str:
        return self.session.namespace if resource.namespaced and not self.session.all_namespaces else ""

    def _tree(self, path: str, accept: str = JSON) -> dict[str, Any] | None:
        try:
            tree: dict[str, Any] = self.session.api.tree("GET", path, query=self.query, accept=accept)
        except ServerError as problem:
            if problem.code == 404 and self.options["ignore_not_found"]:
                return None
            raise
        return tree

    def _print(self, places: Sequence[tuple[Resource, str, str]], named: bool) -> None:
        found: list[dict[str, Any]] = []
        for resource, namespace, name in places:
            if not name:
                found += objects.items(self.session, resource, self.options["selector"], self.options["field_selector"])
            elif tree := self._tree(resource.path(namespace, name)):
                found.append(tree)
        if self.options["sort_by"]:
            found.sort(key=lambda item: _sort_key(self.options["sort_by"], item))
        if self.printer and (found or not named):
            say(self.printer(found, single=named and len(places) == 1))

    def _writer(self) -> TableWriter:
        return TableWriter(
            wide=self.options["output"] == "wide",
            headers=not self.options["no_headers"],
            namespaces=self.session.all_namespaces,
        )

    def _tables(self, places: Sequence[tuple[Resource, str, str]], named: bool) -> None:
        kinds = {resource.plural for resource, _, _ in places}
        several, shown, failed = len(kinds) > 1, 0, None
        writer = self._writer()
        previous: Resource | None = None
        for resource, namespace, name in places:
            try:
                table = self._tree(resource.path(namespace, name), TABLE)
            except ServerError as problem:
                if len(places) == 1:
                    raise
                click.echo(problem.text, err=True)
                failed = problem
                continue
            if table is None or not table.get("rows"):
                continue
            self._sort(table)
            if previous is not None and resource is not previous:
                click.echo()
                writer = self._writer()
            elif previous is not None:
                table["columnDefinitions"] = []
            previous = resource
            shown += len(table["rows"])
            prefix = resource.type_name if several or self.options["show_kind"] else ""
            say(self._text(writer, table, prefix))
        if failed:
            raise SystemExit(1)
        if not shown and not named:
            namespaced = any(resource.namespaced for resource, _, _ in places) and not self.session.all_namespaces
            where = f" in {self.session.namespace} namespace." if namespaced else ""
            click.echo(f"No resources found{where}", err=True)

    def _text(self, writer: TableWriter, table: dict[str, Any], prefix: str = "") -> str:
        return writer.text(table, labels=self.labels, type_prefix=prefix, show_labels=self.options["show_labels"])

    def _sort(self, table: dict[str, Any]) -> None:
        expression = self.options["sort_by"]
        if expression:
            table["rows"].sort(key=lambda row: _sort_key(expression, row.get("object") or {}))

    def _watch(self, resource: Resource, namespace: str, name: str) -> None:
        query = dict(self.query)
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        accept = JSON if self.printer else TABLE
        path = resource.path(namespace)
        listing = self.session.api.tree("GET", path, query=query, accept=accept)
        writer = self._writer()
        if not self.options["watch_only"]:
            if self.printer:
                for item in listing.get("items") or ():
                    item.setdefault("apiVersion", resource.api_version)
                    item.setdefault("kind", resource.kind)
                    say(self._document(item))
            else:
                say(self._text(writer, listing))
        query |= {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
        for line in self.session.api.stream(path, query=query, accept=accept):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise ServerError(event["object"])
            if event["type"] != "BOOKMARK":
                say(self._document(event["object"]) if self.printer else self._text(writer, event["object"]))

    def _document(self, item: dict[str, Any]) -> str:
        text = self.printer([item], single=True) if self.printer else ""
        return f"---\n{text}" if self.options["output"] == "yaml" else text


def _sort_key(expression: str, item: dict[str, Any]) -> tuple[bool, str, Any]:
    from podium.cli import jsonpath

    found = jsonpath.values(expression, item)
    value = found[0] if found else ""
    return not found, type(value).__name__, value if isinstance(value, str | int | float) else str(value)
