"""What a Pod asks a node for: requests of containers, init containers and sidecars, overhead, Pod-level resources.

Init containers run one after another, so the largest counts; a sidecar (an init container with restartPolicy Always)
keeps running beside everything that starts after it. Example, CPU: init 2, sidecar 0.5, init 1, containers 1 + 1
ask for max(2, 0.5 + 1, 0.5 + 1 + 1) = 2.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podium.models import core_v1
from podium.models.quantity import thousandths, whole

DEFAULT_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What a container that asks for nothing counts as when nodes are scored, so that such Pods spread too."""

_POD_LEVEL = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Requests:
    """CPU in thousandths, memory and ephemeral storage in bytes, everything else by name in whole units."""

    cpu: int = 0
    memory: int = 0
    ephemeral: int = 0
    scalars: tuple[tuple[str, int], ...] = ()
    scored_cpu: int = 0
    scored_memory: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.cpu or self.memory or self.ephemeral or self.scalars)


Amounts = dict[str, int]


@dataclass(slots=True)
class _Sum:
    """Adds up containers in the order they start."""

    running: Amounts = field(default_factory=dict)
    peak: Amounts = field(default_factory=dict)

    def beside(self, amounts: Amounts) -> None:
        for name, amount in amounts.items():
            self.running[name] = self.running.get(name, 0) + amount

    def alone(self, amounts: Amounts) -> None:
        for name, amount in amounts.items():
            self.peak[name] = max(self.peak.get(name, 0), self.running.get(name, 0) + amount)

    def total(self) -> Amounts:
        return {name: max(self.running.get(name, 0), self.peak.get(name, 0)) for name in {**self.running, **self.peak}}


def pod_requests(spec: core_v1.PodSpec) -> Requests:
    asked = _with_pod_level(_total(spec, {}), spec)
    scored = _with_pod_level(_total(spec, {"cpu": DEFAULT_CPU, "memory": DEFAULT_MEMORY}), spec)
    scalars = {name: amount for name, amount in asked.items() if name not in ("cpu", "memory", "ephemeral-storage")}
    return Requests(
        asked.get("cpu", 0),
        asked.get("memory", 0),
        asked.get("ephemeral-storage", 0),
        tuple(sorted((name, amount) for name, amount in scalars.items() if amount)),
        scored.get("cpu", 0),
        scored.get("memory", 0),
    )


def amounts(quantities: Mapping[str, str]) -> Amounts:
    return {name: thousandths(value) if name == "cpu" else whole(value) for name, value in quantities.items()}


def _total(spec: core_v1.PodSpec, defaults: Amounts) -> Amounts:
    total = _Sum()
    for container in spec.initContainers:
        asked = defaults | amounts(container.resources.requests)
        if container.restartPolicy == "Always":
            total.beside(asked)
        else:
            total.alone(asked)
    for asked in _each(spec.containers, defaults):
        total.beside(asked)
    return total.total()


def _each(containers: Iterable[core_v1.Container], defaults: Amounts) -> Iterable[Amounts]:
    return (defaults | amounts(container.resources.requests) for container in containers)


def _with_pod_level(total: Amounts, spec: core_v1.PodSpec) -> Amounts:
    if spec.resources is not None:
        for name, amount in amounts(spec.resources.requests).items():
            if name in _POD_LEVEL or name.startswith("hugepages-"):
                total[name] = amount
    for name, amount in amounts(spec.overhead).items():
        total[name] = total.get(name, 0) + amount
    return total
