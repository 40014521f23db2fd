"""`podium top`: how much CPU and memory nodes and Pods use, from the metrics API."""

from __future__ import annotations

from typing import Any

import click

from podium.cli import objects
from podium.cli.failure import Failure
from podium.cli.printers import say, table_text
from podium.cli.rest import ServerError
from podium.cli.session import Session, all_namespaces, connected, label_selector
from podium.models.quantity import add, thousandths, whole

Tree = dict[str, Any]
METRICS = "/apis/metrics.k8s.io/v1beta1"
MEBIBYTE = 1 << 20


@click.group("top")
def command() -> None:
    """Show what nodes and Pods use."""


@command.command("nodes")
@click.argument("names", nargs=-1)
@label_selector
@click.option("--sort-by", type=click.Choice(["", "cpu", "memory"]), default="")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@connected
def nodes(session: Session, names: tuple[str, ...], selector: str, sort_by: str, no_headers: bool) -> None:
    """What nodes use, and how much of what they have."""
    usage = {item["metadata"]["name"]: item["usage"] for item in _metrics(session, f"{METRICS}/nodes", selector)}
    have = {item["metadata"]["name"]: item for item in session.api.tree("GET", "/api/v1/nodes").get("items") or ()}
    rows = []
    for name in names or sorted(usage):
        if name not in usage:
            raise Failure(f'Error from server (NotFound): nodemetrics.metrics.k8s.io "{name}" not found')
        room = ((have.get(name) or {}).get("status") or {}).get("allocatable") or {}
        cpu, memory = thousandths(usage[name]["cpu"]), whole(usage[name]["memory"])
        total_cpu, total_memory = thousandths(room.get("cpu", "0")), whole(room.get("memory", "0"))
        rows.append((name, cpu, _percent(cpu, total_cpu), memory, _percent(memory, total_memory)))
    _print(rows, ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"], sort_by, no_headers)


@command.command("pods")
@click.argument("names", nargs=-1)
@label_selector
@all_namespaces
@click.option("--containers", is_flag=True, help="A line for each container.")
@click.option("--sort-by", type=click.Choice(["", "cpu", "memory"]), default="")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@click.option("--sum", "total", is_flag=True, help="A last line with all of it added up.")
@connected
def pods(
    session: Session,
    names: tuple[str, ...],
    selector: str,
    containers: bool,
    sort_by: str,
    no_headers: bool,
    total: bool,
) -> None:
    """What Pods use."""
    scope = f"{METRICS}/pods" if session.all_namespaces else f"{METRICS}/namespaces/{session.namespace}/pods"
    found = _metrics(session, scope, selector)
    known = {item["metadata"]["name"] for item in found}
    for name in names:
        if name not in known:
            raise Failure(
                f'Error from server (NotFound): podmetrics.metrics.k8s.io "{session.namespace}/{name}" not found'
            )
    rows: list[Any] = []
    for item in sorted(found, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        if names and item["metadata"]["name"] not in names:
            continue
        lead = (item["metadata"]["namespace"],) if session.all_namespaces else ()
        lead = (*lead, item["metadata"]["name"])
        parts = item.get("containers") or []
        if containers:
            rows += [(*lead, part["name"], *_amounts([part])) for part in parts]
        else:
            rows.append((*lead, *_amounts(parts)))
    header = (["NAMESPACE"] if session.all_namespaces else []) + (["POD", "NAME"] if containers else ["NAME"])
    _print(rows, [*header, "CPU(cores)", "MEMORY(bytes)"], sort_by, no_headers, total)


def _metrics(session: Session, path: str, selector: str) -> list[Tree]:
    try:
        found: list[Tree] = session.api.tree("GET", path, query=objects.query_of(selector)).get("items") or []
    except ServerError as problem:
        if problem.code == 404:
            raise Failure("error: Metrics API not available") from None
        raise
    return found


def _amounts(parts: list[Tree]) -> tuple[int, int]:
    cpu, memory = "0", "0"
    for part in parts:
        cpu, memory = add(cpu, part["usage"].get("cpu", "0")), add(memory, part["usage"].get("memory", "0"))
    return thousandths(cpu), whole(memory)


def _percent(used: int, total: int) -> str:
    return f"{used * 100 // total}%" if total else "<unknown>"


def _print(rows: list[Any], header: list[str], sort_by: str, no_headers: bool, total: bool = False) -> None:
    cpu, memory = header.index("CPU(cores)"), header.index("MEMORY(bytes)")
    if sort_by:
        rows.sort(key=lambda row: -row[cpu if sort_by == "cpu" else memory])
    texts = [
        [
            f"{cell}m" if index == cpu else f"{cell // MEBIBYTE}Mi" if index == memory else str(cell)
            for index, cell in enumerate(row)
        ]
        for row in rows
    ]
    if not texts:
        click.echo("No resources found", err=True)
        return
    if total:
        lead = [""] * cpu
        sums = [f"{sum(row[cpu] for row in rows)}m", f"{sum(row[memory] for row in rows) // MEBIBYTE}Mi"]
        texts += [[*lead, "________", "________"], [*lead, *sums]]
    say(table_text(texts if no_headers else [header, *texts]))


command.add_command(nodes, "node")
command.add_command(pods, "pod")
command.add_command(nodes, "no")
command.add_command(pods, "po")
