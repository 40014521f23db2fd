"""The namespace controller: deletes all that is in a Namespace that is being deleted, Pods first, then finalizes it.

Pods go before everything else, so that what protects or serves them (NetworkPolicies, Secrets) outlives them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from podium.client.queue import WorkQueue
from podium.controllers import status
from podium.controllers.batches import all_at_once
from podium.controllers.context import Context, Key
from podium.controllers.namespace import decide
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1
from podium.models.resources import ResourceType

FINALIZER = "kubernetes"
FIRST_RETRY = 0.5
LONGEST_RETRY = 15.0
"""What remains has finalizers, or containers that are still ending: look again, less and less often."""


class NamespaceController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._namespaces = context.informers.of(core_v1.Namespace)
        self._pods = context.informers.of(core_v1.Pod)
        rows = {(row.group, row.kind): row for row in reversed(context.resources) if row.namespaced}
        self._resources = sorted(rows.values(), key=lambda row: (row.group, row.plural) != ("", "pods"))
        self._attempts: Counter[str] = Counter()
        context.on_change(self._namespaces, self._namespace_changed)
        context.on_change(self._pods, self._pod_changed)

    def _namespace_changed(self, old: core_v1.Namespace | None, new: core_v1.Namespace | None) -> None:
        if new is None:
            if old is not None:
                del self._attempts[old.metadata.name]
        elif new.metadata.deletionTimestamp is not None:
            self._queue.add(("", new.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        """The last Pod that goes lets everything else follow."""
        if new is not None or old is None:
            return
        namespace = self._namespaces.get("", old.metadata.namespace)
        if namespace is None or namespace.metadata.deletionTimestamp is None:
            return
        if not self._pods.list(old.metadata.namespace):
            self._queue.add(("", old.metadata.namespace))

    async def reconcile(self, key: Key) -> Result:
        shown = self._namespaces.get(*key)
        if shown is None or shown.metadata.deletionTimestamp is None:
            return DONE
        try:  # not the cache's: it may have been finalized since, and be another one of that name
            namespace = await self._client.get(core_v1.Namespace, *key)
        except errors.NotFound:
            return DONE
        if namespace.metadata.deletionTimestamp is None:
            return DONE
        if FINALIZER not in namespace.spec.finalizers:
            return DONE
        name = namespace.metadata.name
        remaining = await self._empty(name)
        new_status = decide.status(namespace, remaining, self._context.now())
        if new_status != namespace.status:
            try:
                namespace = await status.write(self._client, namespace, new_status)
            except errors.NotFound:
                return DONE
        if not remaining.empty:
            self._attempts[name] += 1
            return Result(requeue_after=min(FIRST_RETRY * 2 ** min(self._attempts[name] - 1, 6), LONGEST_RETRY))
        finalized = codec.copy(namespace)
        finalized.spec.finalizers = tuple(one for one in finalized.spec.finalizers if one != FINALIZER)
        try:
            await self._client.update(finalized, "finalize")
        except errors.NotFound:
            return DONE
        return DONE

    async def _empty(self, namespace: str) -> decide.Remaining:
        """Tell everything to go and count what is still there afterwards. While there are Pods, only they are told."""
        objects: Counter[str] = Counter()
        finalizers: Counter[str] = Counter()
        failures: list[str] = []
        for resource in self._resources:
            failure, left = await self._empty_of(resource, namespace)
            if failure is not None:
                failures.append(str(failure))
            if left:
                objects[f"{resource.plural}.{resource.group}"] += len(left)
                finalizers.update(finalizer for obj in left for finalizer in obj.metadata.finalizers)
            if left and (resource.group, resource.plural) == ("", "pods"):
                break
        return decide.Remaining(objects, finalizers, failures)

    async def _empty_of(
        self, resource: ResourceType, namespace: str
    ) -> tuple[errors.StatusError | None, Sequence[Any]]:
        """What went wrong, and what is left."""
        found = await self._client.list(resource.model, namespace)
        if not found:
            return None, ()
        failure = await all_at_once(
            [self._delete(resource, obj) for obj in found if obj.metadata.deletionTimestamp is None]
        )
        return failure, await self._client.list(resource.model, namespace)

    async def _delete(self, resource: ResourceType, obj: Any) -> None:
        metadata = obj.metadata
        options = meta_v1.DeleteOptions(propagationPolicy="Background")
        try:
            await self._client.delete(resource.model, metadata.namespace, metadata.name, options)
        except errors.NotFound:
            return
