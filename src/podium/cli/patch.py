"""`podium patch`: change fields of an object with a strategic, merge or JSON patch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.session import Session, connected, dry_run, filenames, output, record
from podium.machinery.documents import read_documents
from podium.machinery.errors import StatusError


@click.command("patch")
@click.argument("words", nargs=-1)
@filenames
@output
@dry_run
@record
@click.option("-p", "--patch", "text", default="", help="The patch, as JSON or YAML.")
@click.option("--patch-file", default="", help="A file with the patch.")
@click.option("--type", "patch_type", type=click.Choice(["strategic", "merge", "json"]), default="strategic")
@click.option("--subresource", default="", help="status or scale.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Change fields of an object: `patch deploy/web -p '{"spec":{"replicas":5}}'`."""
    if options["text"] and options["patch_file"]:
        raise Failure("error: cannot specify --patch and --patch-file together")
    text = Path(options["patch_file"]).read_text() if options["patch_file"] else options["text"]
    if not text:
        raise Failure("error: must specify --patch or --patch-file containing the contents of the patch")
    try:
        change = next(iter(read_documents(text.encode())))
    except (StatusError, StopIteration) as problem:
        raise Failure(f"error: unable to parse the patch: {problem}") from None
    targets = objects.select(session, words, options["filenames"])
    writes.each(targets, lambda target: _patch(session, target, change, options))


def _patch(session: Session, target: objects.Target, change: Any, options: dict[str, Any]) -> None:
    before = session.api.tree("GET", target.path)
    if options["record"] and isinstance(change, dict):
        writes.with_change_cause(change)
    place = target
    if options["subresource"]:
        place = objects.Target(target.resource, target.namespace, f"{target.name}/{options['subresource']}")
    if options["dry_run"] == "client":
        after = writes.patched_here(before, change, options["patch_type"])
    else:
        after = writes.patch(session, place, change, options["patch_type"], dry_run=options["dry_run"])
    changed = before["metadata"].get("resourceVersion") != after["metadata"].get("resourceVersion")
    verb = "patched" if changed or options["dry_run"] != "none" else "patched (no change)"
    writes.report(target, verb, after, options["output"], options["dry_run"])
