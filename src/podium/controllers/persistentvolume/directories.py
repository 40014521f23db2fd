"""Volumes that are directories of this machine: how one looks as a PersistentVolume, making it and taking it away.

All nodes run on this machine. A volume that was made for a Pod of one node stays with that node nevertheless, as a disk
would.
"""

from __future__ import annotations

import os
from pathlib import Path

from podium.clock import Clock
from podium.controllers.persistentvolume.names import BOUND_BY_CONTROLLER, PROVISIONED_BY, reference_to
from podium.models.core_v1 import (
    HostPathVolumeSource,
    LocalVolumeSource,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    VolumeNodeAffinity,
)
from podium.models.meta_v1 import ObjectMeta
from podium.models.storage_classes import DIRECTORY_PROVISIONER
from podium.models.storage_v1 import StorageClass

FOLDERS_AT_ONCE = 16
HOSTNAME = "kubernetes.io/hostname"


def volume_name(claim: PersistentVolumeClaim) -> str:
    """The same each time: a volume that was made just before a crash is found again."""
    return f"pvc-{claim.metadata.uid}"


def path_for(root: Path, claim: PersistentVolumeClaim) -> Path:
    return root / f"{volume_name(claim)}_{claim.metadata.namespace}_{claim.metadata.name}"


def volume_for(
    claim: PersistentVolumeClaim, storage_class: StorageClass, path: Path, hostname: str
) -> PersistentVolume:
    """The volume made for a claim. Without a hostname it is within reach of every node."""
    local = LocalVolumeSource(path=str(path)) if hostname else None
    anywhere = None if hostname else HostPathVolumeSource(path=str(path), type="DirectoryOrCreate")
    return PersistentVolume(
        metadata=ObjectMeta(
            name=volume_name(claim),
            annotations={PROVISIONED_BY: DIRECTORY_PROVISIONER, BOUND_BY_CONTROLLER: "yes"},
        ),
        spec=PersistentVolumeSpec(
            accessModes=claim.spec.accessModes,
            capacity={"storage": claim.spec.resources.requests["storage"]},
            claimRef=reference_to(claim),
            hostPath=anywhere,
            local=local,
            mountOptions=storage_class.mountOptions,
            nodeAffinity=_only(hostname) if hostname else None,
            persistentVolumeReclaimPolicy=storage_class.reclaimPolicy or "Delete",
            storageClassName=storage_class.metadata.name,
            volumeMode=claim.spec.volumeMode or "Filesystem",
        ),
    )


def _only(hostname: str) -> VolumeNodeAffinity:
    requirement = NodeSelectorRequirement(key=HOSTNAME, operator="In", values=(hostname,))
    term = NodeSelectorTerm(matchExpressions=(requirement,))
    return VolumeNodeAffinity(required=NodeSelector(nodeSelectorTerms=(term,)))


def make(path: Path) -> None:
    """For whoever the containers run as. OSError."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)


async def remove(clock: Clock, root: Path, volume: PersistentVolume) -> None:
    """Take away what the volume holds, if it is one that was made here. OSError.

    Others get their turn now and then: there may be a million files.
    """
    path = path_of(volume)
    if path is None or path.parent != root or not path.exists():
        return
    for count, (folder, folders, files) in enumerate(os.walk(path, topdown=False)):
        inside = Path(folder)
        for name in files:
            (inside / name).unlink(missing_ok=True)
        for name in folders:
            _remove_folder(inside / name)
        if count % FOLDERS_AT_ONCE == FOLDERS_AT_ONCE - 1:
            await clock.sleep(0)
    path.rmdir()


def _remove_folder(path: Path) -> None:
    """A link to a folder is a name like any other: what it leads to stays."""
    if path.is_symlink():
        path.unlink()
    else:
        path.rmdir()


def path_of(volume: PersistentVolume) -> Path | None:
    source = volume.spec.local or volume.spec.hostPath
    return Path(source.path) if source is not None else None
