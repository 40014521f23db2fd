"""`podium up`: start a cluster in this process, or with --detach in one of its own.

A detached server tells the command that started it, through a pipe, either that it is ready or why it can't be.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from podium.cli import data_dir as directory
from podium.cli.failure import Failure
from podium.cli.session import home

if TYPE_CHECKING:
    from podium.cluster import Cluster

DEFAULT_PORT = 6443


@click.command("up")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Default: $PODIUM_HOME or ~/.podium.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: as last time, or 6443 if free.")
@click.option("--runtime", type=click.Choice(["auto", "process", "simulated"]), default="auto", help="How Pods run.")
@click.option("--nodes", type=click.IntRange(0, 5000), default=1, help="How many nodes.")
@click.option("--detach", is_flag=True, help="Return as soon as the cluster is ready.")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, not only what goes wrong.")
@click.option("--ready-fd", type=int, default=None, hidden=True)
def command(
    data_dir: Path | None,
    port: int | None,
    runtime: str,
    nodes: int,
    detach: bool,
    verbose: bool,
    ready_fd: int | None,
) -> None:
    """Start a cluster, or continue the one of the data directory."""
    data_dir = (data_dir or home()).absolute()
    if detach:
        seconds, ready = start_detached(data_dir, port, runtime, nodes, verbose)
        click.echo(f"Cluster ready in {seconds:.2f} s ({ready['runtime']})")
        click.echo(f"export KUBECONFIG={data_dir / 'kubeconfig'}")
        return
    from podium.cluster import ClusterConfig

    _configure_logging(verbose)
    lock = directory.Lock(data_dir)
    try:
        config = ClusterConfig(data_dir=data_dir, runtime=runtime, nodes=nodes, port=_port(data_dir, port))
        _run(_serve(config, lock, ready_fd))
    finally:
        lock.release()


def start_detached(
    data_dir: Path, port: int | None, runtime: str, nodes: int, verbose: bool = False
) -> tuple[float, dict[str, str]]:
    """Start a server in a session of its own; how long it took to be ready (seconds), and what it said."""
    running = directory.running(data_dir)
    if running:
        raise directory.InUse(data_dir, running)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    start = time.perf_counter()
    reader, writer = os.pipe()
    arguments = ["--data-dir", str(data_dir), "--runtime", runtime, "--nodes", str(nodes), "--ready-fd", str(writer)]
    arguments += ["--port", str(port)] if port is not None else []
    arguments += ["--verbose"] if verbose else []
    log = data_dir / "server.log"
    with open(log, "ab") as output:
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "podium.cli.main", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(writer,),
        )
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    seconds = time.perf_counter() - start
    if not answer:
        tail = log.read_text(errors="replace").strip().splitlines()[-5:]
        raise Failure("\n".join(["error: the server ended before it was ready:", *tail, f"(its log is {log})"]))
    ready: dict[str, str] = json.loads(answer)
    return seconds, ready


def _configure_logging(verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def _port(data_dir: Path, wanted: int | None) -> int | None:
    """The port that is asked for, else the one of the kubeconfig that is there, else None: the default if free."""
    if wanted is not None or not (data_dir / "kubeconfig").exists():
        return wanted
    from urllib.parse import urlsplit

    from podium.client.kubeconfig import KubeconfigError, load

    try:
        return urlsplit(load([data_dir / "kubeconfig"]).server).port
    except KubeconfigError:  # it is written anew anyway
        return None


def _run(main: object) -> None:
    assert asyncio.iscoroutine(main)
    try:
        import uvloop
    except ImportError:  # not on every platform
        asyncio.run(main)
    else:
        uvloop.run(main)


async def _serve(config: object, lock: directory.Lock, ready_fd: int | None) -> None:
    """Run the cluster until a signal says to stop."""
    from podium.clock import RealClock
    from podium.cluster import Cluster, ClusterConfig
    from podium.store.port import StoreError
    from podium.store.sqlite.store import SqliteStore

    assert isinstance(config, ClusterConfig)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    start = time.perf_counter()
    try:
        store = await SqliteStore.open(config.data_dir / "store.db")
    except StoreError as problem:
        raise Failure(f"error: {config.data_dir / 'store.db'}: {problem}") from None
    cluster = Cluster(config, store, RealClock(), SystemRandom())
    try:
        await cluster.start()
        await cluster.ready()
        # What is alive now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        lock.describe(directory.Running(os.getpid(), cluster.port, cluster.runtime.name, config.nodes))
        if ready_fd is not None:
            with os.fdopen(ready_fd, "w") as pipe:
                json.dump({"runtime": cluster.runtime.why}, pipe)
        else:
            _greet(cluster, config.data_dir, time.perf_counter() - start)
        failed = asyncio.create_task(cluster.failed())
        waiting = asyncio.create_task(stopped.wait())
        await asyncio.wait((failed, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if failed.done():
            raise Failure(f"error: the cluster has stopped: {failed.result()}")
        failed.cancel()
    finally:
        await cluster.stop()
        await store.close()


def _greet(cluster: Cluster, data_dir: Path, seconds: float) -> None:
    click.echo(f"Cluster ready in {seconds:.2f} s at https://127.0.0.1:{cluster.port} ({cluster.runtime.why})")
    click.echo(f"export KUBECONFIG={data_dir / 'kubeconfig'}")
    click.echo("Ctrl-C stops it.")
