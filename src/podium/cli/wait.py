"""`podium wait`: wait until objects are in a condition, have a value, exist, or are gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from podium.cli import jsonpath, objects, writes
from podium.cli.failure import Failure
from podium.cli.logs import seconds
from podium.cli.rest import Api
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

Check = Callable[[dict[str, Any] | None], bool]


@click.command("wait")
@click.argument("words", nargs=-1)
@filenames
@recursive
@label_selector
@field_selector
@all_namespaces
@output
@click.option("--for", "condition", default="", help="condition=NAME[=VALUE], jsonpath=PATH[=VALUE], create, delete")
@click.option("--timeout", default="30s", help="How long to wait; 0: only look; negative: a week.")
@click.option("--all", "everything", is_flag=True, help="Every object of the type in the namespace.")
@connected
def command(session: Session, words: tuple[str, ...], condition: str, timeout: str, **options: Any) -> None:
    """Wait for a condition: `wait deploy/web --for=condition=Available --timeout=60s`."""
    check = check_for(condition)
    targets = objects.select(
        session,
        words,
        options["filenames"],
        recursive=options["recursive"],
        selector=options["selector"],
        field_selector=options["field_selector"],
        everything=options["everything"],
    )
    if not targets:
        if condition == "delete":
            return
        raise Failure("error: no matching resources found")
    limit = 604800 if timeout.startswith("-") else 0 if timeout in ("0", "0s") else seconds(timeout)
    # Every read of this connection waits no longer than the whole wait may take.
    api = Api(session.connection, timeout=max(limit, 1))
    writes.each(targets, lambda target: _wait(api, target, condition, check, limit, options["output"]))


def check_for(condition: str) -> Check:
    """What has to hold; it is called with None when the object doesn't exist."""
    kind, _, argument = condition.partition("=")
    if kind == "delete":
        return lambda item: item is None
    if kind == "create":
        return lambda item: item is not None
    if kind == "condition" and argument.partition("=")[0]:
        name, _, value = argument.partition("=")
        return lambda item: item is not None and _has_condition(item, name, value or "True")
    if kind == "jsonpath" and argument:
        path, wanted = _path_and_value(argument)
        try:
            jsonpath.parse(jsonpath.relaxed(path))
        except jsonpath.JSONPathError as problem:
            raise Failure(f"error: error parsing jsonpath {path}, {problem}") from None
        return lambda item: item is not None and _has_value(item, path, wanted)
    raise Failure(f'error: unrecognized condition: "{condition}"')


def _path_and_value(argument: str) -> tuple[str, str | None]:
    path, brace, rest = argument.strip("'").partition("}")
    if not brace:
        path, equals, value = argument.partition("=")
        return path, value if equals else None
    return path + brace, rest[1:].strip("'\"") if rest.startswith("=") else None


def _has_condition(item: dict[str, Any], name: str, value: str) -> bool:
    status = item.get("status") or {}
    observed = status.get("observedGeneration")
    if observed is not None and observed < (item["metadata"].get("generation") or 0):
        return False
    return any(
        entry.get("type", "").lower() == name.lower() and entry.get("status", "").lower() == value.lower()
        for entry in status.get("conditions") or ()
    )


def _has_value(item: dict[str, Any], path: str, value: str | None) -> bool:
    try:
        found = jsonpath.values(path, item)
    except jsonpath.JSONPathError:  # it isn't there yet
        return False
    if value is None:
        return bool(found)
    texts = [entry if isinstance(entry, str) else json.dumps(entry) for entry in found]
    return value in texts


def _wait(api: Api, target: objects.Target, condition: str, check: Check, limit: int, output: str) -> None:
    """Look, then watch from there until the check holds. Of what is gone already, nothing is said."""
    query = {"fieldSelector": f"metadata.name={target.name}"}
    listing = api.tree("GET", target.collection, query=query)
    found: list[dict[str, Any] | None] = listing.get("items") or [None]
    item = found[0]
    plural = f"{target.resource.plural}.{target.resource.group}" if target.resource.group else target.resource.plural
    if check(item):
        if item is None:
            return
    else:
        if item is None and condition.partition("=")[0] not in ("create", "delete"):
            raise Failure(f'Error from server (NotFound): {plural} "{target.name}" not found')
        if not limit:
            raise Failure(f"error: condition not met for {target.resource.plural}/{target.name}")
        watch = query | {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
        reached, item = _watch(api, target, watch | {"timeoutSeconds": str(limit)}, check)
        if not reached:
            raise Failure(f"error: timed out waiting for the condition on {target.resource.plural}/{target.name}")
    if item is not None:
        item = {"apiVersion": target.resource.api_version, "kind": target.resource.kind, **item}
    writes.report(target, "condition met", item, output)


def _watch(api: Api, target: objects.Target, query: dict[str, str], check: Check) -> tuple[bool, dict[str, Any] | None]:
    """Whether the check came to hold, and the object for which it did."""
    for line in api.stream(target.collection, query=query):
        event = json.loads(line)
        if event["type"] == "ERROR":
            break
        if event["type"] == "BOOKMARK":
            continue
        item = None if event["type"] == "DELETED" else event["object"]
        if check(item):
            return True, item
    return False, None
