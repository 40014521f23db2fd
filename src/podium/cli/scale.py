"""`podium scale`: set the number of replicas through the scale subresource."""

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
    filenames,
    label_selector,
    output,
    record,
    recursive,
)


@click.command("scale")
@click.argument("words", nargs=-1)
@filenames
@recursive
@label_selector
@all_namespaces
@output
@dry_run
@record
@click.option("--replicas", type=int, required=True, help="How many replicas there shall be.")
@click.option("--current-replicas", type=int, default=-1, help="Only if there are so many now.")
@click.option("--resource-version", default="", help="Only if the object is at this version.")
@click.option("--all", "everything", is_flag=True, help="Every object of the type in the namespace.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Set the number of replicas: `scale deploy/web --replicas=3`."""
    if options["replicas"] < 0:
        raise Failure("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    targets = objects.select(
        session,
        words,
        options["filenames"],
        recursive=options["recursive"],
        selector=options["selector"],
        everything=options["everything"],
    )
    if not targets:
        raise Failure("error: no objects passed to scale")
    writes.each(targets, lambda target: _scale(session, target, options))


def _scale(session: Session, target: objects.Target, options: dict[str, Any]) -> None:
    document = session.api.tree("GET", target.path)
    path = target.resource.path(target.namespace, target.name, "scale")
    scale = session.api.tree("GET", path)
    wanted, current, version = options["replicas"], options["current_replicas"], options["resource_version"]
    if current >= 0 and scale["spec"].get("replicas", 0) != current:
        raise Failure(f"error: Expected replicas to be {current}, was {scale['spec'].get('replicas', 0)}")
    if version and scale["metadata"].get("resourceVersion") != version:
        raise Failure(
            f"error: Expected resource version to be {version}, was {scale['metadata'].get('resourceVersion')}"
        )
    scale["spec"]["replicas"] = wanted
    if current < 0 and not version:
        scale["metadata"].pop("resourceVersion", None)
    if options["dry_run"] != "client":
        session.api.tree("PUT", path, body=scale, query=writes.write_query(options["dry_run"]))
        if options["record"] and options["dry_run"] == "none":
            writes.note_change_cause(session, target)
        if options["output"] and options["dry_run"] == "none":
            document = session.api.tree("GET", target.path)
    writes.report(target, "scaled", document, options["output"], options["dry_run"])
