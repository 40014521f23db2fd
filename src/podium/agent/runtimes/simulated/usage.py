"""What simulated Pods use: as their annotations say, and nothing if these say nothing.

| annotation `podium.dev/simulate-...` | value | meaning |
|---|---|---|
| `cpu` | `250m`, or `100m; +60s: 500m; +5m: 50m` | CPU, perhaps changing so long after the container's start |
| `memory` | `64Mi`, or a timetable as above | memory |

With `.<container>` at the end an annotation is for one container only. Annotations of a running Pod may be changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from podium.machinery.usage import NodeUsage, PodUsage, Usage
from podium.models import duration, quantity
from podium.models.core_v1 import Pod

PREFIX = "podium.dev/simulate-"
WINDOW = 15.0
"""Seconds that a measurement says it was taken over, unless the container is younger."""


def node_usage(pods: Iterable[Pod], now: datetime) -> NodeUsage:
    """What the Pods of a node use; the node uses just that."""
    found = tuple(one for pod in pods if (one := pod_usage(pod, now)).containers)
    parts = [usage for one in found for usage in one.containers.values()]
    whole = Usage(sum(part.cpu for part in parts), sum(part.memory for part in parts), now, WINDOW)
    return NodeUsage(whole, found)


def pod_usage(pod: Pod, now: datetime) -> PodUsage:
    containers = {}
    for status in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
        running = status.state.running if status.state is not None else None
        if running is not None and running.startedAt is not None:
            age = (now - running.startedAt).total_seconds()
            cpu = amount(_annotation(pod.metadata.annotations, "cpu", status.name), age)
            memory = amount(_annotation(pod.metadata.annotations, "memory", status.name), age)
            containers[status.name] = Usage(float(cpu), int(memory), now, max(min(age, WINDOW), 0.0))
    return PodUsage(pod.metadata.namespace, pod.metadata.name, containers)


def _annotation(annotations: Mapping[str, str], what: str, container: str) -> str:
    return annotations.get(f"{PREFIX}{what}.{container}", annotations.get(PREFIX + what, ""))


def amount(text: str, age: float) -> Decimal:
    """The amount of the last step of a timetable that has come; what can't be read counts as 0."""
    found = Decimal(0)
    for step in text.split(";"):
        start, _, value = step.rpartition(":")
        try:
            begins = duration.seconds(start.strip().removeprefix("+")) if start.strip() else 0.0
            if begins <= age and value.strip():
                found = quantity.number(value.strip())
        except ValueError:
            continue
    return found
