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
def command(session: Session, filenames: tuple[str, ...], recursive: bool, **options: Any) -> None:
    """Make objects be what documents say: `apply -f FILE`."""
    if not filenames:
        raise Failure("error: must specify one of -f and -k")
    found = objects.documents(filenames, recursive)
    targets = [objects.of_document(session, document, source) for source, document in found]
    if not targets:
        raise Failure("error: no objects passed to apply")
    writes.each(targets, lambda target: _apply(session, target, **options))


def _apply(session: Session, target: objects.Target, *, server_side: bool, **options: Any) -> None:
    if not target.name:
        raise Failure("error: resource name may not be empty")
    if server_side:
        _server_side(session, target, **options)
    else:
        apply(session, target, **options)


def apply(
    session: Session,
    target: objects.Target,
    *,
    output: str = "",
    dry_run: str = "none",
    field_manager: str = "podium",
    record: bool = False,
    validate: str = "strict",
    **_: Any,
) -> None:
    """Apply one document, and say what came of it."""
    modified = target.document or {}
    if record:
        writes.with_change_cause(modified)
    applied = writes.last_applied(modified)
    annotations = dict(modified.setdefault("metadata", {}).get("annotations") or {})
    modified["metadata"]["annotations"] = annotations | {writes.LAST_APPLIED: applied}
    query = writes.write_query(dry_run, field_manager, _VALIDATION.get(validate, validate.capitalize()))
    try:
        current: dict[str, Any] = session.api.tree("GET", target.path)
    except ServerError as problem:
        if problem.code != 404:
            raise
        if dry_run != "client":
            modified = writes.send_new(session, target, modified, query)
        writes.report(target, "created", modified, output, dry_run)
        return
    original = _original(current)
    if original is None:
        click.echo(
            f"Warning: resource {target.resource.plural}/{target.name} is missing the {writes.LAST_APPLIED} annotation"
            " which is required by podium apply. podium apply should only be used on resources created declaratively."
            " The missing annotation will be patched automatically.",
            err=True,
        )
    kind, change = writes.difference(original or {}, modified, current)
    if not change:
        writes.report(target, "unchanged", current, output, dry_run)
        return
    if dry_run != "client":
        current = session.api.tree(
            "PATCH", target.path, body=json.dumps(change).encode(), content_type=PATCHES[kind], query=query
        )
    writes.report(target, "configured", current, output, dry_run)


_VALIDATION = {"true": "Strict", "false": "Ignore"}


def _original(current: dict[str, Any]) -> dict[str, Any] | None:
    text = (current["metadata"].get("annotations") or {}).get(writes.LAST_APPLIED)
    return json.loads(text) if text else None


def _server_side(
    session: Session,
    target: objects.Target,
    *,
    output: str,
    dry_run: str,
    field_manager: str,
    force_conflicts: bool,
    **_: Any,
) -> None:
    query = writes.write_query(dry_run, field_manager) | {"force": "true" if force_conflicts else "false"}
    answer = session.api.tree(
        "PATCH",
        target.path,
        body=json.dumps(target.document).encode(),
        content_type=PATCHES["apply"],
        query=query,
        accept=f"application/json,{YAML}",
    )
    writes.report(target, "serverside-applied", answer, output, dry_run)
