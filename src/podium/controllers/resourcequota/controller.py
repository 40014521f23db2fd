"""Writes the status of ResourceQuotas: what may be used and what is. How much an object uses is in models/quota.py.

Only kinds that some quota counts are followed, and of those only the namespaces with quotas are added up.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from podium.client.informers import Informer
from podium.client.queue import WorkQueue
from podium.controllers import status
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import core_v1
from podium.models.quota_ledger import Ledger

REST = 0.1
"""Seconds between two writes of a status: a namespace that fills up is told of in a few steps."""


class ResourceQuotaController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._kinds = {resource.group_resource: resource for resource in context.resources if resource.namespaced}
        self._followed: dict[str, Informer[Any]] = {}
        self._ledgers: dict[str, dict[str, Ledger]] = {}
        """By namespace and the quota's name."""
        self._quotas = context.informers.of(core_v1.ResourceQuota)
        context.on_change(self._quotas, self._quota_changed)

    def _quota_changed(self, old: core_v1.ResourceQuota | None, new: core_v1.ResourceQuota | None) -> None:
        if new is not None:
            self._queue.add((new.metadata.namespace, new.metadata.name))
        elif old is not None:
            known = self._ledgers.get(old.metadata.namespace, {})
            known.pop(old.metadata.name, None)
            if not known:
                self._ledgers.pop(old.metadata.namespace, None)

    def _object_changed(self, resource: str, old: Any | None, new: Any | None) -> None:
        either = new if new is not None else old
        if either is None or not self._ledgers:
            return
        namespace = either.metadata.namespace
        for name, ledger in self._ledgers.get(namespace, {}).items():
            if resource not in ledger.resources:
                continue
            if new is None:
                ledger.remove(resource, old)
            else:
                ledger.put(resource, new, self._context.clock.now())
            self._queue.add((namespace, name))

    async def reconcile(self, key: Key) -> Result:
        quota = self._quotas.get(*key)
        if quota is None or quota.metadata.deletionTimestamp is not None:
            return DONE
        ledger = await self._ledger(key, quota)
        if ledger is None:
            return DONE
        now = self._context.clock.now()
        ledger.pass_time(now)
        new = core_v1.ResourceQuotaStatus(hard=dict(quota.spec.hard), used=ledger.used())
        if new != quota.status:
            try:
                await status.write(self._client, quota, new)
            except errors.NotFound:
                return DONE
        changes = ledger.next_change()
        after = None if changes is None else (changes - now).total_seconds() + 1
        return Result(requeue_after=after, rest=REST)

    async def _ledger(self, key: Key, quota: core_v1.ResourceQuota) -> Ledger | None:
        """The quota's account, made anew if its rules are others. None if the quota went meanwhile."""
        known = self._ledgers.get(key[0], {}).get(key[1])
        if known is not None and known.spec == quota.spec:
            return known
        ledger = Ledger(quota.spec)
        counted = [(resource, self._informer(resource)) for resource in sorted(ledger.resources)]
        for _, informer in counted:
            if informer is not None:
                await informer.has_synced.wait()
        if self._quotas.get(*key) is None:
            return None
        now = self._context.clock.now()
        for resource, informer in counted:
            for obj in informer.list(key[0]) if informer is not None else ():
                ledger.put(resource, obj, now)
        self._ledgers.setdefault(key[0], {})[key[1]] = ledger
        return ledger

    def _informer(self, resource: str) -> Informer[Any] | None:
        """None for what the API doesn't serve: nothing of it is used."""
        informer = self._followed.get(resource)
        kind = self._kinds.get(resource)
        if informer is None and kind is not None:
            informer = self._followed[resource] = self._context.informers.of(kind.model)
            self._context.on_change(informer, partial(self._object_changed, resource))
        return informer
