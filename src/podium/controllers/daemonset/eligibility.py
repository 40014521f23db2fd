"""Which nodes run a DaemonSet's Pods. Pure.

Two questions for each node: should a Pod start there, and should one that is there go on? A taint NoSchedule says no to
the first only (API concepts: DaemonSet, taints and tolerations).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podium.controllers.tainteviction.decide import tolerates
from podium.models import core_v1
from podium.models.node_terms import node_term
from podium.models.selectors import of_labels

_AUTOMATIC = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


@dataclass(frozen=True, slots=True)
class Verdict:
    start: bool
    """A Pod should be started if there is none."""
    stay: bool
    """A Pod that is there may stay."""


NEITHER = Verdict(start=False, stay=False)


def tolerations(spec: core_v1.PodSpec) -> tuple[core_v1.Toleration, ...]:
    """The template's, and those that every Pod of a DaemonSet has: it stays where others have to leave."""
    result = list(spec.tolerations)
    for key, effect in (*_AUTOMATIC, *([_HOST_NETWORK] if spec.hostNetwork else ())):
        automatic = core_v1.Toleration(key=key, operator="Exists", effect=effect)
        same = [
            position
            for position, one in enumerate(result)
            if (one.key, one.effect, one.operator, one.value) == (key, effect, "Exists", "")
        ]
        if same:
            result[same[0]] = automatic
        else:
            result.append(automatic)
    return tuple(result)


class Rules:
    """What the template asks of nodes, compiled once for all of them."""

    __slots__ = ("_node_name", "_selector", "_terms", "_tolerations")

    def __init__(self, spec: core_v1.PodSpec) -> None:
        affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
        required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
        self._node_name = spec.nodeName
        self._selector = of_labels(spec.nodeSelector)
        self._terms = None if required is None else [node_term(term) for term in required.nodeSelectorTerms]
        self._tolerations = tolerations(spec)

    def verdict(self, node: core_v1.Node) -> Verdict:
        name, labels = node.metadata.name, node.metadata.labels
        if self._node_name not in ("", name) or not self._selector.matches(labels):
            return NEITHER
        if self._terms is not None and not any(term.matches(name, labels) for term in self._terms):
            return NEITHER
        effects = {taint.effect for taint in self._not_tolerated(node.spec.taints)}
        return Verdict(start=not effects & {"NoSchedule", "NoExecute"}, stay="NoExecute" not in effects)

    def _not_tolerated(self, taints: Iterable[core_v1.Taint]) -> Iterable[core_v1.Taint]:
        return (taint for taint in taints if not any(tolerates(one, taint) for one in self._tolerations))
