"""`podium demo`: a cluster that shows the tutorial's ReplicaSet and Deployment at work, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from podium.cli import data_dir as directory
from podium.cli import objects
from podium.cli.cluster_up import RUNTIMES, RuntimeName, Wanted, start_detached
from podium.cli.data_dir import home
from podium.cli.describe.text import duration, parse_time
from podium.cli.session import Session
from podium.clock import Clock, RealClock
from podium.machinery.documents import read_documents

if TYPE_CHECKING:
    from rich.table import Table

Tree = dict[str, Any]
MANIFESTS = ("replicaset.yaml", "flask-deploy.yaml")
FLASK_PORT = 5000
STARTS_WITHIN = 30.0
"""Seconds that the Flask app is given to listen."""


@click.command("demo")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Default: demo/ beside the clusters.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Of the API; default: 6443 if free.")
@click.option("--runtime", type=click.Choice(RUNTIMES), default="auto", help="How Pods run.")
def command(data_dir: Path | None, port: int | None, runtime: RuntimeName) -> None:
    """Start a cluster, apply the tutorial's manifests, and watch the Pods come up."""
    data_dir = (data_dir or home() / "demo").absolute()
    seconds, why = start_detached(Wanted(data_dir, port, runtime))
    server = directory.running(data_dir)
    assert server is not None
    try:
        with _stop_signals():
            click.echo(f"Cluster ready in {seconds:.2f} s ({why})\n")
            session = Session(str(data_dir / "kubeconfig"), "", "", "default", False)
            wanted = sum(_apply(session, name) for name in MANIFESTS)
            pods = _watch_until_ready(session, wanted)
            _what_next(data_dir, pods, simulated=server.runtime == "simulated")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        click.echo("\nStopping ...")
    finally:
        directory.stop(server, timeout=60)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _apply(session: Session, name: str) -> int:
    """Apply a manifest as `podium apply` does; how many Pods it asks for."""
    from podium.cli.apply import apply

    document: Tree = next(iter(read_documents(files(__package__).joinpath(name).read_bytes())))
    apply(session, objects.of_document(session, document))
    return int(document["spec"]["replicas"])


def _watch_until_ready(session: Session, wanted: int) -> list[Tree]:
    """Show the Pods, live where there is a terminal, until that many are Ready."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    pods: dict[str, Tree] = {}
    path = "/api/v1/namespaces/default/pods"
    listing = session.api.tree("GET", path)
    pods.update({item["metadata"]["name"]: item for item in listing.get("items") or ()})
    query = {"watch": "true", "resourceVersion": listing["metadata"]["resourceVersion"]}
    if sum(map(_ready, pods.values())) < wanted:
        live = Live(_table(pods), console=console, auto_refresh=False) if console.is_terminal else None
        if live:
            live.start()
        for line in session.api.stream(path, query=query):
            event = json.loads(line)
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                pods.pop(name, None)
            elif event["type"] != "BOOKMARK":
                pods[name] = event["object"]
            if live:
                live.update(_table(pods), refresh=True)
            if sum(map(_ready, pods.values())) >= wanted:
                break
        if live:
            live.stop()
        else:
            console.print(_table(pods))
    else:
        console.print(_table(pods))
    return list(pods.values())


def _ready(pod: Tree) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)


async def _listens(clock: Clock, host: str, port: int) -> bool:
    """Wait until something accepts connections there: without a readiness probe, Ready comes before an app listens."""
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            while True:
                try:
                    _, writer = await asyncio.open_connection(host, port)
                except OSError:
                    await clock.sleep(0.05)
                else:
                    writer.close()
                    return True
    except TimeoutError:
        return False


def _table(pods: dict[str, Tree]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("NAME", "READY", "STATUS", "RESTARTS", "IP", "AGE"):
        table.add_column(title, no_wrap=True)
    for name, pod in sorted(pods.items()):
        status = pod.get("status") or {}
        containers = status.get("containerStatuses") or ()
        ready = sum(bool(entry.get("ready")) for entry in containers)
        restarts = sum(entry.get("restartCount", 0) for entry in containers)
        age = (RealClock().now() - parse_time(pod["metadata"]["creationTimestamp"])).total_seconds()
        shade = "green" if _ready(pod) else "yellow"
        cells = [name, f"{ready}/{len(pod['spec']['containers'])}", f"[{shade}]{_word(status)}[/]", str(restarts)]
        table.add_row(*cells, status.get("podIP") or "", duration(age))
    return table


def _word(status: Tree) -> str:
    for entry in status.get("containerStatuses") or ():
        waiting = (entry.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason"):
            return str(waiting["reason"])
    return str(status.get("phase") or "Pending")


def _what_next(data_dir: Path, pods: list[Tree], simulated: bool) -> None:
    flask = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("app") == "flask" and _ready(pod)]
    kubeconfig = data_dir / "kubeconfig"
    program = Path(sys.argv[0]).name if Path(sys.argv[0]).name == "podium" else f"{sys.executable} -m podium.cli.main"
    click.echo(f"\nKubeconfig:  {kubeconfig}")
    if flask and not simulated:
        address = flask[0]["status"]["podIP"]
        late = "" if asyncio.run(_listens(RealClock(), address, FLASK_PORT)) else "  (doesn't listen yet)"
        click.echo(f"Flask app:   http://{address}:{FLASK_PORT}/index{late}")
    click.echo(
        f"""
Try, in another terminal:
  export KUBECONFIG={kubeconfig}
  alias podium="{program}"                # or use kubectl: every line works with both
  podium get rs,deploy,pods -o wide
  podium delete pod -l app=myapp            # the ReplicaSet makes new ones
  podium scale deploy/flask-deploy --replicas=4
  podium set image deploy/flask-deploy flask-container=sakuragaara/flaskapp:v2
  podium rollout status deploy/flask-deploy
  podium rollout history deploy/flask-deploy
  podium rollout undo deploy/flask-deploy --to-revision=1

Ctrl-C stops the cluster."""
    )
