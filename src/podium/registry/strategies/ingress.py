"""Ingresses: hosts, paths and the backends that serve them."""

from __future__ import annotations

import ipaddress

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.networking_v1 import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressRule,
    IngressServiceBackend,
    IngressStatus,
    ServiceBackendPort,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategy import Strategy, keep_only_spec, keep_status

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")


def _prepare_create(obj: Ingress) -> None:
    obj.status = IngressStatus()


def _validate(obj: Ingress) -> Errors:
    spec = obj.spec
    errors: Errors = []
    if not spec.rules and spec.defaultBackend is None:
        errors.append(field.invalid(SPEC, spec.rules, "either `defaultBackend` or `rules` must be specified"))
    if spec.defaultBackend is not None:
        errors += _backend(SPEC.child("defaultBackend"), spec.defaultBackend)
    for position, rule in enumerate(spec.rules):
        errors += _rule(SPEC.child("rules").index(position), rule)
    for position, tls in enumerate(spec.tls):
        where = SPEC.child("tls").index(position)
        for index, host in enumerate(tls.hosts):
            errors += _host(where.child("hosts").index(index), host)
        errors += checks.dns_subdomain(where.child("secretName"), tls.secretName)
    return errors + checks.dns_subdomain(SPEC.child("ingressClassName"), spec.ingressClassName)


def _validate_new(obj: Ingress) -> Errors:
    errors = _validate(obj)
    annotation = obj.metadata.annotations.get(_CLASS_ANNOTATION)
    if annotation and obj.spec.ingressClassName and annotation != obj.spec.ingressClassName:
        where = Path("annotations").child(_CLASS_ANNOTATION)
        why = "must match `ingressClassName` when both are specified"
        errors.append(field.invalid(where, annotation, why))
    return errors


def _host(path: Path, host: str) -> Errors:
    wrong = names.wildcard_dns_subdomain(host) if host.startswith("*") else names.dns_subdomain(host)
    return field.each(path, host, wrong)


def _rule(path: Path, rule: IngressRule) -> Errors:
    errors: Errors = []
    if rule.host:
        try:
            ipaddress.ip_address(rule.host)
        except ValueError:
            errors += _host(path.child("host"), rule.host)
        else:
            errors.append(field.invalid(path.child("host"), rule.host, "must be a DNS name, not an IP address"))
    if rule.http is None:
        return errors
    if not rule.http.paths:
        errors.append(field.required(path.child("http", "paths")))
    for position, one in enumerate(rule.http.paths):
        errors += _path(path.child("http", "paths").index(position), one)
    return errors


def _path(path: Path, one: HTTPIngressPath) -> Errors:
    errors: Errors = []
    if not one.pathType:
        errors.append(field.required(path.child("pathType"), "pathType must be specified"))
    elif one.pathType not in _PATH_TYPES:
        errors.append(field.not_supported(path.child("pathType"), one.pathType, _PATH_TYPES))
    where = path.child("path")
    if one.pathType in ("Exact", "Prefix"):
        if not one.path.startswith("/"):
            errors.append(field.invalid(where, one.path, "must be an absolute path"))
        for part in _NOT_IN_PATHS:
            if part in one.path:
                errors.append(field.invalid(where, one.path, f"must not contain '{part}'"))
        for part in _NOT_AT_END:
            if one.path.endswith(part):
                errors.append(field.invalid(where, one.path, f"cannot end with '{part}'"))
    elif one.path and not one.path.startswith("/"):
        errors.append(field.invalid(where, one.path, "must be an absolute path"))
    return errors + _backend(path.child("backend"), one.backend)


def _backend(path: Path, backend: IngressBackend) -> Errors:
    if backend.resource is not None:
        if backend.service is not None:
            return [field.invalid(path, "", "cannot set both resource and service backends")]
        return checks.needed(path.child("resource"), backend.resource, "kind", "name")
    service = backend.service or IngressServiceBackend()
    where = path.child("service")
    if not service.name:
        errors = [field.required(where.child("name"))]
    else:
        errors = field.each(where.child("name"), service.name, names.dns_label_1035(service.name))
    port = service.port or ServiceBackendPort()
    if port.name and port.number:
        errors.append(field.invalid(path, "", "cannot set both port name & port number"))
    elif port.name:
        errors += field.each(where.child("port", "name"), port.name, checks.port_name_messages(port.name))
    elif port.number:
        errors += checks.port_number(where.child("port", "number"), port.number)
    else:
        errors.append(field.required(path, "port name or number is required"))
    return errors


def _warnings(obj: Ingress, old: Ingress | None) -> list[str]:
    if old is None and _CLASS_ANNOTATION in obj.metadata.annotations:
        return [f"annotation \"{_CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]
    return []


STRATEGY = Strategy(
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate_new,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    warnings=_warnings,
)
