"""Volumes, claims and storage classes as tables, and what CSI drivers say about themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from podium.models.core_v1 import PersistentVolume, PersistentVolumeClaim
from podium.models.storage_v1 import CSIDriver, StorageClass
from podium.registry.columns.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    Columns,
    age,
    flag,
    number,
    text,
    truth,
    wide,
)

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def _modes(given: Iterable[str]) -> str:
    """In the order that Kubernetes lists them, each once."""
    known = set(given)
    return ",".join(short for mode, short in _MODES.items() if mode in known)


def _volume(obj: PersistentVolume, now: datetime) -> Cells:
    spec = obj.spec
    claim = "" if spec.claimRef is None else f"{spec.claimRef.namespace}/{spec.claimRef.name}"
    return [
        obj.metadata.name,
        str(spec.capacity.get("storage", "")),
        _modes(spec.accessModes),
        spec.persistentVolumeReclaimPolicy,
        "Terminating" if obj.metadata.deletionTimestamp is not None else obj.status.phase,
        claim,
        spec.storageClassName,
        spec.volumeAttributesClassName or UNSET,
        obj.status.reason,
        age(obj, now),
        spec.volumeMode or UNSET,
    ]


VOLUMES = Columns(
    (
        NAME,
        text("Capacity", "Its size"),
        text("Access Modes", "How it can be mounted"),
        text("Reclaim Policy", "What happens to it when its claim is gone"),
        text("Status", "Whether it is available or bound"),
        text("Claim", "What it is bound to"),
        text("StorageClass", "Its class"),
        text("VolumeAttributesClass", "Class of its attributes"),
        text("Reason", "Why it is in this state"),
        AGE,
        wide("VolumeMode", "A file system or a block device"),
    ),
    _volume,
)


def _claim(obj: PersistentVolumeClaim, now: datetime) -> Cells:
    spec, status = obj.spec, obj.status
    bound = bool(spec.volumeName)
    return [
        obj.metadata.name,
        "Terminating" if obj.metadata.deletionTimestamp is not None else status.phase,
        spec.volumeName,
        str(status.capacity.get("storage", "")) if bound else "",
        _modes(status.accessModes) if bound else "",
        spec.storageClassName or "",
        spec.volumeAttributesClassName or UNSET,
        age(obj, now),
        spec.volumeMode or UNSET,
    ]


CLAIMS = Columns(
    (
        NAME,
        text("Status", "Whether it is bound"),
        text("Volume", "What it is bound to"),
        text("Capacity", "Size of the volume"),
        text("Access Modes", "How the volume can be mounted"),
        text("StorageClass", "Class of the volume"),
        text("VolumeAttributesClass", "Class of the volume's attributes"),
        AGE,
        wide("VolumeMode", "A file system or a block device"),
    ),
    _claim,
)

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _storage_class(obj: StorageClass, now: datetime) -> Cells:
    default = obj.metadata.annotations.get(_DEFAULT_CLASS) == "true"
    return [
        f"{obj.metadata.name} (default)" if default else obj.metadata.name,
        obj.provisioner,
        obj.reclaimPolicy or "Delete",
        obj.volumeBindingMode or "Immediate",
        truth(obj.allowVolumeExpansion),
        age(obj, now),
    ]


STORAGE_CLASSES = Columns(
    (
        NAME,
        text("Provisioner", "Who makes the volumes"),
        text("ReclaimPolicy", "What happens to a volume when its claim is gone"),
        text("VolumeBindingMode", "When volumes are made and bound"),
        text("AllowVolumeExpansion", "Whether volumes can grow"),
        AGE,
    ),
    _storage_class,
)


def _driver(obj: CSIDriver, now: datetime) -> Cells:
    spec = obj.spec
    tokens = ",".join(one.audience for one in spec.tokenRequests) or UNSET
    return [
        obj.metadata.name,
        truth(spec.attachRequired is not False),
        truth(spec.podInfoOnMount),
        truth(spec.storageCapacity),
        tokens,
        truth(spec.requiresRepublish),
        ",".join(spec.volumeLifecycleModes) or NONE,
        age(obj, now),
    ]


CSI_DRIVERS = Columns(
    (
        NAME,
        flag("AttachRequired", "Whether volumes are attached to nodes"),
        flag("PodInfoOnMount", "Whether it is told which Pod mounts"),
        flag("StorageCapacity", "Whether it reports capacity"),
        text("TokenRequests", "Audiences of the tokens that it gets"),
        flag("RequiresRepublish", "Whether it is called again and again"),
        text("Modes", "Kinds of volumes that it has"),
        AGE,
    ),
    _driver,
)
CSI_NODES = Columns(
    (NAME, number("Drivers", "How many drivers the node has"), AGE),
    lambda obj, now: [obj.metadata.name, len(obj.spec.drivers), age(obj, now)],
)
ATTACHMENTS = Columns(
    (
        NAME,
        text("Attacher", "Who attaches"),
        text("PV", "The volume"),
        text("Node", "The node"),
        flag("Attached", "Whether it is attached"),
        AGE,
    ),
    lambda obj, now: [
        obj.metadata.name,
        obj.spec.attacher,
        obj.spec.source.persistentVolumeName,
        obj.spec.nodeName,
        truth(obj.status.attached),
        age(obj, now),
    ],
)
ATTRIBUTES_CLASSES = Columns(
    (NAME, text("DriverName", "Whose volumes it is for"), AGE),
    lambda obj, now: [obj.metadata.name, obj.driverName, age(obj, now)],
)
