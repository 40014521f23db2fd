"""ResourceQuota: a write that would use more than a quota allows is refused, however many writes come at once.

What is used is kept in a ledger for each quota, from the current objects; what a write will use is reserved in it from
the moment it is let through until it shows or fails. Looking and reserving happen in one turn of the event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from podium.machinery import errors
from podium.models import quantity, quota
from podium.models.core_v1 import ResourceQuota
from podium.models.quantity import Quantity
from podium.models.quota import Amounts
from podium.models.quota_ledger import Ledger
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes, Operation
from podium.registry.core import Core
from podium.registry.resources import Resource
from podium.registry.storage import Collection, Event
from podium.registry.types import Entry

_QUOTAS = "resourcequotas"
_ALSO_UPDATES = (quota.SERVICES, quota.CLAIMS)


class ResourceQuotas(Base):
    def __init__(self) -> None:
        self._books: _Books | None = None

    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        if not resource.namespaced or resource.virtual:
            return False
        if operation == "UPDATE":
            if resource.group_resource == quota.PODS:
                return subresource == "resize"
            return resource.group_resource in _ALSO_UPDATES and not subresource
        return operation == "CREATE" and not subresource

    def validate(self, attributes: Attributes) -> None:
        core = attributes.core
        quotas = core.live(_QUOTAS).namespace(attributes.namespace)
        if not quotas:
            return
        if self._books is None or self._books.core is not core:
            self._books = _Books(core)
        resource, now = attributes.resource.group_resource, core.clock.now()
        ledgers = []
        for _, entry in sorted(quotas.items()):
            ledger = self._books.ledger(entry)
            if ledger.counts(resource, attributes.obj):
                ledger.pass_time(now)
                _check(attributes, entry.object, ledger, now)
                ledgers.append(ledger)
        for ledger in ledgers:
            more = _more(attributes, ledger, now)
            if more:
                attributes.undo.append(ledger.reserve(attributes.obj.metadata.uid, more))


def _check(attributes: Attributes, of: ResourceQuota, ledger: Ledger, now: datetime) -> None:
    if attributes.resource.group_resource == quota.PODS:
        unspecified = quota.unspecified(attributes.obj, of.spec.hard)
        if unspecified:
            raise forbidden(attributes, f"failed quota: {of.metadata.name}: must specify {unspecified}")
    more = ledger.relevant(_more(attributes, ledger, now))
    exceeded = ledger.exceeded(more)
    if exceeded:
        raise _exceeded(attributes, of, more, ledger.with_reserved(), exceeded)


def _more(attributes: Attributes, ledger: Ledger, now: datetime) -> Amounts:
    """What the write adds to what is used; less never matters."""
    resource = attributes.resource.group_resource
    after = quota.usage(resource, attributes.obj, now)
    if attributes.old is None or not ledger.counts(resource, attributes.old):
        return after
    before = quota.usage(resource, attributes.old, now)
    grown = {name: quantity.subtract(amount, before.get(name, "0")) for name, amount in after.items()}
    return {name: amount for name, amount in grown.items() if quantity.number(amount) > 0}


def _exceeded(
    attributes: Attributes,
    of: ResourceQuota,
    more: Mapping[str, Quantity],
    used: Mapping[str, Quantity],
    names: Sequence[str],
) -> errors.Forbidden:
    return forbidden(
        attributes,
        f"exceeded quota: {of.metadata.name}, requested: {_listed(more, names)}, used: {_listed(used, names)}, "
        f"limited: {_listed(of.spec.hard, names)}",
    )


def _listed(amounts: Mapping[str, Quantity], names: Iterable[str]) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in names)


class _Books:
    """The ledgers of all quotas that were asked for, kept current from then on."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._ledgers: dict[str, dict[str, Ledger]] = {}
        """By namespace and the quota's uid."""
        self._followed: set[str] = set()
        core.live(_QUOTAS).listeners.append(self._quota_changed)

    def ledger(self, entry: Entry) -> Ledger:
        of: ResourceQuota = entry.object
        namespace, uid = of.metadata.namespace, of.metadata.uid
        known = self._ledgers.setdefault(namespace, {})
        ledger = known.get(uid)
        if ledger is None or ledger.spec != of.spec:
            ledger = known[uid] = Ledger(of.spec, ledger)
            self._fill(ledger, namespace)
        return ledger

    def _fill(self, ledger: Ledger, namespace: str) -> None:
        now = self.core.clock.now()
        for resource in sorted(ledger.resources):
            collection = self._collection(resource)
            if collection is None:
                continue
            if resource not in self._followed:
                self._followed.add(resource)
                collection.listeners.append(partial(self._changed, resource))
            for entry in collection.namespace(namespace).values():
                ledger.put(resource, entry.object, now)

    def _collection(self, resource: str) -> Collection | None:
        """None for what this server doesn't serve: there are no objects of it."""
        try:
            return self.core.live(resource)
        except KeyError:
            return None

    def _changed(self, resource: str, event: Event) -> None:
        if not self._ledgers:
            return
        obj = event.entry.object
        for ledger in self._ledgers.get(obj.metadata.namespace, {}).values():
            if resource not in ledger.resources:
                continue
            if event.deleted:
                ledger.remove(resource, obj)
            else:
                ledger.put(resource, obj, self.core.clock.now())

    def _quota_changed(self, event: Event) -> None:
        if event.deleted:
            metadata = event.entry.object.metadata
            known = self._ledgers.get(metadata.namespace, {})
            known.pop(metadata.uid, None)
            if not known:
                self._ledgers.pop(metadata.namespace, None)
