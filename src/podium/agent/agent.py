"""The node agent: registers a node, keeps it alive, and carries out the Pods that are bound to it.

It sees its Pods through the informer's index by node, so that what happens on other nodes costs it nothing. What is
done with a Pod is the driver's business: `simulated` for nodes that run nothing, a worker a Pod for all other runtimes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from podium.agent.admission import Admission
from podium.agent.driver import NodeContext, PodDriver
from podium.agent.events import ContainerEvents
from podium.agent.interests import Interests
from podium.agent.node import LEASE_SECONDS, NodeFacts, NodeKeeper, machine_facts, pod_cidr
from podium.agent.runtime import Runtime
from podium.agent.runtimes.simulated import usage as simulated
from podium.agent.runtimes.simulated.pods import SimulatedPods
from podium.agent.stats import Meter
from podium.agent.status_manager import StatusManager
from podium.client.client import Client
from podium.client.events import EventRecorder
from podium.client.informers import Informers
from podium.clock import Clock
from podium.machinery import errors
from podium.machinery.streams import ClientStreams, Connection, LogOptions, StreamOptions
from podium.machinery.usage import NodeUsage
from podium.models.core_v1 import Node, Pod

NODE_INDEX = "spec.nodeName"
SIMULATED_ADDRESS = "127.0.0.1"


def pods_by_node(pod: Pod) -> Iterable[str]:
    return (pod.spec.nodeName,) if pod.spec.nodeName else ()


class Agent:
    """The agent of one node. `runtime` None: the node is simulated."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        rng: Random,
        node_name: str,
        runtime: Runtime | None = None,
        *,
        facts: NodeFacts | None = None,
        index: int = 0,
        lease_seconds: int = LEASE_SECONDS,
        manifests: Path | None = None,
    ) -> None:
        """`index` numbers the nodes of a cluster: it decides the node's Pod network unless `facts` say it. `manifests`:
        the directory of the node's static Pods, if it may have some."""
        self.node_name = node_name
        self._client = client
        self._clock = clock
        self._rng = rng
        self._runtime = runtime
        self._facts = facts or (machine_facts() if runtime is not None else NodeFacts())
        self._index = index
        self._lease_seconds = lease_seconds
        self._manifests = manifests
        self._informers = informers
        self._nodes = informers.of(Node)
        self._pods = informers.of(Pod)
        self._pods.add_index(NODE_INDEX, pods_by_node)
        self._driver: PodDriver | None = None
        self._meter = Meter(clock)
        self.registered = asyncio.Event()
        """Set when the Node is in the API and its Pods are being looked after."""

    async def run(self) -> None:
        """Look after the node until cancelled; then end what runs on it."""
        runtime = self._runtime
        if runtime is not None:
            await runtime.start(self._clock, self._rng)
        try:
            await self._run()
        finally:
            if runtime is not None:
                await runtime.stop()

    async def _run(self) -> None:
        facts = self._complete(self._facts)
        keeper = NodeKeeper(
            self._client, self._clock, self._rng, self.node_name, facts, self._lease_seconds, self._node
        )
        node = await keeper.register()
        recorder = EventRecorder(self._client, self._clock, self._rng, "kubelet", self.node_name)
        statuses = StatusManager(self._client, self._clock, self._pods)
        context = NodeContext(
            client=self._client,
            clock=self._clock,
            rng=self._rng,
            node_name=self.node_name,
            host_ip=facts.address,
            pod_cidr=(node.spec.podCIDR if self._runtime is None else "") or facts.pod_cidr,
            statuses=statuses,
            events=ContainerEvents(recorder),
            allocatable={name: str(amount) for name, amount in node.status.allocatable.items()},
            interests=Interests(self._informers),
            informers=self._informers,
            index=self._index,
        )
        driver: PodDriver
        if self._runtime is None:
            driver = SimulatedPods(context)
        else:
            from podium.agent.pod_workers import PodWorkers  # simulated nodes do without the HTTP client

            driver = PodWorkers(context, self._runtime)
        await driver.start()
        await self._pods.has_synced.wait()
        admission = Admission(context, driver, lambda: self._node() or node)
        end = self._pods.on_index(NODE_INDEX, self.node_name, admission.pod_changed)
        self._driver = driver
        try:
            await driver.remove_orphans()
            self.registered.set()
            async with asyncio.TaskGroup() as tasks:
                if self._manifests is not None:
                    from podium.agent.static_pods.controller import StaticPods

                    static = StaticPods(context, self._manifests, self._pods, NODE_INDEX)
                    tasks.create_task(static.run(), name=f"static pods of {self.node_name}")
                await keeper.run()
        finally:
            end()
            self.registered.clear()
            self._driver = None
            await driver.stop()
            await statuses.close()
            await recorder.close()

    def _node(self) -> Node | None:
        return self._nodes.get("", self.node_name)

    def _complete(self, facts: NodeFacts) -> NodeFacts:
        """The facts, with what depends on the runtime."""
        runtime = self._runtime
        if runtime is None:
            cidr = facts.pod_cidr or pod_cidr(self._index, facts.pods)
            address, version = facts.address or SIMULATED_ADDRESS, "simulated://1.0"
        else:
            cidr, address, version = runtime.pod_cidr, runtime.address, f"{runtime.name}://{runtime.version}"
        version = facts.runtime_version or version
        return replace(facts, address=address, pod_cidr=cidr, runtime_version=version)

    async def usage(self) -> NodeUsage | None:
        """What the node and its Pods use now; None while it isn't looked after."""
        if self._driver is None:
            return None
        pods = self._pods.by_index(NODE_INDEX, self.node_name)
        if self._runtime is None:
            return simulated.node_usage(pods, self._clock.now(), self._pods.list)
        return await self._meter.node_usage(self._runtime, pods)

    def logs(self, node: str, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """machinery.streams.NodeAccess, for Pods of this node; so are the methods that follow."""
        found, driver = self._found(namespace, pod)
        return driver.logs(found, options)

    async def exec(
        self,
        node: str,
        namespace: str,
        pod: str,
        command: Sequence[str],
        options: StreamOptions,
        client: ClientStreams,
    ) -> int:
        found, driver = self._found(namespace, pod)
        return await driver.exec(found, command, options, client)

    async def attach(self, node: str, namespace: str, pod: str, options: StreamOptions, client: ClientStreams) -> None:
        found, driver = self._found(namespace, pod)
        await driver.attach(found, options, client)

    async def connect(self, node: str, namespace: str, pod: str, port: int) -> Connection:
        found, driver = self._found(namespace, pod)
        return await driver.connect(found, port)

    def _found(self, namespace: str, name: str) -> tuple[Pod, PodDriver]:
        pod = self._pods.get(namespace, name)
        if pod is None or pod.spec.nodeName != self.node_name:
            raise errors.NotFound("pods", name)
        if self._driver is None:
            raise errors.ServiceUnavailable(f"node {self.node_name} is not running")
        return pod, self._driver
