"""A node of a virtual cluster that runs the containers of a scripted runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from podium.agent.agent import Agent
from podium.models import codec, meta_v1
from podium.models.core_v1 import Event, Pod
from podium.testing.virtual import VirtualCluster

from .scripted import Program, ScriptedRuntime


@dataclass
class ScriptedNode:
    cluster: VirtualCluster
    runtime: ScriptedRuntime
    agent: Agent

    def create(self, *containers: dict[str, Any], programs: dict[str, Program] | None = None, **spec: Any) -> Pod:
        """A Pod "p" on the node, whose containers have begun as far as they can without time passing."""
        self.runtime.programs = programs or {}
        full = [{"image": "i", "imagePullPolicy": "IfNotPresent", **container} for container in containers]
        inits = [{"image": "i", "imagePullPolicy": "IfNotPresent", **one} for one in spec.pop("initContainers", ())]
        tree = {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {
                "automountServiceAccountToken": False,
                "nodeName": "node-1",
                "containers": full,
                "initContainers": inits,
                **spec,
            },
        }
        self.cluster.create(codec.from_tree(tree, Pod))
        self.cluster.settle()
        self.runtime.since()
        return self.pod()

    def pod(self) -> Pod:
        return self.cluster.get(Pod, "p")

    def delete(self, grace: int) -> None:
        options = meta_v1.DeleteOptions(gracePeriodSeconds=grace)
        self.cluster.run(self.cluster.client.delete(Pod, "default", "p", options))
        self.cluster.settle()

    def after(self, seconds: float) -> list[tuple[float, str]]:
        """What happens while so much time passes."""
        self.cluster.advance(seconds)
        return self.runtime.since()

    def events(self, reason: str) -> list[str]:
        return [event.message for event in self.cluster.list(Event) if event.reason == reason]


@pytest.fixture
def node(podium_clusters: Callable[..., VirtualCluster], tmp_path: Path) -> Iterator[ScriptedNode]:
    cluster = podium_clusters(nodes=0)
    runtime = ScriptedRuntime(tmp_path)
    agent = Agent(
        cluster.client, cluster.cluster.informers, cluster.clock, Random(0), "node-1", runtime, lease_seconds=36000
    )

    async def start() -> asyncio.Task[None]:
        running = asyncio.get_running_loop().create_task(agent.run())
        await agent.registered.wait()
        await cluster.clock.settle()
        return running

    async def stop(running: asyncio.Task[None]) -> None:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    running = cluster.run(start())
    yield ScriptedNode(cluster, runtime, agent)
    cluster.run(stop(running))
