"""`podium down`: stop a cluster. Its objects stay; the next `up` on the directory continues with them."""

from __future__ import annotations

from pathlib import Path

import click

from podium.cli import data_dir as directory
from podium.cli.data_dir import home
from podium.cli.failure import Failure


@click.command("down")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Default: $PODIUM_HOME or ~/.podium.")
@click.option("--timeout", type=float, default=60, help="Seconds to wait for it to stop.")
def command(data_dir: Path | None, timeout: float) -> None:
    """Stop the cluster of a data directory, and every process that its Pods started."""
    data_dir = data_dir or home()
    server = directory.running(data_dir)
    if server is None:
        click.echo(f"No cluster is running on {data_dir}")
        return
    if not server.pid:
        raise Failure(f"error: the cluster on {data_dir} is only just starting, try again")
    if not directory.stop(server, timeout):
        raise Failure(f"error: process {server.pid} did not stop within {timeout:g} s")
    click.echo(f"Stopped the cluster on {data_dir}")
