"""The Node object, its heartbeat and its Lease.

A node registers itself, renews its Lease every quarter of the lease's duration (40 s, so every 10 s), and writes its
status every 5 minutes or when it changed. A Node that somebody deleted is registered again.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import platform
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from msgspec import structs

from podium.client.client import Client
from podium.clock import Clock
from podium.machinery import errors
from podium.models import meta_v1
from podium.models.coordination_v1 import Lease, LeaseSpec
from podium.models.core_v1 import Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo
from podium.models.quantity import Quantity, binary

LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
STATUS_SECONDS = 300.0
VERSION = "v1.36.0"
PODS = 110
SIMULATED_PODS = 1000
"""What a simulated node takes: a dozen of them carry thousands of Pods."""
RETRY_SECONDS = 2.0

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node reports about itself."""

    cpu: str = "32"
    memory: str = "256Gi"
    ephemeral_storage: str = "1Ti"
    pods: int = SIMULATED_PODS
    address: str = ""
    pod_cidr: str = ""
    runtime_version: str = ""
    kernel: str = ""
    os_image: str = ""
    machine_id: str = ""
    boot_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def machine_facts() -> NodeFacts:
    """The facts of the machine that this process runs on."""
    page = os.sysconf("SC_PAGE_SIZE")
    return NodeFacts(
        pods=PODS,
        cpu=str(os.cpu_count() or 1),
        memory=str(binary(os.sysconf("SC_PHYS_PAGES") * page // 1024 * 1024)),
        ephemeral_storage=str(binary(shutil.disk_usage("/").total // 1024 * 1024)),
        kernel=platform.release(),
        os_image=_os_image(),
        machine_id=_first_line("/etc/machine-id"),
        boot_id=_first_line("/proc/sys/kernel/random/boot_id"),
    )


def pod_cidr(index: int, pods: int = PODS) -> str:
    """The network of the node with that index: 10.244.<index>.0/24 for the usual number of Pods, all within 10/8."""
    size = max(256, 1 << (pods + 3 - 1).bit_length())
    base = int(ipaddress.ip_address("10.244.0.0")) + index * size
    start, end = int(ipaddress.ip_address("10.0.0.0")), int(ipaddress.ip_address("11.0.0.0"))
    if base + size > end:  # the nodes that come after 10.255
        base = base - end // size * size + start
    return str(ipaddress.ip_network((base, 32 - (size - 1).bit_length())))


def lease_time(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def node_conditions(now: datetime, old: tuple[NodeCondition, ...] = ()) -> tuple[NodeCondition, ...]:
    before = {condition.type: condition for condition in old}
    found = []
    for kind, status, reason, message in (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ):
        earlier = before.get(kind)
        since = earlier.lastTransitionTime if earlier is not None and earlier.status == status else now
        found.append(
            NodeCondition(
                type=kind,
                status=status,
                reason=reason,
                message=message,
                lastHeartbeatTime=now,
                lastTransitionTime=since,
            )
        )
    mine = {condition.type for condition in found}
    return (*found, *(condition for condition in old if condition.type not in mine))


def node_labels(name: str, facts: NodeFacts) -> dict[str, str]:
    architecture = _architecture()
    return {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        **facts.labels,
    }


def node_status(name: str, facts: NodeFacts, now: datetime, old: NodeStatus | None = None) -> NodeStatus:
    amounts = {
        "cpu": Quantity(facts.cpu),
        "ephemeral-storage": Quantity(facts.ephemeral_storage),
        "memory": Quantity(facts.memory),
        "pods": Quantity(facts.pods),
    }
    addresses = [NodeAddress(type="InternalIP", address=facts.address)] if facts.address else []
    status = structs.replace(old) if old is not None else NodeStatus()
    status.capacity = amounts
    status.allocatable = dict(amounts)
    status.addresses = (*addresses, NodeAddress(type="Hostname", address=name))
    status.conditions = node_conditions(now, status.conditions)
    status.nodeInfo = NodeSystemInfo(
        architecture=_architecture(),
        operatingSystem="linux",
        kubeletVersion=VERSION,
        containerRuntimeVersion=facts.runtime_version,
        kernelVersion=facts.kernel,
        osImage=facts.os_image,
        machineID=facts.machine_id,
        systemUUID=facts.machine_id,
        bootID=facts.boot_id,
    )
    return status


def is_said_to_be_ready(node: Node) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions)


class NodeKeeper:
    """Registers a node and keeps its Lease and status fresh."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        rng: Random,
        name: str,
        facts: NodeFacts,
        lease_seconds: int = LEASE_SECONDS,
        shown: Callable[[], Node | None] = lambda: None,
    ) -> None:
        """`shown`: the Node as the agent last heard of it."""
        self._client = client
        self._clock = clock
        self._rng = rng
        self._name = name
        self._facts = facts
        self._lease_seconds = lease_seconds
        self._shown = shown
        self._lease: Lease | None = None

    async def register(self) -> Node:
        """Create the Node, or bring the one that is there up to date; tried until the API takes it."""
        while True:
            try:
                return await self._register()
            except errors.StatusError as error:
                _log.warning("node %s is not registered yet: %s", self._name, error)
                await self._clock.sleep(RETRY_SECONDS)

    async def run(self) -> None:
        """Renew the Lease and the status, until cancelled."""
        reported = self._clock.monotonic()
        period = self._lease_seconds / 4
        while True:
            await self._try(self._renew)
            shown = self._shown()
            is_lost = shown is not None and not is_said_to_be_ready(shown)  # to others it was, but here we are
            if is_lost or self._clock.monotonic() - reported >= STATUS_SECONDS:
                await self._try(self._register)
                reported = self._clock.monotonic()
            await self._clock.sleep(period * (1 + 0.04 * self._rng.random()))

    async def _try(self, action: Callable[[], Awaitable[object]]) -> None:
        try:
            await action()
        except errors.StatusError as error:
            _log.warning("heartbeat of node %s: %s", self._name, error)
            self._lease = None

    async def _register(self) -> Node:
        now = self._clock.now().replace(microsecond=0)
        labels = node_labels(self._name, self._facts)
        try:
            node = await self._client.get(Node, "", self._name)
        except errors.NotFound:
            cidr = self._facts.pod_cidr
            node = await self._client.create(
                Node(
                    metadata=meta_v1.ObjectMeta(name=self._name, labels=labels),
                    spec=NodeSpec(podCIDR=cidr, podCIDRs=(cidr,) if cidr else ()),
                    status=node_status(self._name, self._facts, now),
                )
            )
            if node.status.conditions:
                return node
        if any(node.metadata.labels.get(key) != value for key, value in labels.items()):
            patch = {"metadata": {"labels": labels}}
            node = await self._client.patch(Node, "", self._name, patch, "merge")
        new = structs.replace(node, metadata=structs.replace(node.metadata))
        new.status = node_status(self._name, self._facts, now, node.status)
        return await self._client.update_status(new)

    async def _renew(self) -> None:
        now = lease_time(self._clock.now())
        if self._lease is None:
            self._lease = await self._take_lease(now)
            return
        spec = structs.replace(self._lease.spec, renewTime=now)
        self._lease = await self._client.update(structs.replace(self._lease, spec=spec))

    async def _take_lease(self, now: str) -> Lease:
        spec = LeaseSpec(holderIdentity=self._name, leaseDurationSeconds=self._lease_seconds, renewTime=now)
        try:
            lease = await self._client.get(Lease, LEASE_NAMESPACE, self._name)
        except errors.NotFound:
            node = await self._node()
            owner = meta_v1.OwnerReference(apiVersion="v1", kind="Node", name=self._name, uid=node.metadata.uid)
            metadata = meta_v1.ObjectMeta(name=self._name, namespace=LEASE_NAMESPACE, ownerReferences=(owner,))
            return await self._client.create(Lease(metadata=metadata, spec=spec))
        return await self._client.update(structs.replace(lease, spec=spec))

    async def _node(self) -> Node:
        """The Node, registered again if somebody deleted it (its Lease went with it)."""
        try:
            return await self._client.get(Node, "", self._name)
        except errors.NotFound:
            return await self._register()


def _architecture() -> str:
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return platform.system()


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
