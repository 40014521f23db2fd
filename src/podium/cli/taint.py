"""`podium taint`: keep Pods off nodes unless they tolerate it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from podium.cli import objects, writes
from podium.cli.failure import Failure
from podium.cli.session import Session, connected, dry_run, label_selector

Tree = dict[str, Any]
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TAINT = re.compile(r"(?P<key>[^=:]+?)(?:=(?P<value>[^:]*))?(?::(?P<effect>\w+))?(?P<remove>-)?")


@dataclass(frozen=True, slots=True)
class Change:
    """One word of the command line: `key=value:effect` adds, `key-` and `key:effect-` remove."""

    key: str
    value: str
    effect: str
    remove: bool


@click.command("taint")
@click.argument("words", nargs=-1, required=True)
@label_selector
@dry_run
@click.option("--all", "everything", is_flag=True, help="Every node.")
@click.option("--overwrite", is_flag=True, help="Replace taints that are there.")
@connected
def command(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Taint nodes: `taint node node-1 dedicated=db:NoSchedule`, `taint node node-1 dedicated-`."""
    if session.catalog.find(words[0]).kind != "Node":
        raise Failure(f"error: invalid resource type {words[0]}, only node types are supported")
    names = [word for word in words[1:] if not is_change(word)]
    changes = [parse(word) for word in words[1:] if is_change(word)]
    if not changes:
        raise Failure("error: at least one taint update is required")
    targets = objects.select(session, ("nodes", *names), selector=options["selector"], everything=options["everything"])

    def one(target: objects.Target) -> None:
        node = session.api.tree("GET", target.path)
        taints = changed(target.name, node["spec"].get("taints") or [], changes, options["overwrite"])
        if options["dry_run"] != "client":
            guard = {"resourceVersion": node["metadata"]["resourceVersion"]}
            change = {"metadata": guard, "spec": {"taints": taints or None}}
            writes.patch(session, target, change, "merge", dry_run=options["dry_run"])
        writes.report(target, done_to(changes, options["overwrite"]), None, "", options["dry_run"])

    writes.each(targets, one)


def done_to(changes: Sequence[Change], overwrite: bool) -> str:
    if overwrite or len({change.remove for change in changes}) > 1:
        return "modified"
    return "untainted" if changes[0].remove else "tainted"


def is_change(word: str) -> bool:
    return word.endswith("-") or "=" in word or ":" in word


def parse(word: str) -> Change:
    match = _TAINT.fullmatch(word)
    effect = match["effect"] or "" if match else ""
    if match is not None and effect and effect not in EFFECTS:
        raise Failure(f"error: invalid taint effect: {effect}, unsupported taint effect")
    if match is None or not (match["remove"] or effect):
        raise Failure(f"error: invalid taint spec: {word}, expected KEY[=VALUE]:EFFECT or KEY[:EFFECT]-")
    return Change(match["key"], match["value"] or "", effect, bool(match["remove"]))


def changed(node: str, taints: Sequence[Tree], changes: Sequence[Change], overwrite: bool) -> list[Tree]:
    """The node's taints after the changes; Failure when one is there already, or one to be removed isn't."""
    found = list(taints)
    for change in changes:
        same = [
            taint for taint in found if taint["key"] == change.key and change.effect in ("", taint.get("effect", ""))
        ]
        if change.remove and not same:
            effect = f":{change.effect}" if change.effect else ""
            raise Failure(f'error: taint "{change.key}{effect}" not found')
        if same and not change.remove and not overwrite:
            why = f"already has {change.key} taint(s) with same effect(s) and --overwrite is false"
            raise Failure(f"error: node {node} {why}")
        found = [taint for taint in found if taint not in same]
        if not change.remove:
            value = {"value": change.value} if change.value else {}
            found.append({"key": change.key, **value, "effect": change.effect})
    return found
