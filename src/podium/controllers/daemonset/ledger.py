"""All nodes of a DaemonSet added up, kept current node by node.

With a thousand nodes, a Pod that becomes ready costs one node's look, not a thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime

from podium.controllers.daemonset.node import GONE, Counts, NodeState, Role

_COUNTED = tuple(field.name for field in fields(Counts))


class Ledger:
    def __init__(self) -> None:
        self._nodes: dict[str, NodeState] = {}
        self._counts: Counter[str] = Counter()
        self._roles: dict[Role, dict[str, NodeState]] = {role: {} for role in Role}
        self._active: dict[str, NodeState] = {}
        self._due: dict[str, datetime] = {}
        self._hashes: Counter[str] = Counter()

    def put(self, node: str, state: NodeState) -> None:
        """The node as it is now. GONE: nothing is left of it."""
        before = self._nodes.pop(node, None)
        if before is not None:
            self._add(before, -1)
            if state == GONE or before.role != state.role:  # otherwise it keeps its turn
                self._roles[before.role].pop(node, None)
            self._active.pop(node, None)
            self._due.pop(node, None)
        if state == GONE:
            return
        self._nodes[node] = state
        self._add(state, 1)
        self._roles[state.role][node] = state
        if state.create or state.delete:
            self._active[node] = state
        if state.look_again is not None:
            self._due[node] = state.look_again

    def _add(self, state: NodeState, sign: int) -> None:
        for name in _COUNTED:
            if value := getattr(state.counts, name):
                self._counts[name] += sign * value
        for name_hash in state.hashes:
            self._hashes[name_hash] += sign

    @property
    def names(self) -> Iterable[str]:
        return self._nodes.keys()

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def counts(self) -> Counts:
        return Counts(**{name: self._counts[name] for name in _COUNTED})

    def of_role(self, role: Role) -> Mapping[str, NodeState]:
        return self._roles[role]

    @property
    def active(self) -> Mapping[str, NodeState]:
        """The nodes where something is to be created or deleted."""
        return self._active

    def live_hashes(self) -> set[str]:
        """The templates that some Pod is of."""
        return {name_hash for name_hash, number in self._hashes.items() if number > 0 and name_hash}

    def due(self, now: datetime) -> list[str]:
        return [node for node, time in self._due.items() if time <= now]

    def next_due(self) -> datetime | None:
        return min(self._due.values(), default=None)
