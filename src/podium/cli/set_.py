"""`podium set image`: set the images of a workload's containers."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.session import Session, all_namespaces, connected, dry_run, filenames, label_selector, output, record


@click.group("set")
def command() -> None:
    """Set the image of containers: `set image deploy/web web=nginx:1.28`."""


@command.command("image")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@all_namespaces
@output
@dry_run
@record
@click.option("--all", "everything", is_flag=True, help="Every object of the type in the namespace.")
@connected
def image(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Set images: CONTAINER=IMAGE for one container, *=IMAGE for all."""
    names = [word for word in words if "=" not in word]
    images = dict(word.split("=", 1) for word in words if "=" in word)
    if not names and not options["filenames"]:
        raise Failure(objects.NOTHING_NAMED)
    if not images:
        raise Failure("error: at least one image update is required")
    targets = objects.select(
        session,
        names,
        options["filenames"],
        selector=options["selector"],
        everything=options["everything"],
    )
    writes.each(targets, lambda target: _set_image(session, target, images, options))


def pod_spec_path(kind: str) -> tuple[str, ...]:
    """Where a kind keeps its Pods' spec."""
    return {
        "Pod": ("spec",),
        "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    }.get(kind, ("spec", "template", "spec"))


def _set_image(session: Session, target: objects.Target, images: dict[str, str], options: dict[str, Any]) -> None:
    current = session.api.tree("GET", target.path)
    path = pod_spec_path(target.resource.kind)
    spec: dict[str, Any] = current
    for field in path:
        spec = spec.get(field) or {}
    change: dict[str, Any] = {}
    known: set[str] = set()
    for group in ("containers", "initContainers"):
        containers = spec.get(group) or []
        known.update(container["name"] for container in containers)
        wanted = [
            {"name": container["name"], "image": images.get(container["name"], images.get("*"))}
            for container in containers
            if images.get(container["name"], images.get("*")) not in (None, container.get("image"))
        ]
        if wanted:
            change[group] = wanted
    for name in images:
        if name != "*" and name not in known:
            raise Failure(f'error: unable to find container named "{name}"')
    if not change:
        return
    patch: dict[str, Any] = change
    for field in reversed(path):
        patch = {field: patch}
    if options["record"]:
        writes.with_change_cause(patch)
    if options["dry_run"] == "client":
        current = writes.patched_here(current, patch)
    else:
        current = writes.patch(session, target, patch, "strategic", dry_run=options["dry_run"])
    writes.report(target, "image updated", current, options["output"], options["dry_run"])
