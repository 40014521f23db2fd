"""`podium cordon` and `uncordon`: whether the scheduler may put Pods on a node."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.session import Session, connected, dry_run, label_selector


def nodes(session: Session, names: tuple[str, ...], selector: str) -> list[objects.Target]:
    if not names and not selector:
        raise Failure("error: one or more node names, or a selector, must be specified")
    if any("/" in name for name in names):
        return objects.select(session, names, selector=selector)
    return objects.select(session, ("nodes", *names), selector=selector)


def set_unschedulable(session: Session, target: objects.Target, wanted: bool, dry_run: str = "none") -> None:
    """Mark the node, and say so; say that it was so already if it was."""
    word = "cordoned" if wanted else "uncordoned"
    node = session.api.tree("GET", target.path)
    if bool(node["spec"].get("unschedulable")) == wanted:
        writes.report(target, f"already {word}", node, "", dry_run)
        return
    if dry_run != "client":
        writes.patch(session, target, {"spec": {"unschedulable": True if wanted else None}}, dry_run=dry_run)
    writes.report(target, word, None, "", dry_run)


def _command(verb: str, wanted: bool, summary: str) -> click.Command:
    @click.command(verb, help=summary)
    @click.argument("names", nargs=-1)
    @label_selector
    @dry_run
    @connected
    def command(session: Session, names: tuple[str, ...], **options: Any) -> None:
        targets = nodes(session, names, options["selector"])
        writes.each(targets, lambda target: set_unschedulable(session, target, wanted, options["dry_run"]))

    return command


command = _command("cordon", True, "Keep new Pods off nodes: `cordon node-1`.")
uncordon = _command("uncordon", False, "Let Pods onto nodes again: `uncordon node-1`.")
