"""The alternatives of a NodeSelector, compiled (API reference: NodeSelectorTerm). An empty one selects nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podium.models import core_v1
from podium.models.selectors import Operator, Requirement

_OPERATORS: dict[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}
NAME_FIELD = "metadata.name"


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """Conditions on a node's labels and on its fields (its name is the only field there is); all must hold."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        if not self.labels and not self.fields:
            return False
        fields = {NAME_FIELD: name}
        return all(one.matches(labels) for one in self.labels) and all(one.matches(fields) for one in self.fields)


def node_term(term: core_v1.NodeSelectorTerm) -> NodeTerm:
    return NodeTerm(_requirements(term.matchExpressions), _requirements(term.matchFields))


def _requirements(expressions: Iterable[core_v1.NodeSelectorRequirement]) -> tuple[Requirement, ...]:
    """An operator that doesn't exist was refused when the object was written."""
    return tuple(Requirement(one.key, _OPERATORS[one.operator], one.values) for one in expressions)
