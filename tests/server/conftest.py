from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podium.server import pki
from tests.server.harness import KUBECTL, Check, Kubectl, Serve, serving


@pytest.fixture(scope="session")
def pki_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates are made once: every server of the session uses them again."""
    return tmp_path_factory.mktemp("pki")


@pytest.fixture
def serve(pki_directory: Path) -> Serve:
    """Run a check against a server that lives as long as the check."""

    def run(check: Check, **config: Any) -> None:
        async def whole() -> None:
            async with serving(pki_directory, **config) as harness:
                await check(harness)

        asyncio.run(whole())

    return run


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server on a thread of its own, since kubectl is waited for."""
    directory = tmp_path_factory.mktemp("server")
    config = directory / "kubeconfig"
    started, stopped = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        async with serving(directory / "pki") as server:
            pki.write_kubeconfig(config, server.url, server.files)
            await server.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
            started.set()
            await stopped.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert started.wait(120)
    yield config
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.close()


@pytest.fixture
def kubectl(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    cache = kubeconfig.parent / "cache"

    def run(*args: str, stdin: str = "", fails: bool = False) -> str:
        command = [str(KUBECTL), f"--kubeconfig={kubeconfig}", f"--cache-dir={cache}", *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    return run


@pytest.fixture
def namespace(kubectl: Kubectl, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).removeprefix("test_").replace("_", "-")[:60].strip("-")
    kubectl("create", "namespace", name)
    kubectl("create", "serviceaccount", "default", "-n", name)
    return name
