"""A whole cluster on a virtual clock: what takes a week takes a moment in a test, in the same order each time.

The cluster lives on an event loop that runs only while one of its methods runs. Time jumps whenever nothing is left to
do, so that waiting costs nothing; between calls it stands still. With `serve()` the loop runs on a thread of its own,
and the API is reachable over HTTPS for any client; time then moves only through `advance`.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from podium.client.client import Client
from podium.clock import EPOCH, VirtualClock, VirtualLoop
from podium.cluster import Cluster, ClusterConfig
from podium.machinery.documents import read_documents
from podium.machinery.errors import NotFound
from podium.models import codec
from podium.models.resources import by_kind
from podium.store.memory import MemoryStore
from podium.testing.metrics import ServedMetrics, registrations

T = TypeVar("T")


class VirtualCluster:
    """A running cluster, and the calls a test makes on it. Made by `virtual_cluster()` or the pytest fixture."""

    def __init__(self, data_dir: Path, *, nodes: int, seed: int, start: datetime, lease_seconds: int) -> None:
        self.clock = VirtualClock(start)
        self.loop = VirtualLoop(self.clock)
        self.store = MemoryStore()
        config = ClusterConfig(
            data_dir=data_dir, runtime="simulated", nodes=nodes, port=0, serve=False, lease_seconds=lease_seconds
        )
        self.cluster = Cluster(config, self.store, self.clock, Random(seed))
        self._thread: threading.Thread | None = None

    @property
    def client(self) -> Client:
        """The typed asynchronous client; its calls run through `run`."""
        return self.cluster.client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the cluster's loop and return its result."""
        if self._thread is None:
            return self.loop.run_until_complete(work)
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def start(self) -> None:
        self.run(self._start())

    async def _start(self) -> None:
        await self.cluster.start()
        await self.cluster.ready()
        await self.clock.settle()

    def stop(self) -> None:
        if self._thread is not None:
            self.clock.release()
        self.run(self.cluster.stop())
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def serve(self) -> Path:
        """Serve the API over HTTPS on loopback from now on; the path of the admin kubeconfig."""
        self.run(self.cluster.serve())
        self.clock.hold()
        self._thread = threading.Thread(target=self.loop.run_forever, name="podium-cluster", daemon=True)
        self._thread.start()
        return self.cluster.kubeconfig

    def serve_metrics(self) -> ServedMetrics:
        """Have autoscalers find metrics of applications that the test says (custom and external): see metrics.py."""
        registry = self.cluster.registry
        registry.extensions = served = ServedMetrics(registry, self.clock)
        for obj in registrations():
            self.create(obj)
        self.settle()
        return served

    # Time

    def advance(self, seconds: float) -> None:
        """Let time pass; everything that falls due on the way happens, in order."""
        self.run(self.clock.advance(seconds))

    def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        self.run(self.clock.settle())

    # Objects

    def apply(self, text: str) -> list[Any]:
        """Create the objects of a YAML text, or replace those that are there; the objects as the server has them."""
        return [self.run(self._apply(document)) for document in read_documents(text.encode())]

    async def _apply(self, document: dict[str, Any]) -> Any:
        resource = by_kind(document.get("apiVersion", ""), document.get("kind", ""))
        if resource is None:
            raise ValueError(f"no kind {document.get('kind')!r} in {document.get('apiVersion')!r}")
        obj = codec.from_tree(document, resource.model)
        if resource.namespaced and not obj.metadata.namespace:
            obj.metadata.namespace = "default"
        try:
            current = await self.client.get(resource.model, obj.metadata.namespace, obj.metadata.name)
        except NotFound:
            return await self.client.create(obj)
        obj.metadata.resourceVersion = current.metadata.resourceVersion
        return await self.client.update(obj)

    def create(self, obj: T) -> T:
        return self.run(self.client.create(obj))

    def get(self, model: type[T], name: str, namespace: str = "default") -> T:
        """The object; podium.machinery.errors.NotFound."""
        return self.run(self.client.get(model, namespace, name))

    def list(self, model: type[T], namespace: str = "default", label_selector: str = "") -> Sequence[T]:
        return self.run(self.client.list(model, namespace, label_selector=label_selector))

    def delete(self, model: type[Any], name: str, namespace: str = "default") -> None:
        self.run(self.client.delete(model, namespace, name))

    def wait(
        self,
        model: type[T],
        name: str,
        holds: Callable[[T], object],
        *,
        namespace: str = "default",
        timeout: float = 600,
    ) -> T:
        """Let time pass until something holds for an object; that object. TimeoutError after virtual time."""
        return self.run(self._wait(model, name, holds, namespace, timeout))

    def wait_until(self, holds: Callable[[], object], timeout: float = 600) -> None:
        """Let time pass until something holds; it is looked at after every change. TimeoutError after virtual time."""
        self.run(self._wait_until(holds, timeout))

    async def _wait(self, model: type[T], name: str, holds: Callable[[T], object], namespace: str, timeout: float) -> T:
        found: list[T] = []

        async def look() -> bool:
            try:
                found[:] = [await self.client.get(model, namespace, name)]
            except NotFound:
                return False
            return bool(holds(found[0]))

        await self._until(look, timeout)
        return found[0]

    async def _wait_until(self, holds: Callable[[], object], timeout: float) -> None:
        async def look() -> bool:
            return bool(holds())

        await self._until(look, timeout)

    async def _until(self, look: Callable[[], Coroutine[Any, Any, bool]], timeout: float) -> None:
        changed = asyncio.Event()
        end = self.store.subscribe(lambda _changes: changed.set())
        try:
            async with asyncio.timeout(timeout):
                while not await look():
                    changed.clear()
                    await changed.wait()
        finally:
            end()


@contextmanager
def virtual_cluster(
    *, nodes: int = 1, seed: int = 0, start: datetime = EPOCH, lease_seconds: int = 3600
) -> Iterator[VirtualCluster]:
    """A running cluster of simulated nodes; the same seed gives the same names, ids and order.

    `lease_seconds` is how long a node may be silent before it counts as lost. Kubernetes' 40 would mean a heartbeat of
    each node in every 10 virtual seconds: long leases are what lets a week pass in a second.
    """
    with tempfile.TemporaryDirectory(prefix="podium-") as folder:
        cluster = VirtualCluster(Path(folder), nodes=nodes, seed=seed, start=start, lease_seconds=lease_seconds)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
