"""Which runtime this machine can give Pods, and why."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from podium.agent.images import Catalogue
from podium.agent.runtime import Runtime
from podium.agent.runtimes.process.network import (
    LoopbackNetwork,
    NamespaceNetwork,
    PodNetwork,
    can_isolate,
    cluster_id,
)
from podium.clock import Clock

Wanted = Literal["auto", "process", "simulated"]


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    name: Literal["process", "simulated"]
    why: str
    """A sentence for the user: what Pods will be, and why not more."""
    data_dir: Path
    network: PodNetwork | None = None
    catalogue: Catalogue | None = None

    def make(self, node: str, index: int) -> Runtime | None:
        """The runtime of one node; None for a simulated one."""
        if self.network is None or self.catalogue is None:
            return None
        from podium.agent.runtimes.process.runtime import ProcessRuntime  # simulated clusters do without it

        return ProcessRuntime(self.data_dir / "nodes" / node, self.network, self.catalogue, index)


def choose_runtime(wanted: str, data_dir: Path) -> RuntimeChoice:
    """ValueError when the machine can't do what is wanted."""
    if wanted not in ("auto", "process", "simulated"):
        raise ValueError(f"no runtime {wanted!r}: there are auto, process and simulated")
    if wanted == "simulated":
        return RuntimeChoice("simulated", "Pods are simulated: nothing runs", data_dir)
    if sys.platform != "linux":
        need = "processes need Linux"
        if wanted == "process":
            raise ValueError(need)
        return RuntimeChoice("simulated", f"Pods are simulated: {need}", data_dir)
    catalogue = Catalogue(Path(os.environ.get("PODIUM_IMAGES") or data_dir / "images.yaml"))
    cluster = cluster_id(data_dir)
    problem = can_isolate()
    if not problem:
        why = "containers are processes, each Pod has a network namespace and an address"
        network: PodNetwork = NamespaceNetwork(cluster, data_dir / "network.json")
    else:
        why = f"containers are processes, each Pod has a loopback address, told in $HOST ({problem})"
        network = LoopbackNetwork(cluster, data_dir / "loopback.json")
    return RuntimeChoice("process", why, data_dir, network, catalogue)


async def end_left_behind(data_dir: Path, clock: Clock, rng: Random) -> int:
    """End what the Pods of a cluster still run whose server was killed; how many containers that were."""
    nodes = sorted((data_dir / "nodes").glob("*"))
    choice = choose_runtime("auto", data_dir) if nodes else None
    ended = 0
    for index, directory in enumerate(nodes):
        runtime = choice.make(directory.name, index) if choice else None
        if runtime is not None:
            await runtime.start(clock, rng)
            runs = (record for sandbox in runtime.sandboxes() for record in runtime.containers(sandbox.uid))
            ended += sum(record.state == "running" for record in runs)
            await runtime.stop()
    return ended
