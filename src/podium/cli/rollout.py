"""`podium rollout`: status, history, undo, pause, resume and restart of Deployments.

History is what the ReplicaSets keep: each carries the revision it stood for. `undo` puts the template of a ReplicaSet
back into the Deployment, and into the annotation that `apply` compares with, so that fields which the undone revision
had dropped are not lost track of: the next `apply` sees them and can remove them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.describe.pod_template import describe_pod_template
from podium.cli.describe.tabs import align
from podium.cli.failure import Failure
from podium.cli.printers import printer, say, table_text
from podium.cli.session import Session, connected, dry_run, filenames, label_selector, output, record

Tree = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
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
    """Manage the rollout of a Deployment."""


def _deployments(session: Session, words: tuple[str, ...], options: dict[str, Any]) -> list[objects.Target]:
    targets = objects.select(session, words, options.get("filenames") or (), selector=options.get("selector") or "")
    for target in targets:
        if target.resource.kind != "Deployment":
            raise Failure(f"error: {target.title}: rollouts of a {target.resource.kind} are not supported")
    return targets


def replica_sets(session: Session, deployment: Tree) -> list[Tree]:
    """The ReplicaSets that the Deployment controls, oldest revision first."""
    resource = session.catalog.find("replicasets.apps")
    labels = deployment["spec"]["selector"].get("matchLabels") or {}
    query = objects.query_of(",".join(f"{key}={value}" for key, value in labels.items()))
    listing = session.api.tree("GET", resource.path(deployment["metadata"]["namespace"]), query=query)
    own = [
        item
        for item in listing.get("items") or ()
        if any(
            owner.get("controller") and owner["uid"] == deployment["metadata"]["uid"]
            for owner in item["metadata"].get("ownerReferences") or ()
        )
    ]
    return sorted(own, key=revision_of)


def revision_of(item: Tree) -> int:
    text = (item["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


@command.command("history")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@click.option("--revision", type=click.IntRange(min=0), default=0, help="Show this revision in detail.")
@output
@connected
def history(session: Session, words: tuple[str, ...], revision: int, output: str, **options: Any) -> None:
    """Which revisions there are: number, when, images, cause."""
    for target in _deployments(session, words, options):
        deployment = session.api.tree("GET", target.path)
        revisions = {revision_of(item): item for item in replica_sets(session, deployment) if revision_of(item)}
        if not revision:
            click.echo(target.title)
            say(table_text([["REVISION", "WHEN", "IMAGES", "CHANGE-CAUSE"], *map(_history_row, revisions.values())]))
            click.echo()
            continue
        if revision not in revisions:
            raise Failure(f"error: unable to find the specified revision {revision}")
        show = printer(output) if output else None
        if show:
            say(show([revisions[revision]], single=True))
            continue
        click.echo(f"{target.title} with revision #{revision}")
        item = revisions[revision]
        template = item["spec"]["template"]
        cause = (item["metadata"].get("annotations") or {}).get(writes.CHANGE_CAUSE)
        say(align(describe_pod_template(template, extra_annotations={writes.CHANGE_CAUSE: cause} if cause else {})))


def _history_row(item: Tree) -> list[str]:
    containers = item["spec"]["template"]["spec"].get("containers") or ()
    cause = (item["metadata"].get("annotations") or {}).get(writes.CHANGE_CAUSE)
    images = ",".join(container.get("image", "") for container in containers)
    return [str(revision_of(item)), item["metadata"].get("creationTimestamp") or "", images, cause or "<none>"]


@command.command("undo")
@click.argument("words", nargs=-1)
@filenames
@label_selector
@click.option("--to-revision", type=click.IntRange(min=0), default=0, help="Which revision; 0: the one before.")
@dry_run
@output
@connected
def undo(session: Session, words: tuple[str, ...], to_revision: int, dry_run: str, output: str, **options: Any) -> None:
    """Go back to an earlier revision."""
    for target in _deployments(session, words, options):
        deployment = session.api.tree("GET", target.path)
        if deployment["spec"].get("paused"):
            raise Failure(
                f'error: you cannot rollback a paused deployment; resume it first with "podium rollout resume'
                f' {target.title}" and try again'
            )
        wanted = _revision(replica_sets(session, deployment), to_revision)
        template = _template(wanted)
        if template == _template({"spec": deployment["spec"]}):
            click.echo(
                f"{target.title} skipped rollback (current template already matches revision {revision_of(wanted)})"
            )
            continue
        changed = deployment
        if dry_run != "client":
            change = _undo_patch(deployment, wanted, template)
            changed = writes.patch(session, target, change, "json", dry_run=dry_run)
        writes.report(target, "rolled back", changed, output, dry_run)


def _revision(history: list[Tree], number: int) -> Tree:
    revisions = [item for item in history if revision_of(item)]
    if number:
        for item in revisions:
            if revision_of(item) == number:
                return item
        raise Failure(f"error: unable to find specified revision {number} in history")
    if len(revisions) < 2:
        raise Failure("error: no rollout history found for the deployment")
    return revisions[-2]


def _template(item: Tree) -> Tree:
    template: Tree = json.loads(json.dumps(item["spec"]["template"]))
    metadata = template.get("metadata") or {}
    labels = metadata.get("labels") or {}
    labels.pop(HASH, None)
    return template


def _undo_patch(deployment: Tree, wanted: Tree, template: Tree) -> list[Tree]:
    """The JSON patch that brings template and annotations back, guarded by the version that was looked at."""
    have: dict[str, str] = deployment["metadata"].get("annotations") or {}
    then: dict[str, str] = wanted["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in have.items() if key in _KEPT}
    annotations |= {key: value for key, value in then.items() if key not in _KEPT}
    if writes.LAST_APPLIED in annotations:
        applied = json.loads(annotations[writes.LAST_APPLIED])
        applied.setdefault("spec", {})["template"] = template
        annotations[writes.LAST_APPLIED] = writes.last_applied(applied)
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": deployment["metadata"]["resourceVersion"]},
        {"op": "replace", "path": "/spec/template", "value": template},
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

        writes.each(_deployments(session, words, options), one)

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
    """Replace all Pods, one rolling update's pace."""

    def one(target: objects.Target) -> None:
        if session.api.tree("GET", target.path)["spec"].get("paused"):
            raise Failure(f"error: {target.title} can't restart paused deployment (run rollout resume first)")
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        patch: Tree = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}
        changed = writes.patch(session, target, writes.with_change_cause(patch) if record else patch, "strategic")
        writes.report(target, "restarted", changed, output)

    writes.each(_deployments(session, words, options), one)


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
    from podium.cli.logs import seconds

    limit = 0 if timeout in ("0", "0s") else seconds(timeout)
    for target in _deployments(session, words, options):
        for deployment in _observed(session, target, watch, limit):
            message, done = rollout_status(deployment, revision)
            click.echo(message)
            if done:
                break
        else:
            if watch:
                raise Failure("error: timed out waiting for the condition")


def _observed(session: Session, target: objects.Target, watch: bool, limit: int) -> Iterator[Tree]:
    query = {"fieldSelector": f"metadata.name={target.name}"}
    listing = session.api.tree("GET", target.collection, query=query)
    if not listing.get("items"):
        raise Failure(f'Error from server (NotFound): deployments.apps "{target.name}" not found')
    yield listing["items"][0]
    if not watch:
        return
    query |= {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
    if limit:
        query["timeoutSeconds"] = str(limit)
    for line in session.api.stream(target.collection, query=query):
        event = json.loads(line)
        if event["type"] == "DELETED":
            raise Failure("error: object has been deleted")
        if event["type"] in ("ADDED", "MODIFIED"):
            yield event["object"]


def rollout_status(deployment: Tree, revision: int = 0) -> tuple[str, bool]:
    """What to say of a rollout, and whether it is done (kubectl's DeploymentStatusViewer)."""
    name, spec, state = deployment["metadata"]["name"], deployment["spec"], deployment.get("status") or {}
    if revision and revision_of(deployment) != revision:
        raise Failure(
            f"error: desired revision ({revision}) is different from the running revision ({revision_of(deployment)})"
        )
    if (deployment["metadata"].get("generation") or 0) > (state.get("observedGeneration") or 0):
        return "Waiting for deployment spec update to be observed...", False
    progressing = [entry for entry in state.get("conditions") or () if entry["type"] == "Progressing"]
    if progressing and progressing[0].get("reason") == "ProgressDeadlineExceeded":
        raise Failure(f'error: deployment "{name}" exceeded its progress deadline')
    wanted, replicas = spec.get("replicas", 1), state.get("replicas") or 0
    updated, available = state.get("updatedReplicas") or 0, state.get("availableReplicas") or 0
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return f"{waiting}{updated} out of {wanted} new replicas have been updated...", False
    if replicas > updated:
        return f"{waiting}{replicas - updated} old replicas are pending termination...", False
    if available < updated:
        return f"{waiting}{available} of {updated} updated replicas are available...", False
    return f'deployment "{name}" successfully rolled out', True
