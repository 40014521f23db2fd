"""A real `podium up` in a process of its own, and the two command lines that drive it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import psutil

from podium.cli import data_dir as directory
from podium.cli.rest import Api
from podium.client.kubeconfig import load

ROOT = Path(__file__).parent.parent.parent
KUBECTL = ROOT / ".tools" / "kubectl"
PODIUM = [sys.executable, "-m", "podium.cli.main"]
PATIENCE = 120
"""Seconds after which something that should happen counts as not happening, even on a slow machine. Commands that wait
are told to wait as long."""

Tree = dict[str, Any]
T = TypeVar("T")


@dataclass
class Server:
    """A cluster that runs detached on a data directory."""

    data_dir: Path
    runtime: str = "process"
    nodes: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    def up(self) -> str:
        arguments = ["--data-dir", str(self.data_dir), "--runtime", self.runtime, "--nodes", str(self.nodes)]
        return self.podium("up", "--detach", "--port", "0", *arguments)

    def down(self) -> None:
        self.podium("down", "--data-dir", str(self.data_dir))

    @property
    def running(self) -> directory.Running:
        found = directory.running(self.data_dir)
        assert found is not None
        return found

    @property
    def kubeconfig(self) -> Path:
        return self.data_dir / "kubeconfig"

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "HOME": str(self.data_dir),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.data_dir / "kubecache"),
            **self.environment,
        }

    def podium(self, *arguments: str) -> str:
        return run([*PODIUM, *arguments], self.env)

    def driver(self, name: str) -> Driver:
        return Driver([str(KUBECTL)] if name == "kubectl" else PODIUM, self.env, self.data_dir)

    @property
    def api(self) -> Api:
        return Api(load([self.kubeconfig]), timeout=PATIENCE)

    def processes(self) -> list[psutil.Process]:
        """Every process that a Pod of this cluster runs: they all know the data directory or are children of one."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return str(self.data_dir) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def objects(self, path: str, **query: str) -> list[Tree]:
        with self.api as api:
            found: list[Tree] = api.tree("GET", path, query=query).get("items") or []
        return found

    def says(self, pod: Tree, text: bytes, container: str = "") -> None:
        """Return when the Pod has logged that."""
        metadata = pod["metadata"]
        log = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
        query = {"follow": "true", **({"container": container} if container else {})}
        with self.api as api, closing(api.stream(log, query=query, accept="*/*")) as lines:
            assert any(text in line for line in lines), f"{metadata['name']} ended without saying {text!r}"

    def fetch(self, pod: Tree, path: str = "/index", port: int = 5000) -> str:
        """What the Flask app in a Pod answers, once it has logged that it listens: Ready comes before that."""
        self.says(pod, b"Running on http")
        return answer(pod, path, port)

    def until(self, path: str, holds: Callable[[dict[str, Tree]], object], **query: str) -> dict[str, Tree]:
        """Watch a collection until something holds for its objects (by name); they are returned."""
        with self.api as api:
            listing = api.tree("GET", path, query=query)
            found = {item["metadata"]["name"]: item for item in listing.get("items") or ()}
            if holds(found):
                return found
            watch = {
                **query,
                "watch": "true",
                "resourceVersion": listing["metadata"]["resourceVersion"],
                "timeoutSeconds": str(PATIENCE),
            }
            with closing(api.stream(path, query=watch)) as lines:
                for line in lines:
                    event = json.loads(line)
                    name = event["object"]["metadata"]["name"]
                    if event["type"] == "DELETED":
                        found.pop(name, None)
                    else:
                        found[name] = event["object"]
                    if holds(found):
                        return found
        raise AssertionError(f"did not come to hold within {PATIENCE} s; last seen: {json.dumps(found, indent=1)}")


@dataclass
class Driver:
    """kubectl or podium, on one cluster."""

    program: list[str]
    env: dict[str, str]
    folder: Path

    def __call__(self, line: str, *more: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
        """Run a command line as it would be typed; what it printed. AssertionError if it fails."""
        return run([*self.program, *shlex.split(line), *more], {**self.env, **(env or {})}, self.folder, stdin)

    def fails(self, line: str, *more: str, stdin: str = "") -> str:
        """Run a command line that must fail; what it said on standard error."""
        code, output, problems = self.ends(line, *more, stdin=stdin)
        assert code != 0, output
        return problems

    def ends(self, line: str, *more: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a command line; its exit status, what it printed, and what it said on standard error."""
        done = subprocess.run(
            [*self.program, *shlex.split(line), *more],
            env=self.env,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def run(command: list[str], env: dict[str, str], folder: Path | None = None, stdin: str = "") -> str:
    done = subprocess.run(
        command,
        env=env,
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def server(data_dir: Path, **options: Any) -> Iterator[Server]:
    """A cluster that is up, and down again at the end, with nothing left running."""
    started = Server(data_dir, **options)
    started.up()
    try:
        yield started
    finally:
        started.down()
        left = started.processes()
        for process in left:
            process.kill()
        assert not left, f"processes that outlived the cluster: {left}"


def answer(pod: Tree, path: str = "/index", port: int = 5000) -> str:
    with urlopen(f"http://{pod['status']['podIP']}:{port}{path}", timeout=PATIENCE) as response:
        text: str = response.read().decode()
    return text


def as_soon_as(look: Callable[[], T], holds: Callable[[T], object]) -> T:
    """What is seen when something holds for it: of what can only be looked at, not watched."""
    started = time.monotonic()
    while not holds(found := look()):
        assert time.monotonic() < started + PATIENCE, f"did not come to hold; last seen: {found}"
    return found


def is_ready(pod: Tree) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def ready(pods: dict[str, Tree]) -> list[Tree]:
    return [pod for pod in pods.values() if is_ready(pod)]
