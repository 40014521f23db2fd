"""Nodes as the scheduler sees them: what the Node object says, and the sums over the Pods on it.

`NodeFacts` changes only with the Node object; `NodeInfo` also with every Pod that comes or goes. Each change gives the
NodeInfo a new generation, by which whoever remembered something about the node knows that it is out of date.
"""

from __future__ import annotations

from collections.abc import Iterable

from podium.models import core_v1
from podium.scheduler.pods import ANY_ADDRESS, HostPort, Labels, PodInfo
from podium.scheduler.requests import amounts

ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"


class NodeFacts:
    """What a Node object says about placing Pods."""

    __slots__ = (
        "cpu",
        "ephemeral",
        "images",
        "labels",
        "memory",
        "name",
        "pods",
        "scalars",
        "soft_taints",
        "taints",
        "unschedulable",
    )

    def __init__(self, node: core_v1.Node) -> None:
        allocatable = amounts(node.status.allocatable)
        self.name: str = node.metadata.name
        self.labels: Labels = node.metadata.labels
        self.unschedulable: bool = bool(node.spec.unschedulable)
        self.taints = tuple(taint for taint in node.spec.taints if taint.effect in ("NoSchedule", "NoExecute"))
        self.soft_taints = tuple(taint for taint in node.spec.taints if taint.effect == "PreferNoSchedule")
        self.pods: int = allocatable.pop("pods", 0)
        self.cpu: int = allocatable.pop("cpu", 0)
        self.memory: int = allocatable.pop("memory", 0)
        self.ephemeral: int = allocatable.pop("ephemeral-storage", 0)
        self.scalars: dict[str, int] = allocatable
        self.images: dict[str, int] = {
            name: image.sizeBytes or 0 for image in node.status.images for name in image.names
        }

    def same(self, other: NodeFacts) -> bool:
        """Whether every rule would say the same of both."""
        return all(getattr(self, slot) == getattr(other, slot) for slot in self.__slots__)


class NodeInfo:
    """A node and the Pods on it, those included that are only assumed to be."""

    __slots__ = (
        "cpu",
        "ephemeral",
        "facts",
        "generation",
        "index",
        "memory",
        "name",
        "pods",
        "ports",
        "present",
        "scalars",
        "scored_cpu",
        "scored_memory",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts = NodeFacts(core_v1.Node())
        self.present = False
        """False while Pods are bound to a node that there is no Node object of."""
        self.index = -1
        self.generation = 0
        self.pods: dict[str, PodInfo] = {}
        self.ports: dict[tuple[str, int], dict[str, int]] = {}
        """By protocol and port: how many Pods have it, by address."""
        self.cpu = self.memory = self.ephemeral = self.scored_cpu = self.scored_memory = 0
        self.scalars: dict[str, int] = {}

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        del self.pods[pod.uid]
        self._count(pod, -1)

    def _count(self, pod: PodInfo, sign: int) -> None:
        requests = pod.template.shape.requests
        self.cpu += sign * requests.cpu
        self.memory += sign * requests.memory
        self.ephemeral += sign * requests.ephemeral
        self.scored_cpu += sign * requests.scored_cpu
        self.scored_memory += sign * requests.scored_memory
        for name, amount in requests.scalars:
            self.scalars[name] = self.scalars.get(name, 0) + sign * amount
        for address, protocol, port in pod.template.shape.ports:
            users = self.ports.setdefault((protocol, port), {})
            users[address] = users.get(address, 0) + sign
            if not users[address]:
                del users[address]

    def port_taken(self, wanted: HostPort) -> bool:
        address, protocol, port = wanted
        users = self.ports.get((protocol, port))
        if not users:
            return False
        return address == ANY_ADDRESS or address in users or ANY_ADDRESS in users


def across_zones(nodes: Iterable[NodeInfo]) -> list[NodeInfo]:
    """One node of each zone in turn, so that a search that stops early has seen all zones."""
    zones: dict[str, list[NodeInfo]] = {}
    for node in nodes:
        zones.setdefault(node.facts.labels.get(ZONE, ""), []).append(node)
    if len(zones) <= 1:
        return [node for members in zones.values() for node in members]
    longest = max(len(members) for members in zones.values())
    return [members[turn] for turn in range(longest) for members in zones.values() if turn < len(members)]
