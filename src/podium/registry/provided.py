"""Resources that are asked for whenever someone reads them, instead of being stored: the metrics of nodes and Pods.

A provider makes the objects. They have no revision and can't be watched; selectors narrow them as they do any list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from podium.machinery import errors
from podium.machinery.usage import NodeUsage, PodUsage, Usage, UsageAccess
from podium.models import codec, duration
from podium.models.meta_v1 import ObjectMeta
from podium.models.metrics_v1beta1 import ContainerMetrics, NodeMetrics, PodMetrics
from podium.models.quantity import Quantity, binary
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.selection import Selection
from podium.registry.types import Entry, Listing, ListOptions


class Provider(Protocol):
    async def list(self, namespace: str, name: str | None) -> Sequence[Any]:
        """The objects of a namespace, or everywhere; with a name only that one, if it is there."""


async def get(provider: Provider, res: Resource, namespace: str, name: str) -> Entry:
    found = await provider.list(namespace, name)
    if not found:
        shown = f"{namespace}/{name}" if namespace else name
        raise errors.NotFound(f"{res.kind.lower()}.{res.group}", shown)
    return _entry(found[0])


async def list_(provider: Provider, core: Core, res: Resource, namespace: str, options: ListOptions) -> Listing:
    selection = Selection(res, namespace, options.label_selector, options.field_selector)
    entries = map(_entry, await provider.list(selection.namespace, selection.name))
    return Listing([entry for entry in entries if selection.matches(entry)], core.revision)


def _entry(obj: Any) -> Entry:
    return Entry("", 0, codec.encode(obj), type(obj), obj)


class NodeMetricsProvider:
    def __init__(self, core: Core, access: UsageAccess) -> None:
        self._core = core
        self._access = access

    async def list(self, namespace: str, name: str | None) -> Sequence[NodeMetrics]:
        nodes = sorted(
            entry.object.metadata.name
            for entry in self._core.live("nodes").entries.values()
            if name in (None, entry.object.metadata.name)
        )
        found = await _ask(self._access, nodes)
        return [self._metrics(node, usage.node) for node, usage in found if usage is not None]

    def _metrics(self, name: str, usage: Usage) -> NodeMetrics:
        entry = self._core.live("nodes").get("", name)
        labels = {} if entry is None else entry.object.metadata.labels
        return NodeMetrics(
            metadata=ObjectMeta(name=name, labels=labels, creationTimestamp=self._core.now()),
            timestamp=usage.at.replace(microsecond=0),
            window=duration.spelled(usage.window),
            usage=_amounts(usage),
        )


class PodMetricsProvider:
    def __init__(self, core: Core, access: UsageAccess) -> None:
        self._core = core
        self._access = access

    async def list(self, namespace: str, name: str | None) -> Sequence[PodMetrics]:
        pods = self._core.live("pods")
        some = pods.namespace(namespace).values() if namespace else pods.entries.values()
        wanted = {
            (entry.object.metadata.namespace, entry.object.metadata.name): entry.object
            for entry in some
            if entry.object.spec.nodeName and name in (None, entry.object.metadata.name)
        }
        nodes = sorted({pod.spec.nodeName for pod in wanted.values()})
        result = []
        for _, usage in await _ask(self._access, nodes):
            for one in () if usage is None else usage.pods:
                pod = wanted.get((one.namespace, one.name))
                if pod is not None and one.containers:
                    result.append(self._metrics(pod.metadata.labels, one))
        return sorted(result, key=lambda one: (one.metadata.namespace, one.metadata.name))

    def _metrics(self, labels: dict[str, str], pod: PodUsage) -> PodMetrics:
        usages = pod.containers.values()
        return PodMetrics(
            metadata=ObjectMeta(
                name=pod.name, namespace=pod.namespace, labels=labels, creationTimestamp=self._core.now()
            ),
            timestamp=min(usage.at for usage in usages).replace(microsecond=0),
            window=duration.spelled(max(usage.window for usage in usages)),
            containers=tuple(
                ContainerMetrics(name=name, usage=_amounts(usage)) for name, usage in sorted(pod.containers.items())
            ),
        )


async def _ask(access: UsageAccess, nodes: Iterable[str]) -> list[tuple[str, NodeUsage | None]]:
    """All nodes at once."""
    names = list(nodes)
    found = await asyncio.gather(*(access.usage(name) for name in names))
    return list(zip(names, found, strict=True))


def _amounts(usage: Usage) -> dict[str, Quantity]:
    """To the nanocore and the kibibyte, as metrics-server has them."""
    return {"cpu": Quantity(f"{round(usage.cpu * 1e9)}n"), "memory": binary(usage.memory // 1024 * 1024)}
