"""The account of one ResourceQuota: what each object uses of it, in total, and what is about to be used.

Kept change by change, by whoever has the objects: admission from the current objects, the controller from its caches.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from podium.models import quantity, quota
from podium.models.core_v1 import ResourceQuotaSpec
from podium.models.quantity import Quantity
from podium.models.quota import Amounts

_ZERO = Quantity("0")


class Ledger:
    def __init__(self, spec: ResourceQuotaSpec, before: Ledger | None = None) -> None:
        """With the reservations of the ledger that this one replaces, if the quota was changed."""
        self.spec = spec
        self.resources = frozenset(quota.tracked(name) for name in spec.hard) - {""}
        """Whose objects count."""
        self._total: dict[str, Quantity] = {name: _ZERO for name in spec.hard if quota.tracked(name)}
        self._objects: dict[tuple[str, str], Amounts] = {}
        self._reserved: dict[str, Amounts] = dict(before._reserved) if before is not None else {}
        self._overdue: list[tuple[datetime, int, Any]] = []
        """When Pods stop being charged; the number keeps Pods from being compared."""
        self._pushed = 0

    # What there is

    def put(self, resource: str, obj: Any, now: datetime) -> None:
        """An object as it is now. Its uid's reservation, if any, has become this or never will."""
        uid = obj.metadata.uid
        self._reserved.pop(uid, None)
        amounts = self.relevant(quota.usage(resource, obj, now)) if self.counts(resource, obj) else {}
        self._replace((resource, uid), amounts)
        if resource == quota.PODS and amounts:
            ends = quota.overdue_at(obj)
            if ends is not None and now <= ends:
                self._pushed += 1
                heapq.heappush(self._overdue, (ends, self._pushed, obj))

    def remove(self, resource: str, obj: Any) -> None:
        self._reserved.pop(obj.metadata.uid, None)
        self._replace((resource, obj.metadata.uid), {})

    def _replace(self, key: tuple[str, str], amounts: Amounts) -> None:
        before = self._objects.pop(key, {})
        for name, amount in before.items():
            self._total[name] = quantity.subtract(self._total[name], amount)
        for name, amount in amounts.items():
            self._total[name] = quantity.add(self._total[name], amount)
        if amounts:
            self._objects[key] = amounts

    def pass_time(self, now: datetime) -> None:
        """Pods that should have ended by now are no longer charged."""
        while self._overdue and self._overdue[0][0] < now:
            _, _, pod = heapq.heappop(self._overdue)
            if (quota.PODS, pod.metadata.uid) in self._objects:
                self.put(quota.PODS, pod, now)

    def next_change(self) -> datetime | None:
        """When time alone will change what is used."""
        return self._overdue[0][0] if self._overdue else None

    def used(self) -> Amounts:
        """Of everything that the quota limits and something counts."""
        return dict(self._total)

    # What is asked for

    def counts(self, resource: str, obj: Any) -> bool:
        return resource in self.resources and quota.in_scopes(self.spec, resource, obj)

    def relevant(self, amounts: Mapping[str, Quantity]) -> Amounts:
        """What the quota limits, and is any at all."""
        return {name: amount for name, amount in amounts.items() if name in self._total and quantity.number(amount)}

    def with_reserved(self) -> Amounts:
        """What is used, or will be if every write that is under way succeeds."""
        total = self.used()
        for amounts in self._reserved.values():
            for name, amount in self.relevant(amounts).items():
                total[name] = quantity.add(total[name], amount)
        return total

    def exceeded(self, more: Mapping[str, Quantity]) -> list[str]:
        """What there would be too much of, by name."""
        now = self.with_reserved()
        return sorted(
            name
            for name, amount in more.items()
            if quantity.number(now[name]) + quantity.number(amount) > quantity.number(self.spec.hard[name])
        )

    def reserve(self, uid: str, more: Amounts) -> Callable[[], None]:
        """Count all of what an object uses until it shows; returns what gives it up."""
        self._reserved[uid] = more

        def undo() -> None:
            if self._reserved.get(uid) is more:
                del self._reserved[uid]

        return undo
