"""`podium label`: change the labels of objects. `annotate` is the same for annotations."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.session import (
    Session,
    all_namespaces,
    connected,
    dry_run,
    field_selector,
    filenames,
    label_selector,
    output,
    recursive,
)


def metadata_command(verb: str, field: str, done: str) -> click.Command:
    """The command that sets and removes entries of a map of the metadata: `KEY=VALUE`, `KEY-`."""

    @click.command(verb)
    @click.argument("words", nargs=-1, required=True)
    @filenames
    @recursive
    @label_selector
    @field_selector
    @all_namespaces
    @dry_run
    @output
    @click.option("--all", "everything", is_flag=True, help="Every object of the type in the namespace.")
    @click.option("--overwrite", is_flag=True, help="Replace values that are there.")
    @click.option("--list", "list_them", is_flag=True, help=f"Show the {field}.")
    @connected
    def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
        names = [word for word in words if not _is_change(word)]
        changes = _changes([word for word in words if _is_change(word)])
        if not changes and not options["list_them"]:
            raise Failure(f"error: at least one {field[:-1]} update is required")
        targets = objects.select(
            session,
            names,
            options["filenames"],
            recursive=options["recursive"],
            selector=options["selector"],
            field_selector=options["field_selector"],
            everything=options["everything"],
        )
        heading = len(targets) > 1
        writes.each(targets, lambda target: _change(session, target, field, done, changes, options, heading))

    command.help = f"Change the {field} of objects: `{verb} pod web-1 tier=front old-`."
    return command


def _is_change(word: str) -> bool:
    return "=" in word or (word.endswith("-") and len(word) > 1)


def _changes(words: list[str]) -> dict[str, str | None]:
    changes: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = key if equals else word[:-1]
        if key in changes:
            raise Failure("error: can not both modify and remove a label in the same command")
        changes[key] = value if equals else None
    return changes


def _change(
    session: Session,
    target: objects.Target,
    field: str,
    done: str,
    changes: dict[str, str | None],
    options: dict[str, Any],
    heading: bool,
) -> None:
    current = session.api.tree("GET", target.path)
    have: dict[str, str] = current["metadata"].get(field) or {}
    if options["list_them"]:
        if heading:
            group = target.resource.group
            kind = f"{target.resource.kind}.{group}" if group else target.resource.kind
            click.echo(f"Listing {field} for {kind}/{target.name}:")
        for key, value in sorted(have.items()):
            click.echo(f"{' ' if heading else ''}{key}={value}")
        return
    for key, new in changes.items():
        # Each change has a cause of its own: that one may always be replaced.
        kept = not options["overwrite"] and key != writes.CHANGE_CAUSE
        if new is not None and have.get(key, new) != new and kept:
            raise Failure(_refusal(field, key, have[key]))
        if new is None and key not in have and field == "labels":
            click.echo(f'{field[:-1]} "{key}" not found.')
    wanted = {key: value for key, value in changes.items() if have.get(key) != value}
    if not wanted:
        said = f"not {done}" if field == "labels" else done
        writes.report(target, said, current, options["output"], options["dry_run"])
        return
    change = {"metadata": {field: wanted}}
    if options["dry_run"] == "client":
        current = writes.patched_here(current, change, "merge")
    else:
        current = writes.patch(session, target, change, dry_run=options["dry_run"])
    removed = all(value is None for value in wanted.values()) and field == "labels"
    writes.report(target, "unlabeled" if removed else done, current, options["output"], options["dry_run"])


def _refusal(field: str, key: str, value: str) -> str:
    has = f"'{key}' already has a value ({value})"
    if field == "labels":
        return f"error: {has}, and --overwrite is false"
    return f"error: --overwrite is false but found the following declared annotation(s): {has}"


command = metadata_command("label", "labels", "labeled")
