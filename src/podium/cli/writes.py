"""Sending changes: what the verbs that write have in common."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from podium.cli.failure import Failure
from podium.cli.objects import Target
from podium.cli.printers import Printer, printer, say
from podium.cli.rest import PATCHES, ServerError
from podium.cli.session import Session
from podium.machinery import patch_json, patch_merge, patch_strategic, strategic_diff
from podium.machinery.errors import StatusError
from podium.models.resources import by_kind

Tree = dict[str, Any]

CHANGE_CAUSE = "kubernetes.io/change-cause"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def command_line() -> str:
    """This command as it was typed, for the change cause."""
    return " ".join(["podium", *sys.argv[1:]])


def write_query(dry_run: str, field_manager: str = "podium", validation: str = "") -> dict[str, str]:
    query = {"fieldManager": field_manager}
    if dry_run == "server":
        query["dryRun"] = "All"
    if validation:
        query["fieldValidation"] = validation
    return query


def validation(flag: str) -> str:
    """The fieldValidation that --validate asks for."""
    known = {"true": "Strict", "strict": "Strict", "warn": "Warn", "ignore": "Ignore", "false": "Ignore"}
    if flag not in known:
        raise Failure(
            f'error: invalid - validate option "{flag}"; must be one of: strict (or true), warn, ignore (or false)'
        )
    return known[flag]


def patch(
    session: Session, target: Target, change: Any, patch_type: str = "merge", *, dry_run: str = "none", **query: str
) -> Tree:
    """Send a patch; the object as it is then."""
    sent: Tree = session.api.tree(
        "PATCH",
        target.path,
        body=json.dumps(change).encode(),
        content_type=PATCHES[patch_type],
        query=write_query(dry_run) | query,
    )
    return sent


def patched_here(document: Tree, change: Any, patch_type: str = "strategic") -> Tree:
    """What a patch would make of an object, worked out without the server (--dry-run=client)."""
    resource = by_kind(document.get("apiVersion") or "", document.get("kind") or "")
    try:
        if patch_type == "json":
            result: Tree = patch_json.apply(document, change)
        elif patch_type == "strategic" and resource is not None:
            result = patch_strategic.apply(document, change, resource.model)
        else:
            result = patch_merge.apply(document, change)
    except StatusError as problem:
        raise Failure(f"error: {problem.message}") from None
    return result


def send_new(session: Session, target: Target, document: Tree, query: dict[str, str]) -> Tree:
    """Create the object; as it is then. An error names the file that the document is from."""
    try:
        sent: Tree = session.api.tree("POST", target.collection, body=document, query=query)
    except ServerError as problem:
        if target.source:
            raise problem.because(f'error when creating "{target.source}": ') from None
        raise
    return sent


def difference(original: Tree, modified: Tree, current: Tree) -> tuple[str, Tree]:
    """The patch, and its type, that brings an object from `current` to `modified`, dropping what only `original` had.

    Strategic for Kubernetes' own kinds; merge for custom resources, which know no merge keys.
    """
    resource = by_kind(modified.get("apiVersion") or "", modified.get("kind") or "")
    if resource is None:
        return "merge", patch_merge.three_way(original, modified, current)
    return "strategic", strategic_diff.three_way(original, modified, current, resource.model)


def report(target: Target, verb: str, document: Tree | None, output: str, dry_run: str = "none") -> None:
    """Say what was done: a line such as "deployment.apps/web scaled", or the object as -o says."""
    show = _printer_of_this_command(output) if output else None
    if show and document is not None:
        say(show([document], single=True))
        return
    suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(dry_run, "")
    click.echo(f"{target.title} {verb}{suffix}")


def _printer_of_this_command(output: str) -> Printer | None:
    """One for all objects that a command shows: it knows what it has printed."""
    shown: dict[str, Printer | None] = click.get_current_context().meta.setdefault("podium.printers", {})
    if output not in shown:
        shown[output] = printer(output)
    return shown[output]


def each(targets: Sequence[Target | Failure], action: Callable[[Target], Any]) -> None:
    """Do the action for each target; a failure of one doesn't keep the others from being done."""
    failures = 0
    for target in targets:
        try:
            if isinstance(target, Failure):
                raise target
            action(target)
        except Failure as problem:
            if len(targets) == 1:
                raise
            click.echo(problem.text, err=True)
            failures += 1
    if failures:
        raise SystemExit(1)


def with_change_cause(document: Tree) -> Tree:
    metadata = document.setdefault("metadata", {})
    annotations = dict(metadata.get("annotations") or {})
    annotations[CHANGE_CAUSE] = command_line()
    metadata["annotations"] = annotations
    return document


def note_change_cause(session: Session, target: Target) -> None:
    patch(session, target, {"metadata": {"annotations": {CHANGE_CAUSE: command_line()}}})


def last_applied(document: Tree) -> str:
    """What kubectl keeps of the document that was applied: the whole of it, compact, one line."""
    kept = json.loads(json.dumps(document))
    metadata = kept.setdefault("metadata", {})
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    metadata["annotations"] = annotations
    return json.dumps(kept, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
