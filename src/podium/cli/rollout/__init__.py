"""`podium rollout`: status, history, undo, pause, resume and restart of Deployments, DaemonSets and StatefulSets.

`undo` puts the template of an earlier revision back into the workload, and into the annotation that `apply` compares
with, so that fields which the undone revision had dropped are not lost track of: the next `apply` sees them and can
remove them.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.describe.pod_template import describe_pod_template
from podium.cli.describe.tabs import align
from podium.cli.failure import Failure
from podium.cli.logs import seconds
from podium.cli.printers import printer, say, table_text
from podium.cli.rollout.history import REVISION, Revision, chosen, revisions_of, template_of
from podium.cli.rollout.status import rollout_status
from podium.cli.session import Session, connected, dry_run, filenames, label_selector, output, record
from podium.clock import RealClock

Tree = dict[str, Any]
KINDS = ("Deployment", "DaemonSet", "StatefulSet")
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
# What belongs to the Deployment and is not taken back from a ReplicaSet (kubectl's annotationsToSkip).
_KEPT = (
    writes.LAST_APPLIED,
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)


@click.group("rollout")
def command() -> None:
    """Manage the rollout of a Deployment, DaemonSet or StatefulSet."""


_NO_HISTORY = 'no history viewer has been implemented for "{kind}"'
_NO_ROLLBACK = 'no rollbacker has been implemented for "{kind}"'
_NO_STATUS = "no status viewer has been implemented for {kind}"


def _workloads(
    session: Session, words: tuple[str, ...], options: dict[str, Any], refusal: str, kinds: tuple[str, ...] = KINDS
) -> list[objects.Target]:
    """What the command line names; a type alone means all of them. `refusal`: what is said of other kinds."""
    filenames = options.get("filenames") or ()
    if not words and not filenames:
        raise Failure("error: required resource not specified")
    selector = options.get("selector") or ""
    everything = objects.only_a_type(words)
    targets = objects.select(session, words, filenames, selector=selector, everything=everything)
    for target in targets:
        if target.resource.kind not in kinds:
            resource = target.resource
            plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            raise Failure("error: " + refusal.format(kind=resource.kind, resource=f'{plural} "{target.name}"'))
    return targets


@command.command("history")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@click.option("--revision", "number", type=click.IntRange(min=0), default=0, help="Show this revision in detail.")
@output
@connected
def history(session: Session, words: tuple[str, ...], number: int, output: str, **options: Any) -> None:
    """Which revisions there are: number, when, images, cause."""
    for target in _workloads(session, words, options, _NO_HISTORY):
        workload = session.api.tree("GET", target.path)
        revisions = revisions_of(session, workload)
        if number:
            revisions = [revision for revision in revisions if revision.number == number]
            if not revisions:
                raise Failure("error: unable to find the specified revision")
        if show := printer(output) if output else None:
            for revision in revisions:
                say(show([revision.applied_to(workload)], single=True))
            continue
        if number:
            _show_revision(target, revisions[0])
            continue
        rows = [[str(row.number), row.when, row.images, row.cause or "<none>"] for row in revisions]
        click.echo(target.title)
        say(table_text([["REVISION", "WHEN", "IMAGES", "CHANGE-CAUSE"], *rows]))
        click.echo()


def _show_revision(target: objects.Target, found: Revision) -> None:
    click.echo(f"{target.title} with revision #{found.number}")
    say(_revision_text(found))


def _revision_text(found: Revision) -> str:
    # With the hash label, as the ReplicaSet has it.
    template = found.item["spec"]["template"] if "spec" in found.item else found.template
    return align(describe_pod_template(template, {writes.CHANGE_CAUSE: found.cause} if found.cause else {}))


@command.command("undo")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@click.option("--to-revision", type=int, default=0, help="Which revision; 0: the one before.")
@dry_run
@output
@connected
def undo(session: Session, words: tuple[str, ...], to_revision: int, dry_run: str, output: str, **options: Any) -> None:
    """Go back to an earlier revision."""

    def one(target: objects.Target) -> None:
        workload = session.api.tree("GET", target.path)
        if workload["spec"].get("paused"):
            raise Failure(
                f'error: you cannot rollback a paused deployment; resume it first with "podium rollout resume'
                f' {target.title}" and try again'
            )
        wanted = chosen(revisions_of(session, workload), to_revision, target.title)
        if wanted.template == template_of(workload):
            click.echo(f"{target.title} skipped rollback (current template already matches revision {wanted.number})")
            return
        if dry_run == "client":
            click.echo(f"{target.title} will roll back to {_revision_text(wanted)} (dry run)")
            return
        changed = writes.patch(session, target, undo_patch(workload, wanted), "json", dry_run=dry_run)
        writes.report(target, "rolled back", changed, output, dry_run)

    writes.each(_workloads(session, words, options, _NO_ROLLBACK), one)


def undo_patch(workload: Tree, wanted: Revision) -> list[Tree]:
    """The JSON patch that brings template and annotations back, guarded by the version that was looked at."""
    annotations: dict[str, str] = dict(workload["metadata"].get("annotations") or {})
    if workload["kind"] == "Deployment":
        then: dict[str, str] = wanted.item["metadata"].get("annotations") or {}
        annotations = {key: value for key, value in annotations.items() if key in _KEPT}
        annotations |= {key: value for key, value in then.items() if key not in _KEPT}
    elif wanted.cause:
        annotations[writes.CHANGE_CAUSE] = wanted.cause
    if writes.LAST_APPLIED in annotations:
        applied = json.loads(annotations[writes.LAST_APPLIED])
        applied.setdefault("spec", {})["template"] = wanted.template
        annotations[writes.LAST_APPLIED] = writes.last_applied(applied)
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": workload["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": wanted.template},
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]


def _spec_change(name: str, summary: str, done: str) -> click.Command:
    """`pause` and `resume`: the same command with another value."""
    paused = name == "pause"

    @command.command(name, help=summary)
    @click.argument("words", nargs=-1)
    @filenames
    @label_selector
    @record
    @output
    @connected
    def change(session: Session, words: tuple[str, ...], output: str, record: bool, **options: Any) -> None:
        def one(target: objects.Target) -> None:
            deployment = session.api.tree("GET", target.path)
            if bool(deployment["spec"].get("paused")) == paused:
                state = "already paused" if paused else "not paused"
                raise Failure(f'error: deployments.apps "{target.name}" is {state}')
            patch: Tree = {"spec": {"paused": True if paused else None}}
            changed = writes.patch(session, target, writes.with_change_cause(patch) if record else patch)
            writes.report(target, done, changed, output)

        doing = "pausing" if paused else "resuming"
        writes.each(_workloads(session, words, options, f"{{resource}} {doing} is not supported", ("Deployment",)), one)

    return change


pause = _spec_change("pause", "Hold the rollout where it is.", "paused")
resume = _spec_change("resume", "Go on with a rollout that was held.", "resumed")


@command.command("restart")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@record
@output
@connected
def restart(session: Session, words: tuple[str, ...], output: str, record: bool, **options: Any) -> None:
    """Replace all Pods, at a rolling update's pace."""

    def one(target: objects.Target) -> None:
        if session.api.tree("GET", target.path)["spec"].get("paused"):
            raise Failure(
                f'error: deployments.apps "{target.name}" can\'t restart paused deployment (run rollout resume first)'
            )
        at = RealClock().now().strftime("%Y-%m-%dT%H:%M:%SZ")
        patch: Tree = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}
        changed = writes.patch(session, target, writes.with_change_cause(patch) if record else patch, "strategic")
        writes.report(target, "restarted", changed, output)

    writes.each(_workloads(session, words, options, "{resource} restarting is not supported"), one)


@command.command("status")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@click.option("-w", "--watch/--no-watch", default=True, help="Wait until the rollout is done.")
@click.option("--timeout", default="0s", help="How long to wait; 0s: without limit.")
@click.option("--revision", type=click.IntRange(min=0), default=0, help="Fail when another revision takes over.")
@connected
def status(session: Session, words: tuple[str, ...], watch: bool, timeout: str, revision: int, **options: Any) -> None:
    """Say how far the rollout is; with --watch until it is done."""
    limit = 0 if timeout in ("0", "0s") else seconds(timeout)
    for target in _workloads(session, words, options, _NO_STATUS):
        with closing(_observed(session, target, watch, limit)) as states:
            for workload in states:
                message, done = rollout_status(workload, revision)
                click.echo(message)
                if done:
                    break
            else:
                if watch:
                    raise Failure("error: timed out waiting for the condition")


def _observed(session: Session, target: objects.Target, watch: bool, limit: int) -> Generator[Tree]:
    query = {"fieldSelector": f"metadata.name={target.name}"}
    listing = session.api.tree("GET", target.collection, query=query)
    if not listing.get("items"):
        plural = f"{target.resource.plural}.{target.resource.group}"
        raise Failure(f'Error from server (NotFound): {plural} "{target.name}" not found')
    yield {"kind": target.resource.kind, **listing["items"][0]}
    if not watch:
        return
    query |= {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
    if limit:
        query["timeoutSeconds"] = str(limit)
    with closing(session.api.stream(target.collection, query=query)) as lines:
        for line in lines:
            event = json.loads(line)
            if event["type"] == "DELETED":
                raise Failure("error: object has been deleted")
            if event["type"] in ("ADDED", "MODIFIED"):
                yield event["object"]
