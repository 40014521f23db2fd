"""Holds claims that Pods use and volumes that are bound by a finalizer, and lets go of them afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers import pods as pod_rules
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import core_v1
from podium.models.pod_claims import claims_of

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
_USES = "running-claim"


def claims_in_use(pod: core_v1.Pod) -> Iterable[str]:
    """The claims that a Pod keeps from going: those of a Pod that a node has and that isn't finished."""
    if not pod.spec.nodeName or pod_rules.is_finished(pod):
        return ()
    return [f"{pod.metadata.namespace}/{name}" for name in claims_of(pod)]


async def set_finalizer(context: Context, obj: Any, finalizer: str, *, wanted: bool) -> None:
    """Put it on the object or take it off."""
    metadata = obj.metadata
    if wanted == (finalizer in metadata.finalizers):
        return
    others = tuple(one for one in metadata.finalizers if one != finalizer)
    finalizers = (*others, finalizer) if wanted else others
    with contextlib.suppress(errors.NotFound):
        await context.client.update(replace(obj, metadata=replace(metadata, finalizers=finalizers)))


class ClaimProtectionController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._queue = queue
        self._claims = context.informers.of(core_v1.PersistentVolumeClaim)
        self._pods = context.informers.of(core_v1.Pod)
        self._pods.add_index(_USES, claims_in_use)
        context.on_change(self._claims, self._claim_changed)
        context.on_change(self._pods, self._pod_changed)

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        if new is not None:
            self._queue.add((new.metadata.namespace, new.metadata.name))

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        """Only a Pod that lets go of claims is of interest."""
        before = claims_in_use(old) if old is not None else ()
        after = claims_in_use(new) if before and new is not None else ()
        for claim in before:
            if claim not in after:
                namespace, _, name = claim.partition("/")
                self._queue.add((namespace, name))

    async def reconcile(self, key: Key) -> Result:
        claim = self._claims.get(*key)
        if claim is None:
            return DONE
        if claim.metadata.deletionTimestamp is None:
            await set_finalizer(self._context, claim, CLAIM_FINALIZER, wanted=True)
        elif CLAIM_FINALIZER in claim.metadata.finalizers and not await self._is_used(key):
            await set_finalizer(self._context, claim, CLAIM_FINALIZER, wanted=False)
        return DONE

    async def _is_used(self, key: Key) -> bool:
        """The API has the last word: the cache may not know yet of a Pod that has just been bound."""
        name = "/".join(key)
        if self._pods.by_index(_USES, name):
            return True
        pods = await self._context.client.list(core_v1.Pod, key[0])
        return any(name in claims_in_use(pod) for pod in pods)


class VolumeProtectionController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._queue = queue
        self._volumes = context.informers.of(core_v1.PersistentVolume)
        context.on_change(self._volumes, self._volume_changed)

    def _volume_changed(self, old: core_v1.PersistentVolume | None, new: core_v1.PersistentVolume | None) -> None:
        if new is not None:
            self._queue.add(("", new.metadata.name))

    async def reconcile(self, key: Key) -> Result:
        volume = self._volumes.get(*key)
        if volume is not None:
            used = volume.metadata.deletionTimestamp is None or volume.status.phase == "Bound"
            if used == (volume.metadata.deletionTimestamp is None):
                await set_finalizer(self._context, volume, VOLUME_FINALIZER, wanted=used)
        return DONE
