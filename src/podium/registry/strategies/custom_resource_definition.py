"""CustomResourceDefinitions: names, one version that is stored, and a schema for each."""

from __future__ import annotations

from podium.machinery import field, names
from podium.models.apiextensions_v1 import (
    CustomResourceConversion,
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionStatus,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import METADATA, SPEC, Errors
from podium.registry.strategy import Strategy, keep_spec

_HTTPS = 443


def _default(obj: CustomResourceDefinition) -> None:
    spec = obj.spec
    spec.scope = spec.scope or ""
    spec.names.singular = spec.names.singular or spec.names.kind.lower()
    if spec.names.kind and not spec.names.listKind:
        spec.names.listKind = f"{spec.names.kind}List"
    spec.conversion = spec.conversion or CustomResourceConversion(strategy="None")
    webhook = spec.conversion.webhook
    if webhook is not None and webhook.clientConfig is not None and webhook.clientConfig.service is not None:
        webhook.clientConfig.service.port = webhook.clientConfig.service.port or _HTTPS


def _prepare_create(obj: CustomResourceDefinition) -> None:
    stored = tuple(version.name for version in obj.spec.versions if version.storage)
    obj.status = CustomResourceDefinitionStatus(acceptedNames=CustomResourceDefinitionNames(), storedVersions=stored)


def _prepare_update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> None:
    new.status = old.status
    stored = [version.name for version in new.spec.versions if version.storage]
    missing = tuple(name for name in stored if name not in old.status.storedVersions)
    if missing:
        new.status = type(old.status)(**{name: getattr(old.status, name) for name in old.status.__struct_fields__})
        new.status.storedVersions = (*old.status.storedVersions, *missing)


def _validate(obj: CustomResourceDefinition) -> Errors:
    spec = obj.spec
    errors: Errors = []
    wanted = f"{spec.names.plural}.{spec.group}"
    if obj.metadata.name != wanted:
        why = 'must be spec.names.plural+"."+spec.group'
        errors.append(field.invalid(METADATA.child("name"), obj.metadata.name, why))
    if not spec.group:
        errors.append(field.required(SPEC.child("group")))
    else:
        errors += checks.dns_subdomain(SPEC.child("group"), spec.group)
        if "." not in spec.group:
            errors.append(field.invalid(SPEC.child("group"), spec.group, "should be a domain with at least one dot"))
    errors += checks.enum(SPEC.child("scope"), spec.scope, ("Cluster", "Namespaced"))
    errors += _versions(obj)
    for name in ("plural", "singular", "kind", "listKind"):
        value, where = getattr(spec.names, name), SPEC.child("names", name)
        if not value:
            errors.append(field.required(where))
        else:
            errors += field.each(where, value, names.dns_label_1035(value.lower()))
    for position, short in enumerate(spec.names.shortNames):
        errors += field.each(SPEC.child("names", "shortNames").index(position), short, names.dns_label_1035(short))
    if spec.names.kind and spec.names.kind == spec.names.listKind:
        where = SPEC.child("names", "listKind")
        errors.append(field.invalid(where, spec.names.listKind, "kind and listKind may not be the same"))
    return errors


def _versions(obj: CustomResourceDefinition) -> Errors:
    where = SPEC.child("versions")
    versions = obj.spec.versions
    if not versions:
        return [field.invalid(where, versions, "must have exactly one version marked as storage version")]
    errors: Errors = []
    seen: set[str] = set()
    for position, version in enumerate(versions):
        errors += field.each(where.index(position).child("name"), version.name, names.dns_label_1035(version.name))
        if version.name in seen:
            errors.append(field.invalid(where, versions, "must contain unique version names"))
        seen.add(version.name)
        if version.schema is None or version.schema.openAPIV3Schema is None:
            place = where.index(position).child("schema", "openAPIV3Schema")
            errors.append(field.required(place, "schemas are required"))
    if sum(version.storage for version in versions) != 1:
        errors.append(field.invalid(where, versions, "must have exactly one version marked as storage version"))
    return errors


def _validate_update(new: CustomResourceDefinition, old: CustomResourceDefinition) -> Errors:
    errors = _validate(new)
    errors += field.immutable(SPEC.child("group"), new.spec.group, old.spec.group)
    errors += field.immutable(SPEC.child("names", "plural"), new.spec.names.plural, old.spec.names.plural)
    errors += field.immutable(SPEC.child("scope"), new.spec.scope, old.spec.scope)
    return errors + field.immutable(SPEC.child("names", "kind"), new.spec.names.kind, old.spec.names.kind)


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_spec,
    update_unconditional=False,
)
