"""`podium run` with --attach, --stdin or --tty: see what the new Pod writes, type into it, and remove it at the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import click

from podium.cli import logs, objects
from podium.cli.delete import wait_until_gone
from podium.cli.exec import Streams, converse, has_terminal, opened
from podium.cli.failure import Failure
from podium.cli.pods import Chosen
from podium.cli.session import Session

Tree = dict[str, Any]
ENDED = ("Succeeded", "Failed")
STARTED_WITHIN = 60
"""Seconds that a Pod has to be running or over (kubectl's --pod-running-timeout)."""


def attend(session: Session, target: objects.Target, *, stdin: bool, tty: bool, remove: bool, quiet: bool) -> None:
    """Until the Pod's container ends. Failure, with its exit code, if it fails and isn't started again."""
    try:
        pod = _watched(session, target, lambda pod: _phase(pod) not in ("", "Pending"), STARTED_WITHIN)
        name: str = pod["spec"]["containers"][0]["name"]
        if not stdin or _phase(pod) in ENDED:
            _show_log(session, pod, name)
        else:
            if stdin and not quiet:
                click.echo("If you don't see a command prompt, try pressing enter.", err=True)
            streams = Streams(name, stdin, tty and has_terminal(stdin))
            with opened(session, Chosen(pod, pod), "attach", streams) as channels:
                converse(channels, streams)
        if pod["spec"].get("restartPolicy") == "Never":
            _check_end(_watched(session, target, lambda pod: _phase(pod) in ENDED))
    finally:
        if remove:
            answer = session.api.tree("DELETE", target.path)
            if not quiet:
                click.echo(f'pod "{target.name}" deleted from {target.namespace} namespace')
            wait_until_gone(session, target, (answer.get("metadata") or {}).get("uid") or "")


def _watched(session: Session, target: objects.Target, holds: Callable[[Tree], bool], limit: int = 0) -> Tree:
    """The Pod, as soon as something holds for it."""
    query = {"fieldSelector": f"metadata.name={target.name}"}
    listing = session.api.tree("GET", target.collection, query=query)
    found: list[Tree] = listing.get("items") or []
    if found and holds(found[0]):
        return found[0]
    query |= {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
    if limit:
        query["timeoutSeconds"] = str(limit)
    with closing(session.api.stream(target.collection, query=query)) as lines:
        for line in lines:
            event = json.loads(line)
            if event["type"] == "DELETED":
                raise Failure(f'error: pod "{target.name}" was deleted')
            if event["type"] in ("ADDED", "MODIFIED") and holds(event["object"]):
                pod: Tree = event["object"]
                return pod
    raise Failure("error: timed out waiting for the condition")


def _phase(pod: Tree) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def _show_log(session: Session, pod: Tree, container: str) -> None:
    """From its first line, which who attaches would come too late for."""
    everything = {"follow": True, "previous": False, "timestamps": False, "tail": -1, "since": "", "since_time": ""}
    logs.show(session, pod, container, {**everything, "limit_bytes": 0, "prefix": False})


def _check_end(pod: Tree) -> None:
    if _phase(pod) == "Succeeded":
        return
    statuses = (pod.get("status") or {}).get("containerStatuses") or [{}]
    ended = (statuses[0].get("state") or {}).get("terminated") or {}
    where = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    raise Failure(f"pod {where} terminated ({ended.get('reason') or 'Error'})", ended.get("exitCode") or 1)
