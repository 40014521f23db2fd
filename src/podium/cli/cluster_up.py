"""`podium up`: start a cluster in this process, or with --detach in one of its own.

A detached server tells the command that started it, through a pipe, either that it is ready or why it can't be.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

import click

from podium.cli import data_dir as directory
from podium.cli.data_dir import home
from podium.cli.failure import Failure
from podium.clock import RealClock

if TYPE_CHECKING:
    from podium.cluster import Cluster, ClusterConfig

RuntimeName = Literal["auto", "process", "simulated"]
RUNTIMES = get_args(RuntimeName)


@click.command("up")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Default: $PODIUM_HOME or ~/.podium.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Default: as last time, or 6443 if free.")
@click.option(
    "--runtime", type=click.Choice(RUNTIMES), default=None, help="How Pods run. Default: as last time, or auto."
)
@click.option(
    "--nodes", type=click.IntRange(0, 5000), default=None, help="How many nodes. Default: as last time, or 1."
)
@click.option("--detach", is_flag=True, help="Return as soon as the cluster is ready.")
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, not only what goes wrong.")
def command(
    data_dir: Path | None,
    port: int | None,
    runtime: RuntimeName | None,
    nodes: int | None,
    detach: bool,
    verbose: bool,
) -> None:
    """Start a cluster, or continue the one of the data directory."""
    data_dir = (data_dir or home()).absolute()
    wanted = Wanted(data_dir, port, runtime, nodes, verbose)
    if detach:
        seconds, why = start_detached(wanted)
        click.echo(f"Cluster ready in {seconds:.2f} s ({why})")
        click.echo(f"export KUBECONFIG={data_dir / 'kubeconfig'}")
    else:
        run_server(wanted, lambda cluster, seconds: _greet(cluster, data_dir, seconds))


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; None: as last time."""

    data_dir: Path
    port: int | None = None
    runtime: RuntimeName | None = None
    nodes: int | None = None
    verbose: bool = False


def start_detached(wanted: Wanted) -> tuple[float, str]:
    """Start a server in a session of its own; seconds until it was ready, and how Pods run.

    The server is a fork of this process, which spares it the interpreter's start and the imports made so far.
    """
    start = RealClock().monotonic()
    running = directory.running(wanted.data_dir)
    if running:
        raise directory.InUse(wanted.data_dir, running)
    wanted.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = wanted.data_dir / "server.log"
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        _be_detached(wanted, log, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        why = pipe.read()
    if not why:
        tail = log.read_text(errors="replace").strip().splitlines()[-5:]
        raise Failure("\n".join(["error: the server ended before it was ready:", *tail, f"(its log is {log})"]))
    return RealClock().monotonic() - start, why


def _be_detached(wanted: Wanted, log: Path, writer: int) -> NoReturn:
    """The server's side of the fork: away from the terminal, output into the log, word through the pipe."""
    status = 1
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)

        def say(cluster: Cluster, _seconds: float) -> None:
            with os.fdopen(writer, "w") as pipe:
                pipe.write(cluster.runtime.why)

        run_server(wanted, say)
        status = 0
    except Failure as failure:
        click.echo(failure.text, err=True)
    except BaseException:
        logging.exception("the server failed")
    finally:
        os._exit(status)


def run_server(wanted: Wanted, ready: Callable[[Cluster, float], None]) -> None:
    """Run a cluster in this process until a signal ends it; `ready` is called with it and the seconds it took."""
    # Nothing that is made while starting becomes garbage in any amount: the collector would only be in the way.
    gc.disable()
    _configure_logging(wanted.verbose)
    _keep_to_itself_what_is_ignored()
    lock = directory.Lock(wanted.data_dir)
    try:
        _import_server(wanted.data_dir)
        from podium.cluster import ClusterConfig

        port = _port(wanted.data_dir, wanted.port)
        last = directory.settings(wanted.data_dir)
        chosen = directory.Settings(
            wanted.runtime or last.runtime, last.nodes if wanted.nodes is None else wanted.nodes
        )
        directory.keep_settings(wanted.data_dir, chosen)
        config = ClusterConfig(data_dir=wanted.data_dir, runtime=chosen.runtime, nodes=chosen.nodes, port=port)
        _run(_serve(config, lock, ready))
    finally:
        lock.release()


def _keep_to_itself_what_is_ignored() -> None:
    """What a program ignores, the programs that it starts ignore too; what it handles is reset for them. Who starts a
    server with nohup or in the background wants neither a Pod that can't be interrupted nor a server that ends."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def _import_server(data_dir: Path) -> None:
    """Most of a start is this."""
    with _certificates_made_meanwhile(data_dir / "pki"), _no_system_certificates():
        import podium.cluster
        import podium.server.server  # noqa: F401


@contextmanager
def _certificates_made_meanwhile(pki: Path) -> Iterator[None]:
    """While this lasts, a process of its own makes the first certificates of a new cluster.

    Importing what makes them and making them takes a seventh of the first start, and memory ever after. What that
    process doesn't get done, for whatever reason, the server does, and tells what is wrong.
    """
    if pki.exists():
        yield
        return
    maker = os.fork()
    if maker == 0:
        _make_certificates(pki)
    try:
        yield
    finally:
        os.waitpid(maker, 0)


def _make_certificates(pki: Path) -> NoReturn:
    status = 1
    try:
        from podium.server.pki import ensure

        ensure(pki, RealClock().now())
        status = 0
    finally:
        os._exit(status)


@contextmanager
def _no_system_certificates() -> Iterator[None]:
    """While this lasts, TLS contexts are made without the machine's certificate authorities.

    aiohttp makes two when it is imported, for clients that this process doesn't have; reading some 140 certificates
    twice took a tenth of the whole start.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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


def _run(main: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:  # not on every platform
        asyncio.run(main)
    else:
        uvloop.run(main)


async def _serve(config: ClusterConfig, lock: directory.Lock, ready: Callable[[Cluster, float], None]) -> None:
    """Run the cluster until a signal says to stop."""
    from podium.cluster import Cluster
    from podium.store.port import StoreError
    from podium.store.sqlite.store import SqliteStore

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    start = RealClock().monotonic()
    try:
        store = await SqliteStore.open(config.data_dir / "store.db")
    except StoreError as problem:
        raise Failure(f"error: {problem}") from None
    # One system call for the seed instead of one for every name and uid. Keys and tokens don't come from here.
    chance = Random(SystemRandom().getrandbits(256))
    try:
        cluster = Cluster(config, store, RealClock(), chance)
    except ValueError as problem:
        await store.close()
        raise Failure(f"error: {problem}") from None
    try:
        await _start(cluster)
        # What is alive now stays: the collector need not look at it again.
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        gc.enable()
        lock.describe(directory.Running(os.getpid(), cluster.port, cluster.runtime.name, config.nodes))
        ready(cluster, RealClock().monotonic() - start)
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


async def _start(cluster: Cluster) -> None:
    try:
        await cluster.start()
        await cluster.ready()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            port = cluster.config.port
            raise Failure(f"error: port {port} is in use by another program: choose another with --port") from None
        raise Failure(f"error: {problem}") from None
    except RuntimeError as problem:
        raise Failure(f"error: {problem}") from None


def _greet(cluster: Cluster, data_dir: Path, seconds: float) -> None:
    click.echo(f"Cluster ready in {seconds:.2f} s at https://127.0.0.1:{cluster.port} ({cluster.runtime.why})")
    click.echo(f"export KUBECONFIG={data_dir / 'kubeconfig'}")
    click.echo("Ctrl-C stops it.")
