"""What simulated Pods use: as their annotations say, and nothing if these say nothing.

| annotation `podium.dev/simulate-...` | value | meaning |
|---|---|---|
| `cpu` | `250m`, or `100m; +60s: 500m; +5m: 50m` | CPU, perhaps changing so long after the container's start |
| `memory` | `64Mi`, or a timetable as above | memory |
| `shared-cpu` | `2`, or a timetable | CPU that the running Pods of the same controller share evenly |

With `.<container>` at the end an annotation is for one container only. Annotations of a running Pod may be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from podium.machinery.usage import NodeUsage, PodUsage, Usage
from podium.models import duration, owners, quantity
from podium.models.core_v1 import Pod

PREFIX = "podium.dev/simulate-"
WINDOW = 15.0
"""Seconds that a measurement says it was taken over, unless the container is younger."""


def node_usage(pods: Iterable[Pod], now: datetime, namespace: Callable[[str], Sequence[Pod]]) -> NodeUsage:
    """What the Pods of a node use; the node uses just that. `namespace` gives all Pods of one, on whatever node."""
    sharers: dict[str, int] = {}

    def sharing(pod: Pod) -> int:
        owner = owners.controller_of(pod)
        if owner is None:
            return 1
        if owner.uid not in sharers:
            sharers[owner.uid] = sum(_shares(other, owner.uid) for other in namespace(pod.metadata.namespace))
        return max(sharers[owner.uid], 1)

    found = tuple(one for pod in pods if (one := pod_usage(pod, now, sharing)).containers)
    parts = [usage for one in found for usage in one.containers.values()]
    whole = Usage(sum(part.cpu for part in parts), sum(part.memory for part in parts), now, WINDOW)
    return NodeUsage(whole, found)


def _shares(pod: Pod, uid: str) -> bool:
    if pod.status.phase != "Running" or pod.metadata.deletionTimestamp is not None:
        return False
    return any(owner.controller and owner.uid == uid for owner in pod.metadata.ownerReferences)


def pod_usage(pod: Pod, now: datetime, sharing: Callable[[Pod], int]) -> PodUsage:
    """`sharing`: among how many Pods its controller's work is spread."""
    containers = {}
    for status in (*pod.status.containerStatuses, *pod.status.initContainerStatuses):
        running = status.state.running if status.state is not None else None
        if running is not None and running.startedAt is not None:
            age = (now - running.startedAt).total_seconds()
            cpu, shared, memory = (
                amount(_annotation(pod.metadata.annotations, what, status.name), age)
                for what in ("cpu", "shared-cpu", "memory")
            )
            if shared:
                cpu += shared / sharing(pod)
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
