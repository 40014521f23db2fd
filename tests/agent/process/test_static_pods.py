"""Pods that a node runs because a file says so."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from podium.agent.static_pods import controller
from podium.cluster import Cluster
from podium.models.core_v1 import Pod

from .cluster import gone, process_cluster, when

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "600"]}]
"""


def test_another_directory_in_the_place_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "RETRY_SECONDS", 0.02)
    manifests = tmp_path / "nodes" / "node-1" / "manifests"
    manifests.mkdir(parents=True)
    (manifests / "web.yaml").write_text(WEB)

    async def run() -> None:
        async with process_cluster(tmp_path) as at:
            await when(at, Pod, "web-node-1", lambda pod: pod.status.phase == "Running")
            manifests.rename(tmp_path / "away")
            await gone(at, Pod, "web-node-1")
            shutil.rmtree(manifests)
            (tmp_path / "away").rename(manifests)
            await when(at, Pod, "web-node-1", lambda pod: pod.status.phase == "Running")

    asyncio.run(run())


def test_static_pods(tmp_path: Path) -> None:
    manifests = tmp_path / "nodes" / "node-1" / "manifests"
    manifests.mkdir(parents=True)
    (manifests / "web.yaml").write_text(WEB)

    async def test(at: Cluster) -> None:
        first = await when(at, Pod, "web-node-1", lambda pod: pod.status.phase == "Running")
        await at.client.delete(Pod, "default", "web-node-1")
        second = await when(at, Pod, "web-node-1", lambda pod: pod.metadata.uid != first.metadata.uid)
        (manifests / ".new").write_text(WEB.replace("600", "601"))
        (manifests / ".new").rename(manifests / "web.yaml")
        await when(at, Pod, "web-node-1", lambda pod: pod.metadata.uid != second.metadata.uid)
        (manifests / "other").write_text(WEB.replace("name: web", "name: other"))
        await when(at, Pod, "other-node-1", lambda pod: pod.status.phase == "Running")
        (manifests / "web.yaml").unlink()
        await gone(at, Pod, "web-node-1")
        assert at.informers.of(Pod).get("default", "other-node-1") is not None

    async def run() -> None:
        async with process_cluster(tmp_path) as at:
            await test(at)

    asyncio.run(run())
