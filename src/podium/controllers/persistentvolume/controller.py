"""Carries out what claims.py and volumes.py decide.

A binding is two references, written one after the other: first the volume's, which only one claim can win, then the
claim's. Whoever finds one without the other completes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from podium.client.queue import WorkQueue
from podium.controllers.context import Context
from podium.controllers.persistentvolume import claims, directories, match, volumes
from podium.controllers.persistentvolume.names import (
    BETA_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    reference_to,
)
from podium.controllers.pods import is_active
from podium.controllers.worker import DONE, Result
from podium.machinery import errors
from podium.models import core_v1, storage_classes, storage_v1
from podium.models.pod_claims import claims_of

T = TypeVar("T")
Key = tuple[str, str, str]
"""The kind, "claim" or "volume", and the namespace and name."""

_WAITING = "waiting-class"
_OF_CLASS = "class"
_KEPT_FOR = "claim"
_USES = "users"
RETRY_SECONDS = 15.0
"""After which a volume is tried again that could not be made."""


def _waiting_class(claim: core_v1.PersistentVolumeClaim) -> Iterable[str]:
    """The class of a claim that has no volume yet."""
    return () if claim.spec.volumeName else (storage_classes.class_of(claim),)


def _free_class(volume: core_v1.PersistentVolume) -> Iterable[str]:
    return (storage_classes.class_of(volume),) if volume.spec.claimRef is None else ()


def _kept_for(volume: core_v1.PersistentVolume) -> Iterable[str]:
    reference = volume.spec.claimRef
    return (f"{reference.namespace}/{reference.name}",) if reference is not None else ()


def _used_claims(pod: core_v1.Pod) -> Iterable[str]:
    if not pod.spec.volumes or not is_active(pod):
        return ()
    return [f"{pod.metadata.namespace}/{name}" for name in claims_of(pod)]


def _is_directory(volume: core_v1.PersistentVolume) -> bool:
    """Whether it was made here."""
    return volume.metadata.annotations.get(PROVISIONED_BY) == storage_classes.DIRECTORY_PROVISIONER


class PersistentVolumeController:
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        self._context = context
        self._client = context.client
        self._queue = queue
        self._recorder = context.recorder("persistentvolume-controller")
        self._claims = context.informers.of(core_v1.PersistentVolumeClaim)
        self._volumes = context.informers.of(core_v1.PersistentVolume)
        self._classes = context.informers.of(storage_v1.StorageClass)
        self._nodes = context.informers.of(core_v1.Node)
        self._pods = context.informers.of(core_v1.Pod)
        self._newest: dict[str, int] = {}
        """The revision of what was written last, by uid, until the cache shows it."""
        self._claims.add_index(_WAITING, _waiting_class)
        self._volumes.add_index(_OF_CLASS, _free_class)
        self._volumes.add_index(_KEPT_FOR, _kept_for)
        self._pods.add_index(_USES, _used_claims)
        context.on_change(self._claims, self._claim_changed)
        context.on_change(self._volumes, self._volume_changed)
        context.on_change(self._classes, self._class_changed)
        context.on_change(self._pods, self._pod_changed)

    # What to look at

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        either = new or old
        if either is None:
            return
        metadata = either.metadata
        self._seen(either, gone=new is None)
        self._queue.add(("claim", metadata.namespace, metadata.name))
        for volume in self._volumes.by_index(_KEPT_FOR, f"{metadata.namespace}/{metadata.name}"):
            self._queue.add(("volume", "", volume.metadata.name))
        if either.spec.volumeName:
            self._queue.add(("volume", "", either.spec.volumeName))

    def _volume_changed(self, old: core_v1.PersistentVolume | None, new: core_v1.PersistentVolume | None) -> None:
        either = new or old
        if either is None:
            return
        self._seen(either, gone=new is None)
        self._queue.add(("volume", "", either.metadata.name))
        for one in (old, new):
            reference = one.spec.claimRef if one is not None else None
            if reference is not None:
                self._queue.add(("claim", reference.namespace, reference.name))
        if new is not None and new.spec.claimRef is None and new.status.phase == "Available":
            self._class_waits(storage_classes.class_of(new))

    def _class_changed(self, old: storage_v1.StorageClass | None, new: storage_v1.StorageClass | None) -> None:
        if new is not None:
            self._class_waits(new.metadata.name)
            if storage_classes.is_default(new):
                self._class_waits("")

    def _pod_changed(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        if new is None or not new.spec.nodeName or not new.spec.volumes or (old is not None and old.spec.nodeName):
            return
        for name in claims_of(new):
            claim = self._claims.get(new.metadata.namespace, name)
            if claim is not None and not claim.spec.volumeName:
                self._queue.add(("claim", new.metadata.namespace, name))

    def _class_waits(self, name: str) -> None:
        for claim in self._claims.by_index(_WAITING, name):
            self._queue.add(("claim", claim.metadata.namespace, claim.metadata.name))

    def _seen(self, obj: Any, *, gone: bool) -> None:
        if gone or not self._is_old(obj):
            self._newest.pop(obj.metadata.uid, None)

    def _is_old(self, obj: Any) -> bool:
        """Whether the cache is behind what was written here. What is newer comes, and the key with it."""
        return int(obj.metadata.resourceVersion) < self._newest.get(obj.metadata.uid, 0)

    async def _update(self, obj: T, subresource: str = "") -> T:
        written: Any = await self._client.update(obj, subresource)
        self._newest[written.metadata.uid] = int(written.metadata.resourceVersion)
        return cast(T, written)

    async def reconcile(self, key: Key) -> Result:
        kind, namespace, name = key
        if kind == "claim":
            claim = self._claims.get(namespace, name)
            if claim is not None and not self._is_old(claim):
                return await self._look_at_claim(claim)
        else:
            volume = self._volumes.get("", name)
            if volume is not None and not self._is_old(volume):
                await self._look_at_volume(volume)
        return DONE

    # Claims

    async def _look_at_claim(self, claim: core_v1.PersistentVolumeClaim) -> Result:
        plan = claims.decide(claim, self._facts(claim))
        if plan.bind is not None:
            await self._bind(plan.bind, claim)
            return DONE
        if plan.assign:
            await self._update(replace(claim, spec=replace(claim.spec, storageClassName=plan.assign)))
            return DONE
        if plan.select:
            annotations = {**claim.metadata.annotations, SELECTED_NODE: plan.select}
            await self._update(replace(claim, metadata=replace(claim.metadata, annotations=annotations)))
            return DONE
        if plan.provision is not None:
            return await self._provision(claim, plan.provision)
        if plan.tell is not None and not (plan.phase == "Lost" == claim.status.phase):
            self._recorder.event(claim, *plan.tell)
        if claim.status.phase != plan.phase:
            empty = core_v1.PersistentVolumeClaimStatus(phase=plan.phase)
            await self._update(replace(claim, status=empty), "status")
        return DONE

    def _facts(self, claim: core_v1.PersistentVolumeClaim) -> claims.Facts:
        key = f"{claim.metadata.namespace}/{claim.metadata.name}"
        named = self._volumes.get("", claim.spec.volumeName) if claim.spec.volumeName else None
        name = storage_classes.class_of(claim)
        candidates = (*self._volumes.by_index(_KEPT_FOR, key), *self._volumes.by_index(_OF_CLASS, name))
        users = self._pods.by_index(_USES, key)
        on_nodes = [pod.spec.nodeName for pod in users if self._nodes.get("", pod.spec.nodeName) is not None]
        return claims.Facts(
            named,
            [volume for volume in candidates if not self._is_old(volume)],
            self._classes.get("", name) if name else None,
            storage_classes.default(self._classes.list()),
            min((pod.metadata.name for pod in users if not pod.spec.nodeName), default=""),
            min(on_nodes, default=""),
        )

    async def _bind(self, volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> None:
        """Write what is missing of the two references and the two statuses, in this order."""
        reference = volume.spec.claimRef
        if reference is None or reference.uid != claim.metadata.uid:
            annotations = volume.metadata.annotations
            if reference is None:
                annotations = {**annotations, BOUND_BY_CONTROLLER: "yes"}
            metadata = replace(volume.metadata, annotations=annotations)
            spec = replace(volume.spec, claimRef=reference_to(claim))
            volume = await self._update(replace(volume, metadata=metadata, spec=spec))
        volume = await self._grow(await self._set_phase(volume, "Bound"), claim)
        annotations = {**claim.metadata.annotations, BIND_COMPLETED: "yes"}
        if not claim.spec.volumeName:
            annotations[BOUND_BY_CONTROLLER] = "yes"
        if annotations != claim.metadata.annotations:
            metadata = replace(claim.metadata, annotations=annotations)
            spec_ = replace(claim.spec, volumeName=volume.metadata.name)
            claim = await self._update(replace(claim, metadata=metadata, spec=spec_))
        fresh = claim.status.phase != "Bound" or _is_directory(volume)
        status = replace(
            claim.status,
            phase="Bound",
            accessModes=volume.spec.accessModes,
            capacity=dict(volume.spec.capacity) if fresh else claim.status.capacity,
        )
        if status != claim.status:
            await self._update(replace(claim, status=status), "status")

    async def _grow(
        self, volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim
    ) -> core_v1.PersistentVolume:
        """A directory holds as much as is asked for."""
        if not _is_directory(volume) or match.wanted(claim) <= match.capacity(volume):
            return volume
        capacity = {"storage": claim.spec.resources.requests["storage"]}
        grown = await self._update(replace(volume, spec=replace(volume.spec, capacity=capacity)))
        self._recorder.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")
        return grown

    async def _provision(self, claim: core_v1.PersistentVolumeClaim, storage_class: storage_v1.StorageClass) -> Result:
        """Make a volume for the claim, or say who is to."""
        provisioner = storage_class.provisioner
        if provisioner.startswith("kubernetes.io/"):
            message = f"no volume plugin matched name: {provisioner}"
            self._recorder.event(claim, "Warning", "ProvisioningFailed", message)
            return DONE
        noted = {**claim.metadata.annotations, PROVISIONER: provisioner, BETA_PROVISIONER: provisioner}
        if noted != claim.metadata.annotations:
            claim = await self._update(replace(claim, metadata=replace(claim.metadata, annotations=noted)))
        root = self._context.volumes
        if provisioner != storage_classes.DIRECTORY_PROVISIONER or root is None:
            message = (
                f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by "
                "the system administrator. If volume creation is delayed, please verify that the provisioner is "
                "running and correctly registered."
            )
            self._recorder.event(claim, "Normal", "ExternalProvisioning", message)
            return DONE
        try:
            if claim.spec.volumeMode == "Block":
                raise LookupError(f"{provisioner} does not support block volume provisioning")
            hostname = self._hostname(claim)
            path = directories.path_for(root, claim)
            directories.make(path)
        except (LookupError, OSError) as problem:
            message = f'Failed to provision volume with StorageClass "{storage_class.metadata.name}": {problem}'
            self._recorder.event(claim, "Warning", "ProvisioningFailed", message)
            await self._choose_again(claim)
            return Result(requeue_after=RETRY_SECONDS) if isinstance(problem, OSError) else DONE
        volume = directories.volume_for(claim, storage_class, path, hostname)
        with contextlib.suppress(errors.AlreadyExists):
            await self._client.create(volume)
            message = f"Successfully provisioned volume {volume.metadata.name} using {provisioner}"
            self._recorder.event(claim, "Normal", "ProvisioningSucceeded", message)
        return DONE

    def _hostname(self, claim: core_v1.PersistentVolumeClaim) -> str:
        """Of the node that was chosen for the claim, if one was; LookupError if that is gone."""
        name = claim.metadata.annotations.get(SELECTED_NODE, "")
        if not name:
            return ""
        node = self._nodes.get("", name)
        if node is None:
            raise LookupError(f'failed to get target node: node "{name}" not found')
        return node.metadata.labels.get(directories.HOSTNAME, name)

    async def _choose_again(self, claim: core_v1.PersistentVolumeClaim) -> None:
        """The scheduler is told by the annotation's absence that the node won't do, unless a Pod is there already."""
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if selected is not None and selected != self._facts(claim).node:
            kept = {key: value for key, value in claim.metadata.annotations.items() if key != SELECTED_NODE}
            await self._update(replace(claim, metadata=replace(claim.metadata, annotations=kept)))

    # Volumes

    async def _look_at_volume(self, volume: core_v1.PersistentVolume) -> None:
        claim = await self._claim_of(volume)
        plan = volumes.decide(volume, claim)
        if plan.unbind:
            volume = await self._unbind(volume, plan.unbind)
        if plan.phase:
            volume = await self._set_phase(volume, plan.phase, plan.message, plan.reason)
        reference = volume.spec.claimRef
        if plan.bind and reference is not None:
            self._queue.add(("claim", reference.namespace, reference.name))
        if plan.delete:
            await self._delete(volume)

    async def _claim_of(self, volume: core_v1.PersistentVolume) -> core_v1.PersistentVolumeClaim | None:
        """The claim that the volume refers to. Before it is taken for gone the API is asked, not the cache: what the
        volume holds may depend on it."""
        reference = volume.spec.claimRef
        if reference is None or not reference.uid:
            return None
        claim = self._claims.get(reference.namespace, reference.name)
        if claim is None or claim.metadata.uid != reference.uid:
            try:
                claim = await self._client.get(core_v1.PersistentVolumeClaim, reference.namespace, reference.name)
            except errors.NotFound:
                return None
        return claim if claim.metadata.uid == reference.uid else None

    async def _unbind(self, volume: core_v1.PersistentVolume, how: str) -> core_v1.PersistentVolume:
        annotations = dict(volume.metadata.annotations)
        reference: Any = None
        if how == "all":
            annotations.pop(BOUND_BY_CONTROLLER, None)
        elif volume.spec.claimRef is not None:
            reference = replace(volume.spec.claimRef, uid="")
        metadata = replace(volume.metadata, annotations=annotations)
        return await self._update(replace(volume, metadata=metadata, spec=replace(volume.spec, claimRef=reference)))

    async def _set_phase(
        self, volume: core_v1.PersistentVolume, phase: str, message: str = "", reason: str = ""
    ) -> core_v1.PersistentVolume:
        if volume.status.phase == phase:
            return volume
        if reason:
            self._recorder.event(volume, "Warning", reason, message)
        status = core_v1.PersistentVolumeStatus(
            phase=phase, message=message, lastPhaseTransitionTime=self._context.now()
        )
        return await self._update(replace(volume, status=status), "status")

    async def _delete(self, volume: core_v1.PersistentVolume) -> None:
        """Its claim is gone, and so is what it holds. Volumes of others are theirs to delete."""
        root = self._context.volumes
        if root is None or not _is_directory(volume):
            return
        try:
            await directories.remove(self._context.clock, root, volume)
        except OSError as problem:
            await self._set_phase(volume, "Failed", str(problem), "VolumeFailedDelete")
            return
        if volume.metadata.deletionTimestamp is None:
            with contextlib.suppress(errors.NotFound):
                await self._client.delete(core_v1.PersistentVolume, "", volume.metadata.name)
