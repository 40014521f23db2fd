"""The ClusterRole aggregation controller: ClusterRoles with an aggregationRule get the rules of all that it selects."""

from __future__ import annotations

from collections.abc import Iterable

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.models import codec, rbac_v1, selectors


def aggregated(role: rbac_v1.ClusterRole, roles: Iterable[rbac_v1.ClusterRole]) -> tuple[rbac_v1.PolicyRule, ...]:
    """The rules of the roles that any of the selectors matches, by name, each rule once; the role itself left out."""
    if role.aggregationRule is None:
        return role.rules
    wanted = [selectors.compile(selector) for selector in role.aggregationRule.clusterRoleSelectors]
    rules: list[rbac_v1.PolicyRule] = []
    for other in sorted(roles, key=lambda other: other.metadata.name):
        if other.metadata.name == role.metadata.name:
            continue
        if any(selector.matches(other.metadata.labels) for selector in wanted):
            rules += [rule for rule in other.rules if rule not in rules]
    return tuple(rules)


class ClusterRoleAggregationController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._roles = context.informers.of(rbac_v1.ClusterRole)
        context.on_change(self._roles, self._role_changed)

    def _role_changed(self, old: rbac_v1.ClusterRole | None, new: rbac_v1.ClusterRole | None) -> None:
        """Any role may be part of any that aggregates; there are few of those."""
        for role in self._roles.list():
            if role.aggregationRule is not None:
                self._queue.add(("", role.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        role = self._roles.get(*key)
        if role is None or role.aggregationRule is None:
            return DONE
        rules = aggregated(role, self._roles.list())
        if rules != role.rules:
            changed = codec.copy(role)
            changed.rules = codec.copy(rbac_v1.ClusterRole(rules=rules)).rules
            await self._client.update(changed)
        return DONE
