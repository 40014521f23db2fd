"""`podium apply`: make objects be what the documents say, leaving alone what others set.

The three-way merge of kubectl: what the last applied document had and this one hasn't is removed; what this one has is
set; everything else stays. What was applied is kept in the annotation that kubectl uses, so the two can take turns.
"""

from __future__ import annotations

import json
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.printers import printer, say
from podium.cli.rest import PATCHES, YAML, ServerError
from podium.cli.session import Session, connected, dry_run, field_manager, filenames, output, record, recursive


@click.command("apply")
@filenames
@recursive
@output
@dry_run
@field_manager
@record
@click.option("--validate", default="strict", help="strict, warn or ignore: what unknown fields are.")
@click.option("--server-side", is_flag=True, help="Let the server merge (server-side apply).")
@click.option("--force-conflicts", is_flag=True, help="With --server-side: take over fields of other managers.")
@connected
def command(session: Session, filenames: tuple[str, ...], recursive: bool, output: str, **options: Any) -> None:
    """Make objects be what documents say: `apply -f FILE`."""
    if not filenames:
        raise Failure("error: must specify one of -f and -k")
    if options["server_side"] and options["dry_run"] == "client":
        raise Failure(
            "error: --dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)"
        )
    if options["force_conflicts"] and not options["server_side"]:
        raise Failure("error: --force-conflicts only works with --server-side")
    options["validate"] = writes.validation(options["validate"])
    targets = objects.of_files(session, filenames, recursive)
    if not targets:
        raise Failure("error: no objects passed to apply")
    collected: list[dict[str, Any]] | None = None if output in ("", "name") or len(targets) == 1 else []
    try:
        writes.each(targets, lambda target: _apply(session, target, output, collected, **options))
    finally:
        if collected:
            _show_list(collected, output)


def _show_list(collected: list[dict[str, Any]], output: str) -> None:
    show = printer(output)
    if show is not None:
        say(show(collected, single=False))


def _apply(
    session: Session,
    target: objects.Target,
    output: str,
    collected: list[dict[str, Any]] | None,
    *,
    server_side: bool,
    **options: Any,
) -> None:
    """Apply one document, and say what came of it, or keep it for the list that is shown at the end."""
    if not target.name:
        if generate := ((target.document or {}).get("metadata") or {}).get("generateName"):
            raise Failure(f"error: from {generate}: cannot use generate name with apply")
        raise Failure("error: resource name may not be empty")
    verb, document = (_server_side if server_side else _client_side)(session, target, **options)
    if collected is None:
        writes.report(target, verb, document, output, options["dry_run"])
    else:
        collected.append(document)


def apply(session: Session, target: objects.Target) -> None:
    """Apply one document, and say what came of it."""
    verb, document = _client_side(session, target)
    writes.report(target, verb, document, "")


def _client_side(
    session: Session,
    target: objects.Target,
    *,
    dry_run: str = "none",
    field_manager: str = "podium",
    record: bool = False,
    validate: str = "Strict",
    **_: Any,
) -> tuple[str, dict[str, Any]]:
    """What was done, and the object as it is then."""
    modified = target.document or {}
    if record:
        writes.with_change_cause(modified)
    applied = writes.last_applied(modified)
    annotations = dict(modified.setdefault("metadata", {}).get("annotations") or {})
    modified["metadata"]["annotations"] = annotations | {writes.LAST_APPLIED: applied}
    query = writes.write_query(dry_run, field_manager, validate)
    try:
        current: dict[str, Any] = session.api.tree("GET", target.path)
    except ServerError as problem:
        if problem.code != 404:
            raise
        return "created", modified if dry_run == "client" else writes.send_new(session, target, modified, query)
    original = _original(current)
    if original is None:
        click.echo(
            f"Warning: resource {target.resource.plural}/{target.name} is missing the {writes.LAST_APPLIED} annotation"
            " which is required by podium apply. podium apply should only be used on resources created declaratively"
            " by either podium create --save-config or podium apply. The missing annotation will be patched"
            " automatically.",
            err=True,
        )
    kind, change = writes.difference(original or {}, modified, current)
    if not change:
        return "unchanged", current
    if dry_run == "client":
        return "configured", writes.patched_here(current, change, kind)
    body = json.dumps(change).encode()
    return "configured", session.api.tree("PATCH", target.path, body=body, content_type=PATCHES[kind], query=query)


_ON_CONFLICTS = """\
These fields have other managers. To take them over, add --force-conflicts; to let the others keep them, leave them out
of the document; to share them, give them the values that they have."""


def _original(current: dict[str, Any]) -> dict[str, Any] | None:
    text = (current["metadata"].get("annotations") or {}).get(writes.LAST_APPLIED)
    return json.loads(text) if text else None


def _server_side(
    session: Session,
    target: objects.Target,
    *,
    dry_run: str,
    field_manager: str,
    validate: str,
    force_conflicts: bool,
    **_: Any,
) -> tuple[str, dict[str, Any]]:
    query = writes.write_query(dry_run, field_manager, validate) | {"force": "true" if force_conflicts else "false"}
    try:
        answer = session.api.tree(
            "PATCH",
            target.path,
            body=json.dumps(target.document).encode(),
            content_type=PATCHES["apply"],
            query=query,
            accept=f"application/json,{YAML}",
        )
    except ServerError as problem:
        if problem.reason != "Conflict":
            raise
        raise Failure(f"error: {problem.status.get('message')}\n{_ON_CONFLICTS}") from None
    return "serverside-applied", answer
