"""`podium status`: whether a cluster is running, and how it is."""

from __future__ import annotations

from pathlib import Path

import click

from podium.cli import data_dir as directory
from podium.cli.data_dir import home
from podium.cli.printers import say, table_text
from podium.cli.rest import Api
from podium.client.kubeconfig import load


@click.command("status")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Default: $PODIUM_HOME or ~/.podium.")
def command(data_dir: Path | None) -> None:
    """Say whether the cluster of a data directory is running; exit status 3 if it isn't."""
    data_dir = data_dir or home()
    server = directory.running(data_dir)
    if server is None:
        click.echo(f"No cluster is running on {data_dir}")
        raise SystemExit(3)
    api = Api(load([data_dir / "kubeconfig"]), timeout=10)
    version = api.tree("GET", "/version")["gitVersion"]
    ready = api.request("GET", "/readyz", accept="*/*").body.decode()
    nodes = api.tree("GET", "/api/v1/nodes").get("items") or []
    pods = api.tree("GET", "/api/v1/pods").get("items") or []
    up = sum(_condition(node, "Ready") for node in nodes)
    going = sum(_condition(pod, "Ready") for pod in pods)
    rows = [
        ["Server", f"{api.server.geturl()} ({version}, {ready}, process {server.pid})"],
        ["Data", str(data_dir)],
        ["Kubeconfig", str(data_dir / "kubeconfig")],
        ["Runtime", server.runtime],
        ["Nodes", f"{up} of {len(nodes)} Ready"],
        ["Pods", f"{going} of {len(pods)} Ready"],
    ]
    say(table_text(rows))


def _condition(item: dict[str, object], name: str) -> bool:
    status = item.get("status")
    conditions = status.get("conditions") or () if isinstance(status, dict) else ()
    return any(entry["type"] == name and entry["status"] == "True" for entry in conditions)
