"""`podium drain`: move the Pods of a node elsewhere, through evictions, so that disruption budgets are kept."""

from __future__ import annotations

import asyncio
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
    pending = []
    for target in targets:
        try:
            _drain(session, target, options)
        except Failure as problem:
            why = problem.text.removeprefix("error: ")
            text = f'error: unable to drain node "{target.name}" due to error: {why}, continuing command...'
            click.echo(text, err=True)
            pending.append((target.name, why))
    if pending:
        click.echo("There are pending nodes to be drained:\n" + "\n".join(f" {name}" for name, _ in pending), err=True)
        raise Failure("\n".join(why for _, why in pending))


def _drain(session: Session, node: objects.Target, options: dict[str, Any]) -> None:
    pods = session.catalog.find("pods")
    query = objects.query_of(options["pod_selector"], f"spec.nodeName={node.name}")
    found: list[Tree] = session.api.tree("GET", pods.path(), query=query).get("items") or []
    found.sort(key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"]))
    leaving, problems, warnings = plan(found, options)
    if problems:
        raise Failure("error: " + "; ".join(problems))
    if warnings:
        click.echo("Warning: " + "; ".join(warnings), err=True)
    targets = [objects.Target(pods, pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in leaving]
    suffix = {"client": " (dry run)", "server": " (server dry run)"}.get(options["dry_run"], "")
    if options["dry_run"] == "client":
        for target in targets:
            click.echo(f"evicting pod {target.namespace}/{target.name}{suffix}")
    else:
        uids = {target: pod["metadata"]["uid"] for target, pod in zip(targets, leaving, strict=True)}
        _evict_all(session, uids, options, suffix)
    writes.report(node, "drained", None, "", options["dry_run"])


def _evict_all(session: Session, uids: dict[objects.Target, str], options: dict[str, Any], suffix: str) -> None:
    """Ask for the evictions until all are granted: a budget that refuses one now may allow it once others are back.
    One that is refused keeps no other from being asked for."""
    limit = 0 if options["timeout"] in ("0", "0s") else seconds(options["timeout"])
    deadline = RealClock().monotonic() + limit if limit else None
    pending, granted = list(uids), list[objects.Target]()
    while True:
        refused = []
        for target in pending:
            click.echo(f"evicting pod {target.namespace}/{target.name}{suffix}")
            why = _evict(session, target, options)
            if why:
                text = f'error when evicting pods/"{target.name}" -n "{target.namespace}" (will retry after 5s): {why}'
                click.echo(text, err=True)
                refused.append(target)
            else:
                granted.append(target)
        if options["dry_run"] == "none":
            for target in granted:
                wait_until_gone(session, target, uids[target])
                click.echo(f"pod/{target.name} {'deleted' if options['disable_eviction'] else 'evicted'}")
        pending, granted = refused, []
        if not pending:
            return
        left = RETRY_SECONDS if deadline is None else min(RETRY_SECONDS, deadline - RealClock().monotonic())
        if left <= 0:
            over = f"global timeout reached: {options['timeout']}"
            raise Failure(
                "; ".join(f'error when evicting pods/"{one.name}" -n "{one.namespace}": {over}' for one in pending)
            )
        asyncio.run(RealClock().sleep(left))


def plan(pods: list[Tree], options: dict[str, Any]) -> tuple[list[Tree], list[str], list[str]]:
    """Which Pods have to leave, what stands in the way, and what to be warned of (kubectl's filters)."""
    leaving: list[Tree] = []
    problems: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}
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
            else:
                warnings.setdefault("ignoring DaemonSet-managed Pods", []).append(name)
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
            if has_data and not ended:
                warnings.setdefault("deleting Pods with local storage", []).append(name)
            elif owner is None and not ended:
                warnings.setdefault("deleting Pods that declare no controller", []).append(name)
    return leaving, _texts(problems), _texts(warnings)


def _texts(found: dict[str, list[str]]) -> list[str]:
    return [f"{text}: {', '.join(names)}" for text, names in sorted(found.items())]


def _evict(session: Session, pod: objects.Target, options: dict[str, Any]) -> str:
    """Ask for the eviction; why the Pod's budget refused it, if it did."""
    body: Tree = {}
    if options["grace_period"] >= 0:
        body["gracePeriodSeconds"] = options["grace_period"]
    query = {"dryRun": "All"} if options["dry_run"] == "server" else {}
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
        if problem.code == 429:
            return str(problem.status.get("message") or problem.text)
        if problem.code != 404:
            raise problem.because(f'error when evicting pods/"{pod.name}" -n "{pod.namespace}": ') from None
    return ""
