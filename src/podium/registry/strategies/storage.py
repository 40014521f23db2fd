"""Persistent volumes, storage classes, and what CSI drivers and nodes say about themselves."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus
from podium.models.storage_v1 import CSIDriver, CSINode, StorageClass, VolumeAttachment
from podium.registry.strategies import checks, volumes
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategies.persistent_volume_claim import VOLUME_MODES, access_modes
from podium.registry.strategies.replica_set import keep_status
from podium.registry.strategy import Strategy, keep_only_spec, keep_spec

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


VOLUME_STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    generation=False,
)


def _default_class(obj: StorageClass) -> None:
    obj.reclaimPolicy = obj.reclaimPolicy or "Delete"
    obj.volumeBindingMode = obj.volumeBindingMode or "Immediate"


def _validate_class(obj: StorageClass) -> Errors:
    if not obj.provisioner:
        errors = [field.required(Path("provisioner"))]
    else:
        errors = checks.qualified_name(Path("provisioner"), obj.provisioner.lower())
    errors += checks.enum(Path("reclaimPolicy"), obj.reclaimPolicy, ("Delete", "Retain"))
    modes = ("Immediate", "WaitForFirstConsumer")
    return errors + checks.enum(Path("volumeBindingMode"), obj.volumeBindingMode, modes)


def _validate_class_update(new: StorageClass, old: StorageClass) -> Errors:
    errors: Errors = []
    for name in ("parameters", "provisioner"):
        if getattr(new, name) != getattr(old, name):
            errors.append(field.forbidden(Path(name), f"updates to {name} are forbidden."))
    if new.reclaimPolicy != old.reclaimPolicy:
        errors.append(field.forbidden(Path("reclaimPolicy"), "updates to reclaimPolicy are forbidden."))
    errors += field.immutable(Path("volumeBindingMode"), new.volumeBindingMode, old.volumeBindingMode)
    return errors + _validate_class(new)


CLASS_STRATEGY = Strategy(
    default=_default_class, validate=_validate_class, validate_update=_validate_class_update, generation=False
)


def _default_driver(obj: CSIDriver) -> None:
    spec = obj.spec
    spec.attachRequired = True if spec.attachRequired is None else spec.attachRequired
    for name in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        if getattr(spec, name) is None:
            setattr(spec, name, False)
    spec.fsGroupPolicy = spec.fsGroupPolicy or "ReadWriteOnceWithFSType"
    spec.volumeLifecycleModes = spec.volumeLifecycleModes or ("Persistent",)


def _validate_driver(obj: CSIDriver) -> Errors:
    errors = checks.enum(
        SPEC.child("fsGroupPolicy"), obj.spec.fsGroupPolicy, ("File", "None", "ReadWriteOnceWithFSType")
    )
    for mode in obj.spec.volumeLifecycleModes:
        errors += checks.enum(SPEC.child("volumeLifecycleModes"), mode, ("Ephemeral", "Persistent"))
    return errors


DRIVER_STRATEGY = Strategy(
    default=_default_driver,
    validate=_validate_driver,
    validate_update=lambda new, old: (
        _validate_driver(new)
        + field.immutable(SPEC.child("attachRequired"), new.spec.attachRequired, old.spec.attachRequired)
        + field.immutable(
            SPEC.child("volumeLifecycleModes"), new.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes
        )
    ),
    update_unconditional=False,
)


def _validate_node(obj: CSINode) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, driver in enumerate(obj.spec.drivers):
        where = SPEC.child("drivers").index(position)
        errors += checks.needed(where, driver, "name", "nodeID")
        if driver.name in seen:
            errors.append(field.duplicate(where.child("name"), driver.name))
        seen.add(driver.name)
    return errors


CSI_NODE_STRATEGY = Strategy(
    validate=_validate_node,
    validate_update=lambda new, _old: _validate_node(new),
    generation=False,
    update_unconditional=False,
)


def _validate_attachment(obj: VolumeAttachment) -> Errors:
    errors = checks.needed(SPEC, obj.spec, "attacher", "nodeName")
    source = obj.spec.source
    if not source.persistentVolumeName and source.inlineVolumeSpec is None:
        why = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        errors.append(field.required(SPEC.child("source"), why))
    return errors


ATTACHMENT_STRATEGY = Strategy(
    prepare_update=keep_status,
    validate=_validate_attachment,
    validate_update=lambda new, old: _validate_attachment(new) + field.immutable(SPEC, new.spec, old.spec),
    prepare_status_update=keep_spec,
    generation=False,
    update_unconditional=False,
)

ATTRIBUTES_CLASS_STRATEGY = Strategy(
    validate=lambda obj: checks.needed(checks.ROOT, obj, "driverName"),
    validate_update=lambda new, old: (
        field.immutable(Path("driverName"), new.driverName, old.driverName)
        + field.immutable(Path("parameters"), new.parameters, old.parameters)
    ),
    generation=False,
)

CAPACITY_STRATEGY = Strategy(
    validate=lambda obj: checks.dns_subdomain(Path("storageClassName"), obj.storageClassName, needed=True),
    validate_update=lambda new, old: (
        field.immutable(Path("nodeTopology"), new.nodeTopology, old.nodeTopology)
        + field.immutable(Path("storageClassName"), new.storageClassName, old.storageClassName)
    ),
    generation=False,
    update_unconditional=False,
)
