"""What the conformance tests do with a cluster besides reads and writes: scale, statuses, collections, watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from podium.client.transport import Selection
from podium.machinery.streams import OutputStream, StreamOptions, TerminalSize
from podium.models import autoscaling_v1, codec, core_v1, meta_v1, resources
from podium.registry.types import SYSTEM, ListOptions, Request
from podium.testing.virtual import VirtualCluster

T = TypeVar("T")
Clusters = Callable[..., VirtualCluster]

NOW = "2026-01-01T00:00:00Z"


def workload(kind: str, spec: str, name: str = "test", annotations: str = "", labels: str = "app: test") -> str:
    """A workload of web servers; `spec` is what its spec says besides selector and template."""
    api = "v1" if kind == "ReplicationController" else "apps/v1"
    selector = f"{{{labels}}}" if kind == "ReplicationController" else f"{{matchLabels: {{{labels}}}}}"
    return f"""
apiVersion: {api}
kind: {kind}
metadata: {{name: {name}, labels: {{{labels}}}}}
spec:
  {spec or "minReadySeconds: 0"}
  selector: {selector}
  template:
    metadata: {{labels: {{{labels}}}, annotations: {{{annotations}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: web, image: "httpd:1"}}]
"""


def patch(cluster: VirtualCluster, obj: T, tree: Any, subresource: str = "", type_: Any = "merge") -> T:
    meta = obj.metadata  # type: ignore[attr-defined]
    return cluster.run(
        cluster.client.patch(type(obj), meta.namespace, meta.name, tree, patch_type=type_, subresource=subresource)
    )


def change(
    cluster: VirtualCluster, model: type[T], name: str, how: Callable[[Any], object], subresource: str = ""
) -> T:
    """Read, change and replace an object, when nobody else is about to."""
    cluster.settle()
    obj = codec.copy(cluster.run(cluster.client.get(model, "default", name)))
    how(obj)
    return cluster.run(cluster.client.update(obj, subresource))


def until(cluster: VirtualCluster, holds: Callable[[], object], timeout: float = 600, step: float = 0.5) -> None:
    """Let time pass until something holds that is read from the cluster."""
    for _ in range(int(timeout / step)):
        if holds():
            return
        cluster.advance(step)
    raise AssertionError(f"not within {timeout} seconds")


def delete_collection(
    cluster: VirtualCluster, model: type[Any], selector: str, namespace: str = "default", policy: str = ""
) -> None:
    type_ = resources.of(model)
    registry = cluster.cluster.registry
    row = registry.resource(type_.group, type_.version, type_.plural)
    assert row is not None
    options = meta_v1.DeleteOptions(propagationPolicy=policy) if policy else None
    listed = ListOptions(label_selector=selector)
    cluster.run(registry.delete_collection(Request(SYSTEM), row, namespace, listed, options))


def delete(cluster: VirtualCluster, model: type[Any], name: str, policy: str = "Background") -> None:
    options = meta_v1.DeleteOptions(propagationPolicy=policy)
    cluster.run(cluster.client.delete(model, "default", name, options))


def revision(cluster: VirtualCluster, model: type[Any], selector: str = "") -> str:
    """The resourceVersion of a list."""
    return cluster.run(cluster.client.transport.list(resources.of(model), Selection("default", selector))).revision


def events(
    cluster: VirtualCluster, model: type[Any], since: str, selector: str = "", namespace: str = "default"
) -> list[tuple[str, Any]]:
    """What a watch from a resourceVersion on tells: the type of each event and its object."""

    async def watch() -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        batches = cluster.client.transport.watch(resources.of(model), Selection(namespace, selector), since)
        try:
            async with asyncio.timeout(0.1):
                async for batch in batches:
                    found += [(event.type, event.object) for event in batch if event.object is not None]
        except TimeoutError:
            return found
        raise AssertionError("the watch ended by itself")

    return cluster.run(watch())


def changes(cluster: VirtualCluster, model: type[Any], since: str) -> list[tuple[str, str]]:
    """The same with names only."""
    return [(type_, obj.metadata.name) for type_, obj in events(cluster, model, since)]


def scales(cluster: VirtualCluster, model: type[Any], name: str = "test", replicas: int = 1) -> None:
    """The scale subresource can be read, replaced and patched, and each shows in the object."""

    def scale() -> autoscaling_v1.Scale:
        found: autoscaling_v1.Scale = cluster.run(cluster.client.get(model, "default", name, "scale"))
        return found

    found = scale()
    assert (found.spec.replicas, found.status.replicas) == (replicas, replicas)
    assert found.status.selector == "app=test"
    wanted = codec.copy(found)
    wanted.metadata.resourceVersion = ""
    wanted.spec.replicas = replicas + 1
    updated = cluster.run(cluster.client.transport.update(resources.of(model), wanted, "scale"))
    assert updated.spec.replicas == replicas + 1
    assert cluster.get(model, name).spec.replicas == replicas + 1
    until(cluster, lambda: len(running(cluster)) == replicas + 1)
    patch(cluster, cluster.get(model, name), {"spec": {"replicas": replicas + 3}}, "scale")
    assert cluster.get(model, name).spec.replicas == replicas + 3
    cluster.wait(model, name, lambda it: it.status.replicas == replicas + 3)
    assert scale().status.replicas == replicas + 3


def statuses(cluster: VirtualCluster, model: type[Any], name: str = "test") -> None:
    """Conditions written by an update and by a patch of the status can be read back, and a watch tells of them. The
    controller leaves them alone, and the spec isn't changed along with them."""
    obj = cluster.get(model, name)
    since = obj.metadata.resourceVersion
    seen = cluster.run(cluster.client.get(model, "default", name, "status"))
    assert seen.metadata.uid == obj.metadata.uid

    def condition(type_: str) -> dict[str, str]:
        return {"type": type_, "status": "True", "reason": "E2E", "message": "Set from e2e test"}

    tree = codec.to_tree(seen)
    tree["status"].setdefault("conditions", []).append(condition("StatusUpdate"))
    tree["spec"]["minReadySeconds"] = 7
    cluster.run(cluster.client.update_status(codec.from_tree(tree, model)))
    assert said(cluster.get(model, name))["StatusUpdate"] == ("True", "E2E", "Set from e2e test")
    patch(cluster, obj, {"status": {"conditions": [condition("StatusPatched")]}}, "status")
    assert said(cluster.get(model, name))["StatusPatched"] == ("True", "E2E", "Set from e2e test")
    assert changes(cluster, model, since)[:2] == [("MODIFIED", name)] * 2
    cluster.delete(core_v1.Pod, running(cluster)[0].metadata.name)
    cluster.advance(30)
    left = cluster.get(model, name)
    assert said(left)["StatusPatched"] == ("True", "E2E", "Set from e2e test")
    assert (left.metadata.generation, left.spec.minReadySeconds or 0) == (obj.metadata.generation, 0)


def said(obj: Any) -> dict[str, tuple[str, str, str]]:
    return {it.type: (it.status, it.reason, it.message) for it in obj.status.conditions}


def pods(cluster: VirtualCluster, selector: str = "") -> list[core_v1.Pod]:
    return list(cluster.list(core_v1.Pod, label_selector=selector))


def running(cluster: VirtualCluster, selector: str = "") -> list[core_v1.Pod]:
    """The Pods that run and aren't being deleted."""
    found = pods(cluster, selector)
    return [pod for pod in found if pod.status.phase == "Running" and pod.metadata.deletionTimestamp is None]


def serves(cluster: VirtualCluster, owner: Any, image: str) -> None:
    """Every replica runs the image, is ready, and answers on an address of its own, with its own name."""
    found = running(cluster)
    assert len(found) == owner.spec.replicas
    assert {_controller(pod) for pod in found} == {(owner.kind, owner.metadata.name, owner.metadata.uid)}
    statuses = [status for pod in found for status in pod.status.containerStatuses]
    assert [(status.image, status.ready) for status in statuses] == [(image, True)] * len(found)
    assert len({pod.status.podIP for pod in found} - {""}) == len(found)
    assert [_hostname(cluster, pod) for pod in found] == [pod.metadata.name for pod in found]


def _controller(pod: core_v1.Pod) -> tuple[str, str, str] | None:
    return next(((ref.kind, ref.name, ref.uid) for ref in pod.metadata.ownerReferences if ref.controller), None)


def _hostname(cluster: VirtualCluster, pod: core_v1.Pod) -> str:
    shown = _Shown()
    meta, container = pod.metadata, pod.spec.containers[0].name
    options = StreamOptions(container, stdout=True)
    nodes = cluster.cluster.nodes
    code = cluster.run(nodes.exec(pod.spec.nodeName, meta.namespace, meta.name, ["hostname"], options, shown))
    assert code == 0
    return shown.output.decode().strip()


class _Shown:
    """A client that keeps what a command writes."""

    def __init__(self) -> None:
        self.output = b""

    async def read(self) -> bytes:
        return b""

    async def write(self, stream: OutputStream, data: bytes) -> None:
        self.output += data

    async def resized(self) -> TerminalSize:
        raise AssertionError("nothing here has a size")


def names(objects: Collection[Any]) -> set[str]:
    return {obj.metadata.name for obj in objects}


def other(cluster: VirtualCluster, kind: str, spec: str = "replicas: 1") -> None:
    """A workload that no selector of the tests is about: it has to be left alone."""
    cluster.apply(workload(kind, spec, name="other", labels="app: other"))
    until(cluster, lambda: running(cluster, "app=other"))


def owner(pod: core_v1.Pod) -> str | None:
    return next((ref.uid for ref in pod.metadata.ownerReferences if ref.controller), None)


def orphan(name: str = "orphan", labels: str = "app: test") -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{{labels}}}}}
spec: {{containers: [{{name: web, image: "httpd:1"}}]}}
"""
