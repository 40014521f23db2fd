"""Ingresses, their classes, NetworkPolicies, and the endpoints of Services."""

from __future__ import annotations

import ipaddress

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import Endpoints
from podium.models.discovery_v1 import EndpointConditions, EndpointSlice
from podium.models.networking_v1 import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressClass,
    IngressRule,
    IngressServiceBackend,
    IngressStatus,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    ServiceBackendPort,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import SPEC, Errors
from podium.registry.strategies.replica_set import keep_status
from podium.registry.strategy import Strategy, keep_only_spec

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


# --- Ingress ----------------------------------------------------------------------------------------------------


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


INGRESS_STRATEGY = Strategy(
    prepare_create=_prepare_create,
    prepare_update=keep_status,
    validate=_validate_new,
    validate_update=lambda new, _old: _validate(new),
    prepare_status_update=keep_only_spec,
    warnings=_warnings,
)


def _default_class(obj: IngressClass) -> None:
    parameters = obj.spec.parameters
    if parameters is not None and not parameters.scope:
        parameters.scope = "Cluster"


def _validate_class(obj: IngressClass) -> Errors:
    where = SPEC.child("controller")
    if not obj.spec.controller:
        return [field.required(where)]
    errors: Errors = []
    if len(obj.spec.controller) > 250:
        errors.append(field.too_long(where, 250))
    domain, slash, path = obj.spec.controller.partition("/")
    if not slash or not path:
        errors.append(
            field.invalid(where, obj.spec.controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
        )
    else:
        errors += field.each(where, domain, names.dns_subdomain(domain))
    parameters = obj.spec.parameters
    if parameters is not None:
        place = SPEC.child("parameters")
        errors += checks.needed(place, parameters, "kind", "name")
        errors += checks.enum(place.child("scope"), parameters.scope, ("Cluster", "Namespace"))
        if parameters.scope == "Namespace" and not parameters.namespace:
            errors.append(field.required(place.child("namespace"), "`parameters.scope` is set to 'Namespace'"))
    return errors


def _validate_class_update(new: IngressClass, old: IngressClass) -> Errors:
    return _validate_class(new) + field.immutable(SPEC.child("controller"), new.spec.controller, old.spec.controller)


INGRESS_CLASS_STRATEGY = Strategy(
    default=_default_class, validate=_validate_class, validate_update=_validate_class_update
)


# --- NetworkPolicy ----------------------------------------------------------------------------------------------


def _default_policy(obj: NetworkPolicy) -> None:
    spec = obj.spec
    for ingress in spec.ingress:
        _default_ports(ingress.ports)
    for egress in spec.egress:
        _default_ports(egress.ports)
    if not spec.policyTypes:
        spec.policyTypes = ("Ingress", "Egress") if spec.egress else ("Ingress",)


def _default_ports(ports: tuple[NetworkPolicyPort, ...]) -> None:
    for port in ports:
        port.protocol = port.protocol or "TCP"


def _validate_policy(obj: NetworkPolicy) -> Errors:
    spec = obj.spec
    errors = checks.label_selector(SPEC.child("podSelector"), spec.podSelector)
    for position, ingress in enumerate(spec.ingress):
        where = SPEC.child("ingress").index(position)
        errors += _ports(where.child("ports"), ingress.ports) + _peers(where.child("from"), ingress.from_)
    for position, egress in enumerate(spec.egress):
        where = SPEC.child("egress").index(position)
        errors += _ports(where.child("ports"), egress.ports) + _peers(where.child("to"), egress.to)
    if len(spec.policyTypes) > 2:
        why = "may not specify more than two policyTypes"
        errors.append(field.invalid(SPEC.child("policyTypes"), spec.policyTypes, why))
    for position, kind in enumerate(spec.policyTypes):
        if kind not in ("Ingress", "Egress"):
            where = SPEC.child("policyTypes").index(position)
            errors.append(field.not_supported(where, kind, ("Egress", "Ingress")))
    return errors


def _ports(path: Path, ports: tuple[NetworkPolicyPort, ...]) -> Errors:
    errors: Errors = []
    for position, port in enumerate(ports):
        where = path.index(position)
        errors += checks.enum(where.child("protocol"), port.protocol, _PROTOCOLS, needed=False)
        if port.port is not None:
            errors += checks.port_number_or_name(where.child("port"), port.port)
        if port.endPort is None:
            continue
        if port.port is None:
            errors.append(field.required(where.child("port"), "must be specified when endPort is specified"))
        elif isinstance(port.port, str):
            why = "must not be specified when `port` is a string"
            errors.append(field.invalid(where.child("endPort"), port.endPort, why))
        elif port.endPort < port.port:
            why = "must be greater than or equal to `port`"
            errors.append(field.invalid(where.child("endPort"), port.endPort, why))
        else:
            errors += checks.port_number(where.child("endPort"), port.endPort)
    return errors


def _peers(path: Path, peers: tuple[NetworkPolicyPeer, ...]) -> Errors:
    errors: Errors = []
    for position, peer in enumerate(peers):
        where = path.index(position)
        errors += checks.label_selector(where.child("podSelector"), peer.podSelector)
        errors += checks.label_selector(where.child("namespaceSelector"), peer.namespaceSelector)
        selects = peer.podSelector is not None or peer.namespaceSelector is not None
        if peer.ipBlock is not None:
            errors += checks.cidr(where.child("ipBlock", "cidr"), peer.ipBlock.cidr)
            for index, cidr in enumerate(peer.ipBlock.except_):
                errors += checks.cidr(where.child("ipBlock", "except").index(index), cidr)
            if selects:
                errors.append(field.forbidden(where, "may not specify both ipBlock and another peer"))
        elif not selects:
            errors.append(field.required(where, "must specify a peer"))
    return errors


NETWORK_POLICY_STRATEGY = Strategy(
    default=_default_policy,
    validate=_validate_policy,
    validate_update=lambda new, _old: _validate_policy(new),
)


# --- endpoints --------------------------------------------------------------------------------------------------


def _default_endpoints(obj: Endpoints) -> None:
    for subset in obj.subsets:
        for port in subset.ports:
            port.protocol = port.protocol or "TCP"


def _validate_endpoints(obj: Endpoints) -> Errors:
    errors: Errors = []
    for position, subset in enumerate(obj.subsets):
        where = Path("subsets").index(position)
        if not subset.addresses and not subset.notReadyAddresses:
            errors.append(field.required(where, "must specify `addresses` or `notReadyAddresses`"))
        for name in ("addresses", "notReadyAddresses"):
            for index, address in enumerate(getattr(subset, name)):
                place = where.child(name).index(index)
                errors += checks.ip_address(place.child("ip"), address.ip)
                errors += checks.dns_label(place.child("hostname"), address.hostname)
        for index, port in enumerate(subset.ports):
            place = where.child("ports").index(index)
            errors += checks.dns_label(place.child("name"), port.name or "", needed=len(subset.ports) > 1)
            errors += checks.port_number(place.child("port"), port.port)
            errors += checks.enum(place.child("protocol"), port.protocol or "", _PROTOCOLS)
    return errors


ENDPOINTS_STRATEGY = Strategy(
    default=_default_endpoints,
    validate=_validate_endpoints,
    validate_update=lambda new, _old: _validate_endpoints(new),
    warnings=lambda _new, _old: ("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",),
    generation=False,
    create_on_update=True,
)


def _default_slice(obj: EndpointSlice) -> None:
    for port in obj.ports:
        port.name = port.name or ""
        port.protocol = port.protocol or "TCP"
    for endpoint in obj.endpoints:
        endpoint.conditions = endpoint.conditions or EndpointConditions()


def _validate_slice(obj: EndpointSlice) -> Errors:
    errors = checks.enum(Path("addressType"), obj.addressType, ("FQDN", "IPv4", "IPv6"))
    if len(obj.endpoints) > 1000:
        errors.append(field.too_many(Path("endpoints"), len(obj.endpoints), 1000))
    for position, endpoint in enumerate(obj.endpoints):
        where = Path("endpoints").index(position)
        if not endpoint.addresses:
            errors.append(field.required(where.child("addresses"), "must contain at least 1 address"))
        for index, address in enumerate(endpoint.addresses):
            place = where.child("addresses").index(index)
            if obj.addressType == "FQDN":
                errors += checks.dns_subdomain(place, address)
            else:
                errors += checks.ip_address(place, address)
        errors += checks.dns_label(where.child("hostname"), endpoint.hostname)
    seen: set[str] = set()
    for position, port in enumerate(obj.ports):
        where = Path("ports").index(position)
        name = port.name or ""
        if name in seen:
            errors.append(field.duplicate(where.child("name"), name))
        seen.add(name)
        errors += checks.dns_label(where.child("name"), name)
        errors += checks.enum(where.child("protocol"), port.protocol or "", _PROTOCOLS)
        if port.port is not None:
            errors += checks.port_number(where.child("port"), port.port)
    return errors


ENDPOINT_SLICE_STRATEGY = Strategy(
    default=_default_slice,
    validate=_validate_slice,
    validate_update=lambda new, old: (
        _validate_slice(new) + field.immutable(Path("addressType"), new.addressType, old.addressType)
    ),
)
