"""The garbage collector: hears of every change of every kind, looks at the few objects it concerns, and acts.

An object is looked at when one of its owners went, began to wait for it, or can't be found; an owner that deletes in
the foreground, whenever a dependent went.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from podium.client.informers import Handler
from podium.client.queue import WorkQueue
from podium.controllers.batches import all_at_once
from podium.controllers.context import Context
from podium.controllers.garbage import decide
from podium.controllers.garbage.decide import FOREGROUND, ORPHAN, Standing
from podium.controllers.garbage.graph import Graph, Item
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, meta_v1
from podium.models.resources import ResourceType

REST_PER_DEPENDENT = 10e-6
IGNORED = frozenset({("", "Event"), ("events.k8s.io", "Event")})
"""Events come and go by themselves, and nothing owns them."""


class GarbageCollector:
    def __init__(self, context: Context, queue: WorkQueue[Item]) -> None:
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("garbage-collector-controller")
        collected = [row for row in context.resources if (row.group, row.kind) not in IGNORED]
        self._graph = Graph(context.informers, collected)
        for resource, informer in self._graph.kinds.values():
            context.on_change(informer, self._handler(resource))

    # What concerns whom

    def _handler(self, resource: ResourceType) -> Handler[Any]:
        def changed(old: Any | None, new: Any | None) -> None:
            if new is None:
                self._deleted(resource, old.metadata)  # type: ignore[union-attr]
            else:
                self._changed(resource, None if old is None else old.metadata, new.metadata)

        return changed

    def _deleted(self, resource: ResourceType, metadata: meta_v1.ObjectMeta) -> None:
        self._graph.remember_gone(metadata.uid)
        if metadata.ownerReferences:
            self._graph.note(_item(resource, metadata), metadata.ownerReferences, ())
        for item, _ in self._graph.dependents(metadata.uid):
            self._queue.add(item)
        self._tell_waiting_owners(metadata.namespace, metadata.ownerReferences)

    def _changed(self, resource: ResourceType, old: meta_v1.ObjectMeta | None, new: meta_v1.ObjectMeta) -> None:
        if new.deletionTimestamp is not None:
            for finalizer in (FOREGROUND, ORPHAN):
                if finalizer in new.finalizers and (old is None or not decide.is_deleting(old, finalizer)):
                    self._queue.add(_item(resource, new))
                    self._tell_dependents(new.uid)
        references = new.ownerReferences
        before = old.ownerReferences if old is not None else ()
        if references == before:
            return
        self._graph.note(_item(resource, new), before, references)
        if any(self._cached(new.namespace, reference) is not Standing.SOLID for reference in references):
            self._queue.add(_item(resource, new))
        self._tell_waiting_owners(new.namespace, before)

    def _tell_dependents(self, uid: str) -> None:
        for item, _ in self._graph.dependents(uid):
            self._queue.add(item)

    def _tell_waiting_owners(self, namespace: str, references: tuple[meta_v1.OwnerReference, ...]) -> None:
        """Owners that wait in the foreground for what these references were of."""
        for reference in references:
            found = self._graph.kind_of(reference)
            if found is None:
                continue
            resource, informer = found
            owner = informer.get(namespace if resource.namespaced else "", reference.name)
            if owner is not None and decide.is_deleting(owner.metadata, FOREGROUND):
                self._queue.add(_item(resource, owner.metadata))

    # How owners stand

    def _cached(self, namespace: str, reference: meta_v1.OwnerReference) -> Standing | None:
        """What the caches say of an owner; None when they can't tell that it is gone for certain."""
        found = self._graph.kind_of(reference)
        if found is None or (found[0].namespaced and not namespace):
            return Standing.SOLID  # nothing can be said about it, so nothing is done
        resource, informer = found
        owner = informer.get(namespace if resource.namespaced else "", reference.name)
        if owner is not None and owner.metadata.uid == reference.uid:
            return decide.standing_of(owner)
        return Standing.GONE if self._graph.is_known_gone(reference.uid) else None

    async def _standing(self, namespace: str, reference: meta_v1.OwnerReference) -> Standing:
        """What the API says of an owner that the caches don't know."""
        if (cached := self._cached(namespace, reference)) is not None:
            return cached
        found = self._graph.kind_of(reference)
        assert found is not None
        resource, _ = found
        try:
            owner = await self._client.get(resource.model, namespace if resource.namespaced else "", reference.name)
        except errors.NotFound:
            owner = None
        if owner is not None and owner.metadata.uid == reference.uid:
            return decide.standing_of(owner)
        self._graph.remember_gone(reference.uid)
        return Standing.GONE

    # What is done about it

    async def reconcile(self, item: Item) -> Result:
        obj = self._graph.get(item)
        if obj is None:
            return DONE
        metadata: meta_v1.ObjectMeta = obj.metadata
        if decide.is_deleting(metadata, ORPHAN):
            await self._orphan(item, metadata)
            return DONE
        if decide.is_deleting(metadata, FOREGROUND):
            return await self._await_dependents(item, metadata)
        if metadata.deletionTimestamp is not None or not metadata.ownerReferences:
            return DONE
        self._warn_of_namespaces(item, obj)
        standings = {
            reference.uid: await self._standing(metadata.namespace, reference) for reference in metadata.ownerReferences
        }
        waited_for = Standing.WAITING in standings.values()
        dependents = [one.metadata for _, one in self._graph.dependents(item.uid)] if waited_for else []
        await self._carry_out(item, metadata, decide.decide(metadata, standings, dependents))
        return DONE

    async def _carry_out(self, item: Item, metadata: meta_v1.ObjectMeta, plan: decide.Plan) -> None:
        if plan.drop:
            references = decide.without_owners(metadata.ownerReferences, plan.drop)
            await self._set_owners(item, metadata, references)
        if plan.unblock:
            unblocked = codec.copy(metadata).ownerReferences
            for reference in unblocked:
                reference.blockOwnerDeletion = False
            await self._set_owners(item, metadata, unblocked)
        if not plan.delete:
            return
        preconditions = meta_v1.Preconditions(
            uid=item.uid, resourceVersion="" if plan.unblock else metadata.resourceVersion
        )
        options = meta_v1.DeleteOptions(propagationPolicy=plan.delete, preconditions=preconditions)
        try:
            await self._client.delete(self._model(item), item.namespace, item.name, options)
        except errors.NotFound:
            return

    async def _orphan(self, item: Item, metadata: meta_v1.ObjectMeta) -> None:
        """Let the dependents live on without the owner, then let the owner go."""
        releases: list[Awaitable[object]] = [
            self._set_owners(dependent, obj.metadata, decide.without_owners(obj.metadata.ownerReferences, (item.uid,)))
            for dependent, obj in self._graph.dependents(item.uid)
        ]
        failure = await all_at_once(releases)
        if failure is not None:
            raise failure
        await self._remove_finalizer(item, metadata, ORPHAN)

    async def _await_dependents(self, item: Item, metadata: meta_v1.ObjectMeta) -> Result:
        """Let the owner go when nothing is left that holds it back."""
        blocking = [
            (dependent, obj.metadata)
            for dependent, obj in self._graph.dependents(item.uid)
            if decide.blocks(obj.metadata, item.uid)
        ]
        if not blocking:
            await self._remove_finalizer(item, metadata, FOREGROUND)
            return DONE
        for dependent, its_metadata in blocking:
            if its_metadata.deletionTimestamp is None:
                self._queue.add(dependent)
        return Result(rest=len(blocking) * REST_PER_DEPENDENT)

    async def _set_owners(
        self, item: Item, metadata: meta_v1.ObjectMeta, references: tuple[meta_v1.OwnerReference, ...]
    ) -> None:
        await self._patch(item, metadata, {"ownerReferences": codec.to_tree(references)})

    async def _remove_finalizer(self, item: Item, metadata: meta_v1.ObjectMeta, finalizer: str) -> None:
        await self._patch(item, metadata, {"finalizers": [one for one in metadata.finalizers if one != finalizer]})

    async def _patch(self, item: Item, metadata: meta_v1.ObjectMeta, changes: dict[str, Any]) -> None:
        """Change metadata, unless it has changed since: then this is tried again with what it is by then."""
        patch = {"metadata": {"uid": item.uid, "resourceVersion": metadata.resourceVersion, **changes}}
        try:
            await self._client.patch(self._model(item), item.namespace, item.name, patch, "merge")
        except errors.NotFound:
            return

    def _model(self, item: Item) -> type[Any]:
        return self._graph.kinds[item.group, item.kind][0].model

    def _warn_of_namespaces(self, item: Item, obj: Any) -> None:
        """A reference can't cross namespaces, nor can an object without a namespace have an owner with one."""
        for reference in obj.metadata.ownerReferences:
            found = self._graph.kind_of(reference)
            if found is not None and found[0].namespaced and not item.namespace:
                what = f"[{reference.apiVersion}/{reference.kind}, namespace: , name: {reference.name}, uid: "
                message = f'ownerRef {what}{reference.uid}] does not exist in namespace ""'
                self._recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", message)


def _item(resource: ResourceType, metadata: meta_v1.ObjectMeta) -> Item:
    return Item(resource.group, resource.kind, metadata.namespace, metadata.name, metadata.uid)
