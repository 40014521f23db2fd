"""A real server on an empty directory, as a user starts it: `podium up` on the simulated runtime."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.wire import Caller, Endpoint, Refused

NODES = 12
PATIENCE = 60.0
COMMAND = (sys.executable, "-m", "podium.cli.main", "up")


class Server:
    """Use as a context manager. `kubeconfig` is there once `wait_ready` has returned."""

    def __init__(self, nodes: int = NODES) -> None:
        self.nodes = nodes
        self._directory = tempfile.TemporaryDirectory(prefix="podium-bench-")
        self.data = Path(self._directory.name) / "data"
        self.kubeconfig = self.data / "kubeconfig"
        self._log = Path(self._directory.name) / "log"
        self._arguments = ["--data-dir", str(self.data), "--port", str(_free_port()), "--runtime", "simulated"]
        self._arguments += ["--nodes", str(nodes)]

    def __enter__(self) -> Server:
        self.started = time.perf_counter()
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*COMMAND, *self._arguments], stdout=log, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._directory.cleanup()

    def wait_ready(self) -> float:
        """Seconds from the start until /readyz says ok."""
        return self._wait_for("/readyz")

    def wait_account(self) -> float:
        """Seconds from the start until the default ServiceAccount is there."""
        return self._wait_for("/api/v1/namespaces/default/serviceaccounts/default")

    def wait_nodes(self) -> None:
        """All nodes are Ready: the work to be measured shouldn't begin with waiting for them."""
        with self.caller() as caller:
            ready: set[str] = set()
            for event in caller.watch("/api/v1/nodes?watch=1"):
                conditions = event["object"].get("status", {}).get("conditions", ())
                if any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions):
                    ready.add(event["object"]["metadata"]["name"])
                if len(ready) == self.nodes:
                    return

    def memory(self) -> float:
        """Resident memory of the server and all its children, in MB."""
        root = psutil.Process(self.process.pid)
        total = 0
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 1e6

    def cpu(self) -> float:
        """CPU seconds that the server has taken."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def caller(self) -> Caller:
        return Caller(Endpoint(self.kubeconfig))

    def _wait_for(self, path: str) -> float:
        """Ask until the answer is a success; the time from the start to that answer."""
        caller: Caller | None = None
        while True:
            self._check_alive()
            try:
                if caller is None:
                    if not self.kubeconfig.exists():
                        raise FileNotFoundError
                    caller = self.caller()
                caller.get(path)
            except Refused:
                time.sleep(0.002)
            except OSError:
                if caller is not None:
                    caller.close()
                caller = None
                time.sleep(0.005)
            else:
                caller.close()
                return time.perf_counter() - self.started

    def _check_alive(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{self._log.read_text(errors='replace')[-4000:]}")
        if time.perf_counter() - self.started > PATIENCE:
            os.kill(self.process.pid, signal.SIGABRT)
            raise RuntimeError(f"the server isn't ready:\n{self._log.read_text(errors='replace')[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
