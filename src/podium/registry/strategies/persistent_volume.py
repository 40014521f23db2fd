"""PersistentVolumes: a size, and exactly one source that never changes."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus
from podium.registry.strategies import checks, volumes
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategies.persistent_volume_claim import VOLUME_MODES, access_modes
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_RECLAIM = ("Delete", "Recycle", "Retain")
_SOURCES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
)
_RULES: dict[str, Any] = {
    "hostPath": volumes.host_path,
    "nfs": volumes.nfs,
    "local": volumes.needs("path"),
    "csi": volumes.needs("driver", "volumeHandle"),
}


def _default(volume: PersistentVolume) -> None:
    volume.status.phase = volume.status.phase or "Pending"
    volume.spec.persistentVolumeReclaimPolicy = volume.spec.persistentVolumeReclaimPolicy or "Retain"
    volume.spec.volumeMode = volume.spec.volumeMode or "Filesystem"
    reference = volume.spec.claimRef
    if reference is not None and (reference.name or reference.namespace):
        reference.kind = reference.kind or "PersistentVolumeClaim"
        reference.apiVersion = reference.apiVersion or "v1"


def _prepare_create(volume: PersistentVolume) -> None:
    volume.status = PersistentVolumeStatus(phase="Pending")


def _validate(volume: PersistentVolume) -> Errors:
    spec = volume.spec
    if not spec.accessModes:
        errors = [field.required(SPEC.child("accessModes"))]
    else:
        errors = access_modes(SPEC.child("accessModes"), spec.accessModes)
    capacity = SPEC.child("capacity")
    if not spec.capacity:
        errors.append(field.required(capacity))
    if spec.capacity and ("storage" not in spec.capacity or len(spec.capacity) > 1):
        errors.append(field.not_supported(capacity, dict(spec.capacity), ("storage",)))
    for name, amount in spec.capacity.items():
        if quantity.number(amount) <= 0:
            errors.append(field.invalid(capacity.key(name), amount, "must be greater than zero"))
    errors += checks.enum(SPEC.child("persistentVolumeReclaimPolicy"), spec.persistentVolumeReclaimPolicy, _RECLAIM)
    errors += _source(spec)
    if spec.nodeAffinity is not None and spec.nodeAffinity.required is not None:
        errors += checks.node_selector(SPEC.child("nodeAffinity", "required"), spec.nodeAffinity.required)
    if spec.local is not None and spec.nodeAffinity is None:
        errors.append(field.required(SPEC.child("nodeAffinity"), "Local volume requires node affinity"))
    errors += checks.dns_subdomain(SPEC.child("storageClassName"), spec.storageClassName)
    return errors + checks.enum(SPEC.child("volumeMode"), spec.volumeMode, VOLUME_MODES, needed=False)


def _source(spec: PersistentVolumeSpec) -> Errors:
    given = [name for name in _SOURCES if getattr(spec, name) is not None]
    if not given:
        return [field.required(SPEC, "must specify a volume type")]
    errors = [field.forbidden(SPEC.child(name), "may not specify more than 1 volume type") for name in given[1:]]
    rule = _RULES.get(given[0])
    if rule is not None:
        errors += rule(SPEC.child(given[0]), getattr(spec, given[0]))
    if spec.hostPath is not None and spec.hostPath.path == "/" and spec.persistentVolumeReclaimPolicy == "Recycle":
        why = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(field.forbidden(SPEC.child("persistentVolumeReclaimPolicy"), why))
    return errors


def _validate_update(new: PersistentVolume, old: PersistentVolume) -> Errors:
    errors = _validate(new)
    if any(getattr(new.spec, name) != getattr(old.spec, name) for name in _SOURCES):
        errors.append(
            field.forbidden(
                SPEC.child("persistentvolumesource"), "spec.persistentvolumesource is immutable after creation"
            )
        )
    if old.spec.volumeMode:
        errors += field.immutable(Path("volumeMode"), new.spec.volumeMode, old.spec.volumeMode)
    if old.spec.nodeAffinity is not None and new.spec.nodeAffinity != old.spec.nodeAffinity:
        errors.append(field.invalid(Path("nodeAffinity"), new.spec.nodeAffinity, field.IMMUTABLE))
    return errors


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    generation=False,
)
