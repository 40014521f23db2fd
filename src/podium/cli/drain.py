"""`podium drain`: move the Pods of a node elsewhere, through evictions, so that disruption budgets are kept."""

from __future__ import annotations

import time
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.cordon import nodes, set_unschedulable
from podium.cli.delete import wait_until_gone
from podium.cli.failure import Failure
from podium.cli.logs import seconds
from podium.cli.rest import ServerError
from podium.cli.session import Session, connected, dry_run, label_selector
from podium.clock import RealClock

Tree = dict[str, Any]
RETRY_SECONDS = 5.0
"""How long to wait before an eviction is asked for again that a disruption budget refused (kubectl's)."""
MIRROR = "kubernetes.io/config.mirror"


@click.command("drain")
@click.argument("names", nargs=-1)
@label_selector
@dry_run
@click.option("--force", is_flag=True, help="Also Pods that no controller would make anew.")
@click.option("--ignore-daemonsets", is_flag=True, help="Leave the Pods of DaemonSets where they are.")
@click.option("--delete-emptydir-data", is_flag=True, help="Also Pods with emptyDir volumes, whose data is lost.")
@click.option("--grace-period", type=int, default=-1, help="Seconds that Pods have to end; -1: as they say themselves.")
@click.option("--timeout", default="0s", help="How long to go on trying; 0s: without limit.")
@click.option("--pod-selector", default="", help="Only Pods with these labels.")
@click.option("--disable-eviction", is_flag=True, help="Delete Pods, ignoring disruption budgets.")
@connected
def command(session: Session, names: tuple[str, ...], **options: Any) -> None:
    """Empty a node: `drain node-1 --ignore-daemonsets`."""
    targets = nodes(session, names, options["selector"])
    for target in targets:
        set_unschedulable(session, target, True, options["dry_run"])
    writes.each(targets, lambda target: _drain(session, target, options))


def _drain(session: Session, node: objects.Target, options: dict[str, Any]) -> None:
    pods = session.catalog.find("pods")
    query = objects.query_of(options["pod_selector"], f"spec.nodeName={node.name}")
    found: list[Tree] = session.api.tree("GET", pods.path(), query=query).get("items") or []
    leaving, problems = plan(found, options)
    if problems:
        raise Failure(f"error: unable to drain node {node.name!r}, aborting: {'; '.join(problems)}")
    limit = 0 if options["timeout"] in ("0", "0s") else seconds(options["timeout"])
    deadline = RealClock().monotonic() + limit if limit else None
    gone = []
    for pod in leaving:
        metadata = pod["metadata"]
        target = objects.Target(pods, metadata["namespace"], metadata["name"])
        click.echo(f"evicting pod {metadata['namespace']}/{metadata['name']}")
        if options["dry_run"] != "client":
            _evict(session, target, options, deadline)
            gone.append((target, metadata["uid"]))
    if options["dry_run"] == "none":
        for target, uid in gone:
            wait_until_gone(session, target, uid)
            click.echo(f"pod/{target.name} evicted")
    writes.report(node, "drained", None, "", options["dry_run"])


def plan(pods: list[Tree], options: dict[str, Any]) -> tuple[list[Tree], list[str]]:
    """Which Pods have to leave, and what stands in the way (kubectl's filters)."""
    leaving: list[Tree] = []
    problems: dict[str, list[str]] = {}
    for pod in pods:
        metadata = pod["metadata"]
        owner = next((entry for entry in metadata.get("ownerReferences") or () if entry.get("controller")), None)
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        name = f"{metadata['namespace']}/{metadata['name']}"
        if MIRROR in (metadata.get("annotations") or {}):
            continue
        if owner is not None and owner["kind"] == "DaemonSet" and not ended:
            if not options["ignore_daemonsets"]:
                problems.setdefault(
                    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", []
                ).append(name)
            continue
        has_data = any("emptyDir" in volume for volume in (pod.get("spec") or {}).get("volumes") or ())
        if has_data and not ended and not options["delete_emptydir_data"]:
            text = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
            problems.setdefault(text, []).append(name)
        elif owner is None and not ended and not options["force"]:
            text = "cannot delete Pods that declare no controller (use --force to override)"
            problems.setdefault(text, []).append(name)
        else:
            leaving.append(pod)
    return leaving, [f"{text}: {', '.join(names)}" for text, names in problems.items()]


def _evict(session: Session, pod: objects.Target, options: dict[str, Any], deadline: float | None) -> None:
    """Ask for the eviction until it is granted: a budget that refuses it now may allow it once others are back."""
    body: Tree = {}
    if options["grace_period"] >= 0:
        body["gracePeriodSeconds"] = options["grace_period"]
    query = {"dryRun": "All"} if options["dry_run"] == "server" else {}
    while True:
        try:
            if options["disable_eviction"]:
                session.api.tree("DELETE", pod.path, body=body, query=query)
            else:
                eviction = {
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": {"name": pod.name, "namespace": pod.namespace},
                    "deleteOptions": body,
                }
                session.api.tree("POST", f"{pod.path}/eviction", body=eviction, query=query)
        except ServerError as problem:
            if problem.code == 404:
                return
            if problem.code != 429:
                raise
            left = RETRY_SECONDS if deadline is None else min(RETRY_SECONDS, deadline - RealClock().monotonic())
            if left <= 0:
                raise Failure(f"error: drain did not complete within {options['timeout']}: {problem.text}") from None
            click.echo(f"error when evicting pods/{pod.name!r} (will retry after {left:g}s): {problem.text}", err=True)
            time.sleep(left)
        else:
            return
