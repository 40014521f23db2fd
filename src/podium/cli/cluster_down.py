"""`podium down`: stop a cluster. Its objects stay; the next `up` on the directory continues with them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import SystemRandom

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
        ended = _end_left_behind(data_dir)
        left = f"; ended {ended} containers that a killed server had left" if ended else ""
        click.echo(f"No cluster is running on {data_dir}{left}")
        return
    if not server.pid:
        raise Failure(f"error: the cluster on {data_dir} is only just starting, try again")
    if not directory.stop(server, timeout):
        raise Failure(f"error: process {server.pid} did not stop within {timeout:g} s")
    click.echo(f"Stopped the cluster on {data_dir}")


def _end_left_behind(data_dir: Path) -> int:
    """The Pods of a server that was killed go on; how many of their containers this has ended."""
    if not (data_dir / "nodes").exists():
        return 0
    from podium.agent.choose import end_left_behind
    from podium.clock import RealClock

    lock = directory.Lock(data_dir)  # so that no `up` takes them over at the same time
    try:
        return asyncio.run(end_left_behind(data_dir, RealClock(), SystemRandom()))
    finally:
        lock.release()
