"""`podium delete`: delete objects, and wait until they are gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.logs import seconds
from podium.cli.rest import ServerError
from podium.cli.session import (
    Session,
    all_namespaces,
    connected,
    dry_run,
    field_selector,
    filenames,
    label_selector,
    recursive,
)
from podium.clock import RealClock


def _propagation(value: str) -> str:
    """`true` and `false` are what --cascade took before it had words."""
    if value in ("true", "false"):
        word = "background" if value == "true" else "orphan"
        text = f"--cascade={value} is deprecated (boolean value) and can be replaced with --cascade={word}."
        click.echo(f"warning: {text}", err=True)
        return word
    if value not in ("background", "foreground", "orphan"):
        raise Failure(f'error: invalid cascade value ({value}). Must be "background", "foreground", or "orphan"')
    return value


@click.command("delete")
@click.argument("words", nargs=-1)
@filenames
@recursive
@label_selector
@field_selector
@all_namespaces
@dry_run
@click.option("--all", "everything", is_flag=True, help="Every object of the type in the namespace.")
@click.option(
    "--cascade",
    default="background",
    is_flag=False,
    flag_value="background",
    callback=lambda _context, _option, value: _propagation(value),
    help="What becomes of the objects that belong to it: background, foreground or orphan.",
)
@click.option("--grace-period", type=int, default=-1, help="Seconds that Pods have to end.")
@click.option("--now", "at_once", is_flag=True, help="The same as --grace-period=1.")
@click.option("--force", is_flag=True, help="Don't wait for a Pod's processes to end.")
@click.option("--wait/--no-wait", default=True, help="Wait until the objects are gone.")
@click.option("--timeout", default="0s", help="How long to wait until the objects are gone; 0s: without limit.")
@click.option("--ignore-not-found", is_flag=True, help="Succeed when an object doesn't exist.")
@click.option("-o", "--output", default="", help="name: print only the names.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Delete objects: `delete pod web-1`, `delete -f FILE`, `delete pods -l app=web`."""
    _check(words, options)
    targets: Sequence[objects.Target | Failure] = (
        objects.of_files(session, options["filenames"], options["recursive"])
        if options["filenames"] and not words
        else objects.select(
            session,
            words,
            options["filenames"],
            selector=options["selector"],
            field_selector=options["field_selector"],
            everything=options["everything"],
        )
    )
    if not targets:
        click.echo("No resources found")
        return
    if options["force"]:
        click.echo(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated."
            " The resource may continue to run on the cluster indefinitely.",
            err=True,
        )
    deleted: list[tuple[objects.Target, str]] = []
    writes.each(targets, lambda target: deleted.extend(_delete(session, target, options)))
    if options["wait"] and options["dry_run"] == "none":
        until = deadline(options["timeout"])
        for target, uid in deleted:
            wait_until_gone(session, target, uid, until)


def _check(words: tuple[str, ...], options: dict[str, Any]) -> None:
    """Failure if the flags contradict each other: nothing is deleted on a misunderstanding."""
    if options["output"] not in ("", "name"):
        raise Failure(f"error: unexpected -o output mode: {options['output']}. We only support '-o name'")
    if options["everything"] and options["selector"]:
        raise Failure("error: setting 'all' parameter but found a non empty selector. ")
    if options["everything"] and any("/" in word for word in words):
        raise Failure("error: selectors and the all flag cannot be used when passing resource/name arguments")
    if options["everything"] and len(words) > 1:
        raise Failure("error: name cannot be provided when a selector is specified")
    if options["at_once"] and options["grace_period"] != -1:
        raise Failure("error: --now and --grace-period cannot be specified together")
    if options["force"] and options["grace_period"] > 0:
        raise Failure("error: --force and --grace-period greater than 0 cannot be specified together")


def _delete(session: Session, target: objects.Target, options: dict[str, Any]) -> list[tuple[objects.Target, str]]:
    body: dict[str, Any] = {"propagationPolicy": options["cascade"].capitalize()}
    grace = 0 if options["force"] else 1 if options["at_once"] else options["grace_period"]
    if grace >= 0:
        body["gracePeriodSeconds"] = grace
    uid = ""
    if options["dry_run"] != "client":
        try:
            answer = session.api.tree("DELETE", target.path, body=body, query=_query(options["dry_run"]))
        except ServerError as problem:
            if problem.code == 404 and options["ignore_not_found"]:
                return []
            if target.source:
                raise problem.because(f'error when deleting "{target.source}": ') from None
            raise
        details = answer.get("details") or {}
        uid = details.get("uid") or (answer.get("metadata") or {}).get("uid") or ""
    if options["output"] == "name":
        click.echo(target.title)
    else:
        suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(options["dry_run"], "")
        where = f" from {target.namespace} namespace" if target.namespace else ""
        forced = " force deleted" if options["force"] else " deleted"
        click.echo(f'{target.resource.type_name} "{target.name}"{forced}{where}{suffix}')
    return [(target, uid)]


def _query(dry_run: str) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run == "server" else {}


def deadline(timeout: str) -> float | None:
    """When the time is over that a duration such as "30s" gives; None: never."""
    limit = 0 if timeout in ("0", "0s") else seconds(timeout)
    return RealClock().monotonic() + limit if limit else None


def wait_until_gone(session: Session, target: objects.Target, uid: str, until: float | None = None) -> None:
    """Watch until the object, or the one of that uid, no longer exists; Failure if it still does when time is over."""
    query = {"fieldSelector": f"metadata.name={target.name}"}
    while True:
        listing = session.api.tree("GET", target.collection, query=query)
        found = listing.get("items") or []
        if not found or (uid and found[0]["metadata"]["uid"] != uid):
            return
        watch = query | {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
        if until is not None:
            left = until - RealClock().monotonic()
            if left <= 0:
                raise Failure(f"error: timed out waiting for the condition on {target.resource.plural}/{target.name}")
            watch["timeoutSeconds"] = str(ceil(left))
        for line in session.api.stream(target.collection, query=watch):
            if json.loads(line)["type"] == "DELETED":
                return
