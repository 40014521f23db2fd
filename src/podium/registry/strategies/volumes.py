"""Volumes of a Pod: exactly one source each, and what every source needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import codec, core_v1, quantity
from podium.models.core_v1 import KeyToPath, Volume
from podium.registry.strategies import checks, env, persistent_volume_claim
from podium.registry.strategies.checks import Errors

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_PARTITION = "must be between 1 and 255, inclusive"
HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def validate(path: Path, volumes: tuple[Volume, ...], pod_name: str) -> tuple[Mapping[str, Volume], Errors]:
    """The good volumes by name, and what is wrong with the others."""
    found: dict[str, Volume] = {}
    errors: Errors = []
    made = {f"{pod_name}-{volume.name}" for volume in volumes if volume.ephemeral is not None} if pod_name else set()
    for position, volume in enumerate(volumes):
        where = path.index(position)
        wrong = _source(where, volume, pod_name)
        wrong += checks.dns_label(where.child("name"), volume.name, needed=True)
        if volume.name in found:
            wrong.append(field.duplicate(where.child("name"), volume.name))
        if wrong:
            errors += wrong
        else:
            found[volume.name] = volume
        claim = volume.persistentVolumeClaim
        if claim is not None and claim.claimName in made:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(field.invalid(where.child("persistentVolumeClaim", "claimName"), claim.claimName, why))
    return found, errors


def _source(path: Path, volume: Volume, pod_name: str) -> Errors:
    errors: Errors = []
    given = 0
    for name, rule in _SOURCES.items():
        source = getattr(volume, name)
        if source is None:
            continue
        given += 1
        if given > 1:
            errors.append(field.forbidden(path.child(name), "may not specify more than 1 volume type"))
        else:
            errors += rule(path.child(name), source)
    if not given:
        errors.append(field.required(path, "must specify a volume type"))
    if volume.ephemeral is not None and pod_name and volume.name:
        claim = f"{pod_name}-{volume.name}"
        for message in names.dns_subdomain(claim):
            errors.append(field.invalid(path.child("name"), volume.name, f'PVC name "{claim}": {message}'))
    return errors


# --- paths inside a volume --------------------------------------------------------------------------------------


def _no_backsteps(path: Path, value: str) -> Errors:
    return [field.invalid(path, value, "must not contain '..'")] if ".." in value.split("/") else []


def descending(path: Path, value: str) -> Errors:
    """A relative path that stays below where it starts."""
    errors = [field.invalid(path, value, "must be a relative path")] if value.startswith("/") else []
    return errors + _no_backsteps(path, value)


def _not_reserved(path: Path, value: str) -> Errors:
    errors = descending(path, value)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(field.invalid(path, value, "must not start with '..'"))
    return errors


def _mode(path: Path, name: str, value: int | None) -> Errors:
    return [] if value is None or 0 <= value <= 0o777 else [field.invalid(path.child(name), value, _MODE)]


def _items(path: Path, items: tuple[KeyToPath, ...]) -> Errors:
    errors: Errors = []
    for position, one in enumerate(items):
        where = path.child("items").index(position)
        errors += checks.needed(where, one, "key", "path")
        errors += _not_reserved(where.child("path"), one.path)
        errors += _mode(where, "mode", one.mode)
    return errors


# --- sources ----------------------------------------------------------------------------------------------------


def _empty_dir(path: Path, source: core_v1.EmptyDirVolumeSource) -> Errors:
    if source.sizeLimit is not None and quantity.number(source.sizeLimit) < 0:
        return [field.forbidden(path.child("sizeLimit"), "SizeLimit field must be a valid resource quantity")]
    return []


def host_path(path: Path, source: core_v1.HostPathVolumeSource) -> Errors:
    if not source.path:
        return [field.required(path.child("path"))]
    errors = _no_backsteps(path.child("path"), source.path)
    if source.type not in HOST_PATH_TYPES:
        errors.append(field.not_supported(path.child("type"), source.type, HOST_PATH_TYPES))
    return errors


def _secret(path: Path, source: core_v1.SecretVolumeSource) -> Errors:
    errors = checks.needed(path, source, "secretName")
    return errors + _mode(path, "defaultMode", source.defaultMode) + _items(path, source.items)


def _config_map(path: Path, source: core_v1.ConfigMapVolumeSource) -> Errors:
    errors = checks.needed(path, source, "name")
    return errors + _mode(path, "defaultMode", source.defaultMode) + _items(path, source.items)


def _downward_file(path: Path, file: core_v1.DownwardAPIVolumeFile) -> Errors:
    errors = checks.needed(path, file, "path")
    errors += _not_reserved(path.child("path"), file.path)
    if file.fieldRef is not None:
        errors += env.field_ref(path.child("fieldRef"), file.fieldRef, env.VOLUME_FIELDS)
        if file.resourceFieldRef is not None:
            why = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(field.invalid(path, "resource", why))
    elif file.resourceFieldRef is not None:
        errors += env.resource_field_ref(path.child("resourceFieldRef"), file.resourceFieldRef, volume=True)
    else:
        errors.append(field.required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(path, "mode", file.mode)


def _downward(path: Path, source: core_v1.DownwardAPIVolumeSource) -> Errors:
    errors = _mode(path, "defaultMode", source.defaultMode)
    for file in source.items:
        errors += _downward_file(path, file)
    return errors


@lru_cache(maxsize=1024)
def _is_fine(source: bytes) -> bool:
    """Every Pod has the same projected volume for its API token: it is looked at once."""
    return not _projected_errors(Path(""), codec.decode(source, core_v1.ProjectedVolumeSource))


def _projected(path: Path, source: core_v1.ProjectedVolumeSource) -> Errors:
    return [] if _is_fine(codec.encode(source)) else _projected_errors(path, source)


def _projected_errors(path: Path, source: core_v1.ProjectedVolumeSource) -> Errors:
    errors = _mode(path, "defaultMode", source.defaultMode)
    paths: set[str] = set()
    for position, one in enumerate(source.sources):
        where = path.child("sources").index(position)
        errors += _projection(path, where, one, paths)
        if sum(getattr(one, name) is not None for name in one.__struct_fields__) > 1:
            errors.append(field.forbidden(where, "may not specify more than 1 volume type per source"))
    return errors


def _projection(path: Path, where: Path, one: core_v1.VolumeProjection, paths: set[str]) -> Errors:
    errors: Errors = []

    def claim(value: str, shown: str) -> None:
        if value and value in paths:
            errors.append(field.invalid(path, shown, "conflicting duplicate paths"))
        paths.add(value)

    for name, ref in (("secret", one.secret), ("configMap", one.configMap)):
        if ref is not None:
            errors += checks.needed(where.child(name), ref, "name")
            errors += _items(where.child(name), ref.items)
            for item in ref.items:
                claim(item.path, ref.name)
    if one.downwardAPI is not None:
        for file in one.downwardAPI.items:
            errors += _downward_file(where.child("downwardAPI"), file)
            claim(file.path, file.path)
    if one.serviceAccountToken is not None:
        errors += _token(path, where.child("serviceAccountToken"), one.serviceAccountToken)
    if one.clusterTrustBundle is not None:
        bundle, place = one.clusterTrustBundle, where.child("clusterTrustBundle")
        if bundle.name and bundle.signerName:
            errors.append(field.invalid(place, bundle, "only one of name and signerName may be used"))
        elif not bundle.name and not bundle.signerName:
            errors.append(field.required(place, "either name or signerName must be specified"))
        errors += checks.needed(place, bundle, "path")
        errors += _not_reserved(place.child("path"), bundle.path)
        claim(bundle.path, bundle.path)
    if one.podCertificate is not None:
        errors += checks.needed(where.child("podCertificate"), one.podCertificate, "signerName", "keyType")
    return errors


def _token(path: Path, where: Path, token: core_v1.ServiceAccountTokenProjection) -> Errors:
    errors: Errors = []
    seconds = token.expirationSeconds or 0
    if seconds < 600:
        why = "may not specify a duration less than 10 minutes"
        errors.append(field.invalid(where.child("expirationSeconds"), seconds, why))
    if seconds > 1 << 32:
        why = "may not specify a duration larger than 2^32 seconds"
        errors.append(field.invalid(where.child("expirationSeconds"), seconds, why))
    if not token.path:
        return [*errors, field.required(path.child("path"))]
    return errors + _not_reserved(path.child("path"), token.path)


def nfs(path: Path, source: core_v1.NFSVolumeSource) -> Errors:
    errors = checks.needed(path, source, "server", "path")
    if not source.path.startswith("/"):
        errors.append(field.invalid(path.child("path"), source.path, "must be an absolute path"))
    return errors


def _ephemeral(path: Path, source: core_v1.EphemeralVolumeSource) -> Errors:
    if source.volumeClaimTemplate is None:
        return [field.required(path.child("volumeClaimTemplate"))]
    return persistent_volume_claim.claim_spec(
        path.child("volumeClaimTemplate", "spec"), source.volumeClaimTemplate.spec
    )


def _git_repo(path: Path, source: core_v1.GitRepoVolumeSource) -> Errors:
    return checks.needed(path, source, "repository") + descending(path.child("directory"), source.directory)


def _disk(*fields: str) -> Callable[[Path, Any], Errors]:
    """A disk that is named, with a partition in range."""

    def rule(path: Path, source: Any) -> Errors:
        errors = checks.needed(path, source, *fields)
        if not 0 <= (source.partition or 0) <= 255:
            errors.append(field.invalid(path.child("partition"), source.partition, _PARTITION))
        return errors

    return rule


def needs(*fields: str) -> Callable[[Path, Any], Errors]:
    """The rule of a source that only has required fields."""
    return lambda path, source: checks.needed(path, source, *fields)


def _image(path: Path, source: core_v1.ImageVolumeSource) -> Errors:
    errors = checks.needed(path, source, "reference")
    return errors + checks.enum(path.child("pullPolicy"), source.pullPolicy, ("Always", "IfNotPresent", "Never"))


_SOURCES: dict[str, Callable[[Path, Any], Errors]] = {
    "emptyDir": _empty_dir,
    "hostPath": host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "secret": _secret,
    "nfs": nfs,
    "iscsi": needs("targetPortal", "iqn"),
    "glusterfs": needs("endpoints", "path"),
    "flocker": lambda path, source: (
        []
        if source.datasetName or source.datasetUUID
        else [field.required(path, "one of datasetName and datasetUUID is required")]
    ),
    "persistentVolumeClaim": needs("claimName"),
    "rbd": needs("monitors", "image"),
    "cinder": needs("volumeID"),
    "cephfs": needs("monitors"),
    "quobyte": needs("registry", "volume"),
    "downwardAPI": _downward,
    "fc": lambda path, source: (
        []
        if source.targetWWNs or source.wwids
        else [field.required(path.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both")]
    ),
    "flexVolume": needs("driver"),
    "configMap": _config_map,
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": needs("diskName", "diskURI"),
    "storageos": needs("volumeName"),
    "projected": _projected,
    "scaleIO": needs("gateway", "system", "volumeName"),
    "csi": needs("driver"),
    "ephemeral": _ephemeral,
    "image": _image,
}
