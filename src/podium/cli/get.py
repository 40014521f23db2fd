"""`podium get`: show objects as a table, or as -o says; with -w go on showing what changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from podium.cli import objects
from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.printers import Printer, TableWriter, printer, say, without_managed_fields
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
@click.option("--show-managed-fields", is_flag=True, help="With -o yaml and json: also who set which fields.")
@click.option("--allow-missing-template-keys/--forbid-missing-template-keys", "missing_ok", default=True, hidden=True)
@click.option("--output-watch-events", is_flag=True, help="With --watch: show what happened to each object.")
@click.option("--subresource", default="", help="Show this subresource of an object: status or scale.")
@click.option("--raw", default="", help="Show what the server answers at this path.")
@connected
def command(session: Session, words: tuple[str, ...], raw: str, **options: Any) -> None:
    """Show objects: `get pods`, `get deploy/web -o yaml`, `get pods -l app=web -w`."""
    if raw:
        if words:
            raise Failure("error: arguments may not be passed when --raw is specified")
        say(session.api.request("GET", raw).body.decode())
        return
    Getter(session, **options).run(words)


class Getter:
    """One `get`, with its flags."""

    def __init__(self, session: Session, **options: Any) -> None:
        self.session = session
        self.options = options
        self.printer: Printer | None = printer(
            options["output"],
            headers=not options["no_headers"],
            managed_fields=options["show_managed_fields"],
            missing_ok=options["missing_ok"],
        )
        self.query = objects.query_of(options["selector"], options["field_selector"])
        self.labels = [label for group in options["label_columns"] for label in group.split(",") if label]

    def run(self, words: tuple[str, ...]) -> None:
        files = self.options["filenames"]
        if not words and not files:
            raise Failure(
                'You must specify the type of resource to get. Use "podium api-resources" for a complete list of'
                " supported resources.\n\nerror: Required resource not specified.\n"
                'Use "podium explain <resource>" for a detailed description of that resource'
                " (e.g. podium explain pods)."
            )
        targets = (
            objects.select(self.session, words, files, recursive=self.options["recursive"])
            if files
            else objects.named(self.session, words)
        )
        if targets and self.query:
            slash = any("/" in word for word in words)
            raise Failure(
                "error: selectors and the all flag cannot be used when passing resource/name arguments"
                if slash
                else "error: name cannot be provided when a selector is specified"
            )
        if words and targets and self.session.all_namespaces:
            raise Failure("error: a resource cannot be retrieved by name across all namespaces")
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

    def _get(self, resource: Resource, namespace: str, name: str, accept: str = JSON) -> dict[str, Any] | None:
        path = resource.path(namespace, name, self.options["subresource"])
        try:
            with objects.about_selectors(resource, self.options["selector"], self.options["field_selector"]):
                tree: dict[str, Any] = self.session.api.tree("GET", path, query=self.query, accept=accept)
        except ServerError as problem:
            if problem.code == 404 and self.options["ignore_not_found"]:
                return None
            raise
        return tree

    def _print(self, places: Sequence[tuple[Resource, str, str]], named: bool) -> None:
        found: list[dict[str, Any]] = []
        failed = False
        for resource, namespace, name in places:
            if not name:
                found += objects.items(self.session, resource, self.options["selector"], self.options["field_selector"])
                continue
            try:
                tree = self._get(resource, namespace, name)
            except ServerError as problem:
                if len(places) == 1:
                    raise
                click.echo(problem.text, err=True)
                failed = True
            else:
                found += [tree] if tree else []
        if self.options["sort_by"]:
            found.sort(key=lambda item: _sort_key(self.options["sort_by"], item))
        if self.printer and (found or not named):
            say(self.printer(found, single=named and len(places) == 1))
        if failed:
            raise SystemExit(1)

    def _writer(self) -> TableWriter:
        return TableWriter(
            wide=self.options["output"] == "wide",
            headers=not self.options["no_headers"],
            namespaces=self.session.all_namespaces,
        )

    def _tables(self, places: Sequence[tuple[Resource, str, str]], named: bool) -> None:
        found: list[tuple[Resource, dict[str, Any]]] = []
        failed = False
        for resource, namespace, name in places:
            try:
                table = self._get(resource, namespace, name, TABLE)
            except ServerError as problem:
                if len(places) == 1:
                    raise
                click.echo(problem.text, err=True)
                failed = True
            else:
                found += [(resource, table)] if table else []
        several = len({resource.kind for resource, _ in found}) > 1
        found = [(resource, table) for resource, table in found if table.get("rows")]
        writer = self._writer()
        previous: Resource | None = None
        for resource, table in found:
            self._sort(table)
            if previous is not None and resource is not previous:
                if not self.options["no_headers"]:
                    click.echo()
                writer = self._writer()
            elif previous is not None:
                table["columnDefinitions"] = []
            previous = resource
            say(self._text(writer, table, resource.type_name if several or self.options["show_kind"] else ""))
        if failed:
            raise SystemExit(1)
        if not found and not named and not self.options["ignore_not_found"]:
            namespaced = any(resource.namespaced for resource, _, _ in places) and not self.session.all_namespaces
            where = f" in {self.session.namespace} namespace." if namespaced else ""
            click.echo(f"No resources found{where}", err=True)

    def _text(self, writer: TableWriter, table: dict[str, Any], prefix: str = "", event: str = "") -> str:
        return writer.text(
            table, labels=self.labels, type_prefix=prefix, show_labels=self.options["show_labels"], event=event
        )

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
        with objects.about_selectors(resource, self.options["selector"], self.options["field_selector"]):
            listing = self.session.api.tree("GET", path, query=query, accept=accept)
        if name and not (listing.get("rows") or listing.get("items")):
            self._get(resource, namespace, name)  # says that it isn't there
        writer = self._writer()
        kind = resource.type_name if self.options["show_kind"] else ""
        if not self.options["watch_only"]:
            if self.printer:
                for item in listing.get("items") or ():
                    item.setdefault("apiVersion", resource.api_version)
                    item.setdefault("kind", resource.kind)
                    say(self._document("ADDED", item))
            else:
                say(self._text(writer, listing, kind, self._event("ADDED")))
        elif not self.printer:
            writer.text({**listing, "rows": []})  # the columns, for what is to come
        query |= {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
        for line in self.session.api.stream(path, query=query, accept=accept):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise ServerError(event["object"])
            if event["type"] == "BOOKMARK":
                continue
            if self.printer:
                say(self._document(event["type"], event["object"]))
            else:
                say(self._text(writer, event["object"], kind, self._event(event["type"])))

    def _event(self, happened: str) -> str:
        """What is shown of what happened: nothing, if it isn't asked for."""
        return happened if self.options["output_watch_events"] else ""

    def _document(self, happened: str, item: dict[str, Any]) -> str:
        if self.options["output_watch_events"]:
            item = {"type": happened, "object": without_managed_fields(item)}
        return self.printer([item], single=True) if self.printer else ""


def _sort_key(expression: str, item: dict[str, Any]) -> tuple[bool, str, Any]:
    from podium.cli import jsonpath

    try:
        found = jsonpath.values(expression, item)
    except jsonpath.JSONPathError as problem:
        raise Failure(f"error: {problem}") from None
    value = found[0] if found else ""
    return not found, type(value).__name__, value if isinstance(value, str | int | float) else str(value)
