"""Environment variables and where their values come from."""

from __future__ import annotations

from collections.abc import Collection

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors

_ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
VOLUME_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_CONVERTIBLE = frozenset((*_ENV_FIELDS, *VOLUME_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase"))
_RESOURCES = (
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
)
_SIZES = frozenset(("1", *(f"1{suffix}" for suffix in "kMGTPE"), *(f"1{suffix}i" for suffix in "KMGTPE")))
_SIZE_LIST = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"


def variables(path: Path, env: tuple[EnvVar, ...]) -> Errors:
    errors: Errors = []
    for position, one in enumerate(env):
        if not one.name:
            errors.append(field.required(path.index(position).child("name")))
        else:
            messages = names.env_var_name(one.name)
            if messages:
                errors += field.each(path.index(position).child("name"), one.name, messages)
        if one.valueFrom is not None:
            errors += _source(path.index(position).child("valueFrom"), one, one.valueFrom)
    return errors


def _source(path: Path, variable: EnvVar, source: EnvVarSource) -> Errors:
    errors: Errors = []
    given = 0
    if source.fieldRef is not None:
        given += 1
        errors += field_ref(path.child("fieldRef"), source.fieldRef, _ENV_FIELDS)
    if source.resourceFieldRef is not None:
        given += 1
        errors += resource_field_ref(path.child("resourceFieldRef"), source.resourceFieldRef, volume=False)
    for name, ref in (("configMapKeyRef", source.configMapKeyRef), ("secretKeyRef", source.secretKeyRef)):
        if ref is not None:
            given += 1
            errors += _key_ref(path.child(name), ref.name, ref.key)
    if source.fileKeyRef is not None:
        given += 1
        errors += checks.needed(path.child("fileKeyRef"), source.fileKeyRef, "key", "volumeName", "path")
    if not given:
        why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        errors.append(field.invalid(path, "", why))
    elif variable.value:
        errors.append(field.invalid(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(field.invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _key_ref(path: Path, name: str, key: str) -> Errors:
    errors = field.each(path.child("name"), name, names.dns_subdomain(name))
    if not key:
        return [*errors, field.required(path.child("key"))]
    return errors + field.each(path.child("key"), key, names.config_map_key(key))


def field_ref(path: Path, ref: ObjectFieldSelector, supported: Collection[str]) -> Errors:
    if not ref.apiVersion:
        return [field.required(path.child("apiVersion"))]
    if not ref.fieldPath:
        return [field.required(path.child("fieldPath"))]
    name, bracket, rest = ref.fieldPath.partition("['")
    subscripted = bool(bracket) and rest.endswith("']")
    known = ref.apiVersion == "v1" and (name if subscripted else ref.fieldPath) in _CONVERTIBLE
    if not known:
        if ref.apiVersion != "v1":
            why = f"error converting fieldPath: unsupported pod version: {ref.apiVersion}"
        elif subscripted:
            why = f"error converting fieldPath: field label does not support subscript: {ref.fieldPath}"
        else:
            why = f"error converting fieldPath: field label not supported: {ref.fieldPath}"
        return [field.invalid(path.child("fieldPath"), ref.fieldPath, why)]
    if subscripted:
        key = rest[:-2]
        if name == "metadata.annotations":
            return checks.qualified_name(path, key.lower())
        if name == "metadata.labels":
            return checks.qualified_name(path, key)
        return [field.invalid(path, name, "does not support subscript")]
    if ref.fieldPath not in supported:
        return [field.not_supported(path.child("fieldPath"), ref.fieldPath, sorted(supported))]
    return []


def resource_field_ref(path: Path, ref: ResourceFieldSelector, *, volume: bool) -> Errors:
    errors: Errors = []
    huge = ref.resource.startswith(("requests.hugepages-", "limits.hugepages-"))
    if volume and not ref.containerName:
        errors.append(field.required(path.child("containerName")))
    elif not ref.resource:
        errors.append(field.required(path.child("resource")))
    elif ref.resource not in _RESOURCES and not huge:
        errors.append(field.not_supported(path.child("resource"), ref.resource, _RESOURCES))
    if ref.divisor is None or ref.divisor == "0":
        return errors
    kind = "hugepages" if huge else ref.resource.partition(".")[2]
    if kind == "cpu":
        fine, listed = ref.divisor in ("1m", "1"), "1m and 1"
    else:
        fine, listed = ref.divisor in _SIZES, _SIZE_LIST
    if not fine:
        what = "local ephemeral storage" if kind == "ephemeral-storage" else kind
        why = f"only divisor's values {listed} are supported with the {what} resource"
        errors.append(field.invalid(path.child("divisor"), ref.resource, why))
    return errors


def env_from(path: Path, sources: tuple[EnvFromSource, ...]) -> Errors:
    errors: Errors = []
    for position, one in enumerate(sources):
        where = path.index(position)
        if one.prefix:
            errors += field.each(where.child("prefix"), one.prefix, names.env_var_name(one.prefix))
        given = 0
        for name, ref in (("configMapRef", one.configMapRef), ("secretRef", one.secretRef)):
            if ref is not None:
                given += 1
                errors += checks.dns_subdomain(where.child(name, "name"), ref.name, needed=True)
        if not given:
            errors.append(field.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif given > 1:
            errors.append(field.invalid(path, "", "may not have more than one field specified at a time"))
    return errors
