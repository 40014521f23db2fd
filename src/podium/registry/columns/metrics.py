"""Columns of what nodes and Pods use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from podium.models import quantity
from podium.models.metrics_v1beta1 import NodeMetrics, PodMetrics
from podium.models.quantity import Quantity
from podium.registry.columns.base import NAME, Cells, Columns, text

_DEFINITIONS = (
    NAME,
    text("Cpu", "CPU in use"),
    text("Memory", "Memory in use"),
    text("Window", "Time that it was measured over"),
)


def _node(obj: NodeMetrics, now: datetime) -> Cells:
    return [obj.metadata.name, *_total([obj.usage]), obj.window]


def _pod(obj: PodMetrics, now: datetime) -> Cells:
    return [obj.metadata.name, *_total(container.usage for container in obj.containers), obj.window]


def _total(usages: Iterable[Mapping[str, Quantity]]) -> list[str]:
    cpu = memory = "0"
    for usage in usages:
        cpu, memory = quantity.add(cpu, usage.get("cpu", "0")), quantity.add(memory, usage.get("memory", "0"))
    return [cpu, memory]


NODES = Columns(_DEFINITIONS, _node)
PODS = Columns(_DEFINITIONS, _pod)
