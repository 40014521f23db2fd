"""A Pod's ephemeral volume is a claim of its own, named after Pod and volume, that goes with the Pod."""

from __future__ import annotations

import contextlib

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import codec, core_v1, meta_v1, owners


class EphemeralVolumeController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("ephemeral_volume")
        self._claims = context.informers.of(core_v1.PersistentVolumeClaim)
        self._pods = context.informers.of(core_v1.Pod)
        context.on_change(self._pods, self._pod_changed)
        context.on_change(self._claims, self._claim_changed)

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is not None and old is None and any(volume.ephemeral is not None for volume in new.spec.volumes):
            self._queue.add((new.metadata.namespace, new.metadata.name))

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        """A claim that somebody deleted is made again."""
        owner = owners.controller_of(old) if new is None and old is not None else None
        if old is not None and owner is not None and owner.kind == "Pod":
            self._queue.add((old.metadata.namespace, owner.name))

    async def reconcile(self, key: Key) -> Result:
        pod = self._pods.get(*key)
        if pod is None or pod.metadata.deletionTimestamp is not None:
            return DONE
        for volume in pod.spec.volumes:
            if volume.ephemeral is not None and volume.ephemeral.volumeClaimTemplate is not None:
                await self._ensure(pod, volume.name, volume.ephemeral.volumeClaimTemplate)
        return DONE

    async def _ensure(self, pod: core_v1.Pod, volume: str, template: core_v1.PersistentVolumeClaimTemplate) -> None:
        namespace, name = pod.metadata.namespace, f"{pod.metadata.name}-{volume}"
        there = self._claims.get(namespace, name)
        if there is None:
            with contextlib.suppress(errors.AlreadyExists):
                await self._create(pod, name, template)
        elif not owners.is_controlled_by(there, pod):
            raise errors.Conflict(
                "persistentvolumeclaims", name, f"PVC {namespace}/{name} was not created for pod (pod is not owner)"
            )

    async def _create(self, pod: core_v1.Pod, name: str, template: core_v1.PersistentVolumeClaimTemplate) -> None:
        metadata = meta_v1.ObjectMeta(
            name=name,
            namespace=pod.metadata.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            ownerReferences=(owners.new_controller_ref(pod),),
        )
        try:
            await self._client.create(core_v1.PersistentVolumeClaim(metadata=metadata, spec=codec.copy(template.spec)))
        except errors.AlreadyExists:
            raise
        except errors.StatusError as error:
            message = f"ephemeral volume controller failed to create PVC {pod.metadata.namespace}/{name}: {error}"
            self._recorder.event(pod, "Warning", "FailedToCreate", message)
            raise
