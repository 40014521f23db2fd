"""Services: types, ports, traffic policies, and cluster IPs that stay once they are given."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import (
    ClientIPConfig,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
    SessionAffinityConfig,
)
from podium.registry.strategies import checks
from podium.registry.strategies.checks import METADATA, SPEC, STATUS, Errors
from podium.registry.strategy import Strategy, keep_only_spec

HEADLESS = "None"
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_INSIDE = ("ClusterIP", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_STICKY_SECONDS = 10800
_LONGEST_STICKY = 86400
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def externally_accessible(spec: ServiceSpec) -> bool:
    return spec.type in ("LoadBalancer", "NodePort") or (spec.type == "ClusterIP" and bool(spec.externalIPs))


def _headless(spec: ServiceSpec) -> bool:
    return spec.clusterIP == HEADLESS or spec.clusterIPs[:1] == (HEADLESS,)


def _needs_health_check(spec: ServiceSpec) -> bool:
    return spec.type == "LoadBalancer" and spec.externalTrafficPolicy == "Local"


# --- defaults ---------------------------------------------------------------------------------------------------


def _default(service: Service) -> None:
    spec = service.spec
    spec.type = spec.type or "ClusterIP"
    spec.sessionAffinity = spec.sessionAffinity or "None"
    if spec.sessionAffinity == "None":
        spec.sessionAffinityConfig = None
    elif spec.sessionAffinity == "ClientIP":
        config = spec.sessionAffinityConfig
        if config is None or config.clientIP is None or config.clientIP.timeoutSeconds is None:
            spec.sessionAffinityConfig = SessionAffinityConfig(clientIP=ClientIPConfig(timeoutSeconds=_STICKY_SECONDS))
    for port in spec.ports:
        port.protocol = port.protocol or "TCP"
        port.targetPort = port.targetPort or port.port
    if externally_accessible(spec) and not spec.externalTrafficPolicy:
        spec.externalTrafficPolicy = "Cluster"
    if spec.internalTrafficPolicy is None and spec.type in _INSIDE:
        spec.internalTrafficPolicy = "Cluster"
    if spec.type == "LoadBalancer":
        if spec.allocateLoadBalancerNodePorts is None:
            spec.allocateLoadBalancerNodePorts = True
        for ingress in service.status.loadBalancer.ingress:
            if ingress.ip and not ingress.ipMode:
                ingress.ipMode = "VIP"


def _prepare_create(service: Service) -> None:
    service.status = ServiceStatus()
    spec = service.spec
    if spec.clusterIP and not spec.clusterIPs:
        spec.clusterIPs = (spec.clusterIP,)
    _drop_what_the_type_has_not(spec)


def _drop_what_the_type_has_not(spec: ServiceSpec) -> None:
    if not externally_accessible(spec):
        spec.externalTrafficPolicy = ""


def _prepare_update(new: Service, old: Service) -> None:
    """What the system has given stays, unless the type that needs it is left."""
    new.status = old.status
    spec, before = new.spec, old.spec
    if spec.clusterIP != before.clusterIP and spec.clusterIPs == before.clusterIPs:
        spec.clusterIPs = (spec.clusterIP,) if spec.clusterIP else ()  # who changes only the one means both
    if spec.type == "ExternalName" != before.type:
        _drop_addresses(spec, before)
    if spec.type in _INSIDE and before.type in _INSIDE:
        if not spec.clusterIP and not spec.clusterIPs:
            spec.clusterIP, spec.clusterIPs = before.clusterIP, before.clusterIPs
        spec.ipFamilies = spec.ipFamilies or before.ipFamilies
        spec.ipFamilyPolicy = spec.ipFamilyPolicy or before.ipFamilyPolicy
    if spec.clusterIP and not spec.clusterIPs:
        spec.clusterIPs = (spec.clusterIP,)
    _node_ports(spec, before)
    if _needs_health_check(spec) and _needs_health_check(before) and not spec.healthCheckNodePort:
        spec.healthCheckNodePort = before.healthCheckNodePort
    if not _needs_health_check(spec) and spec.healthCheckNodePort == before.healthCheckNodePort:
        spec.healthCheckNodePort = None
    if spec.type != "LoadBalancer" == before.type:
        if spec.allocateLoadBalancerNodePorts == before.allocateLoadBalancerNodePorts:
            spec.allocateLoadBalancerNodePorts = None
        if spec.loadBalancerClass == before.loadBalancerClass:
            spec.loadBalancerClass = ""
    if spec.externalTrafficPolicy == before.externalTrafficPolicy:
        _drop_what_the_type_has_not(spec)


def _drop_addresses(spec: ServiceSpec, before: ServiceSpec) -> None:
    """What the new type has no use for goes, unless the client insists on another value."""
    if spec.clusterIP == before.clusterIP:
        spec.clusterIP, spec.clusterIPs = "", ()
    if spec.ipFamilies == before.ipFamilies:
        spec.ipFamilies = ()
    if spec.ipFamilyPolicy == before.ipFamilyPolicy:
        spec.ipFamilyPolicy = ""


def _node_ports(spec: ServiceSpec, before: ServiceSpec) -> None:
    """Ports keep their number by name, whatever else of them changes, unless another one asks for it."""
    held = {port.name: port.nodePort for port in before.ports if port.nodePort}
    if spec.type in ("NodePort", "LoadBalancer"):
        taken = {port.nodePort for port in spec.ports if port.nodePort}
        for port in spec.ports:
            number = held.get(port.name)
            if not port.nodePort and number and number not in taken:
                port.nodePort = number
    elif before.type in ("NodePort", "LoadBalancer"):
        for port in spec.ports:
            if port.nodePort and port.nodePort in held.values():
                port.nodePort = None


# --- validation -------------------------------------------------------------------------------------------------


def _validate(service: Service) -> Errors:
    spec = service.spec
    headless = _headless(spec)
    errors: Errors = []
    if not spec.ports and not headless and spec.type != "ExternalName":
        errors.append(field.required(SPEC.child("ports")))
    errors += _type(spec)
    seen: set[str] = set()
    for position, port in enumerate(spec.ports):
        errors += _port(SPEC.child("ports").index(position), port, len(spec.ports) > 1, seen)
    if spec.selector:
        errors += checks.labels(SPEC.child("selector"), spec.selector)
    errors += _session_affinity(spec) + _cluster_ips(spec)
    for position, address in enumerate(spec.externalIPs):
        errors += checks.other_machines_address(SPEC.child("externalIPs").index(position), address)
    errors += checks.enum(SPEC.child("type"), spec.type, _TYPES)
    return errors + _port_conflicts(spec) + _load_balancer(service) + _policies(spec)


def _type(spec: ServiceSpec) -> Errors:
    if spec.type in ("LoadBalancer", "NodePort") and _headless(spec):
        why = f"may not be set to 'None' for {spec.type} services"
        return [field.invalid(SPEC.child("clusterIPs").index(0), HEADLESS, why)]
    if spec.type != "ExternalName":
        return []
    errors: Errors = []
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if getattr(spec, name):
            errors.append(field.forbidden(SPEC.child(name), "may not be set for ExternalName services"))
    return errors + checks.dns_subdomain(SPEC.child("externalName"), spec.externalName.removesuffix("."), needed=True)


def _port(path: Path, port: ServicePort, named: bool, seen: set[str]) -> Errors:
    errors: Errors = []
    if port.name or named:
        errors += checks.dns_label(path.child("name"), port.name, needed=True)
        if port.name and port.name in seen:
            errors.append(field.duplicate(path.child("name"), port.name))
        seen.add(port.name)
    errors += checks.port_number(path.child("port"), port.port)
    errors += checks.enum(path.child("protocol"), port.protocol, checks.PROTOCOLS)
    errors += checks.port_number_or_name(path.child("targetPort"), port.targetPort)
    if port.appProtocol:
        errors += checks.qualified_name(path.child("appProtocol"), port.appProtocol)
    return errors


def _port_conflicts(spec: ServiceSpec) -> Errors:
    errors: Errors = []
    node_ports: set[tuple[str, int]] = set()
    ports: set[tuple[str, int]] = set()
    for position, port in enumerate(spec.ports):
        where = SPEC.child("ports").index(position)
        if port.nodePort:
            if spec.type == "ClusterIP":
                errors.append(field.forbidden(where.child("nodePort"), "may not be used when `type` is 'ClusterIP'"))
            if (port.protocol, port.nodePort) in node_ports:
                errors.append(field.duplicate(where.child("nodePort"), port.nodePort))
            node_ports.add((port.protocol, port.nodePort))
        if (port.protocol, port.port) in ports:
            errors.append(field.duplicate(where, {"port": port.port, "protocol": port.protocol}))
        ports.add((port.protocol, port.port))
    return errors


def _session_affinity(spec: ServiceSpec) -> Errors:
    errors = checks.enum(SPEC.child("sessionAffinity"), spec.sessionAffinity, ("ClientIP", "None"))
    where = SPEC.child("sessionAffinityConfig")
    config = spec.sessionAffinityConfig
    if spec.sessionAffinity == "None" and config is not None:
        errors.append(field.forbidden(where, "must not be set when session affinity is None"))
    if spec.sessionAffinity == "ClientIP" and config is not None and config.clientIP is not None:
        seconds = config.clientIP.timeoutSeconds or 0
        if not 0 < seconds <= _LONGEST_STICKY:
            why = f"must be greater than 0 and less than {_LONGEST_STICKY}"
            errors.append(field.invalid(where.child("clientIP", "timeoutSeconds"), seconds, why))
    return errors


def _cluster_ips(spec: ServiceSpec) -> Errors:
    if spec.type == "ExternalName":
        return []
    where = SPEC.child("clusterIPs")
    errors: Errors = []
    if spec.clusterIPs and spec.clusterIPs[0] != spec.clusterIP:
        errors.append(field.invalid(where, spec.clusterIPs, "first value must match `clusterIP`"))
    for position, address in enumerate(spec.clusterIPs):
        if address == HEADLESS:
            if len(spec.clusterIPs) > 1:
                why = "'None' must be the first and only value"
                errors.append(field.invalid(where.index(position), address, why))
        else:
            errors += checks.ip_address(where.index(position), address)
    if len(spec.clusterIPs) > 2:
        errors.append(field.invalid(where, spec.clusterIPs, "may only hold up to 2 values"))
    for position, family in enumerate(spec.ipFamilies):
        errors += checks.enum(SPEC.child("ipFamilies").index(position), family, ("IPv4", "IPv6"))
        if family in spec.ipFamilies[:position]:
            errors.append(field.duplicate(SPEC.child("ipFamilies").index(position), family))
    return errors + checks.enum(SPEC.child("ipFamilyPolicy"), spec.ipFamilyPolicy, _FAMILY_POLICIES, needed=False)


def _load_balancer(service: Service) -> Errors:
    spec, errors = service.spec, []
    balanced = spec.type == "LoadBalancer"
    only = "may only be used when `type` is 'LoadBalancer'"
    annotated = service.metadata.annotations.get(_SOURCE_RANGES)
    if spec.loadBalancerSourceRanges:
        where = SPEC.child("LoadBalancerSourceRanges")
        if not balanced:
            errors.append(field.forbidden(where, only))
        for position, value in enumerate(spec.loadBalancerSourceRanges):
            errors += checks.cidr(where.index(position), value.strip())
    elif annotated is not None:
        where = METADATA.child("annotations").key(_SOURCE_RANGES)
        if not balanced:
            errors.append(field.forbidden(where, only))
        for value in filter(None, annotated.strip().split(",")):
            errors += checks.cidr(where, value.strip())
    if spec.allocateLoadBalancerNodePorts is not None and not balanced:
        errors.append(field.forbidden(SPEC.child("allocateLoadBalancerNodePorts"), only))
    if spec.loadBalancerClass:
        where = SPEC.child("loadBalancerClass")
        if not balanced:
            errors.append(field.forbidden(where, only))
        errors += checks.qualified_name(where, spec.loadBalancerClass)
    return errors


def _policies(spec: ServiceSpec) -> Errors:
    errors: Errors = []
    where = SPEC.child("externalTrafficPolicy")
    if not externally_accessible(spec):
        if spec.externalTrafficPolicy:
            why = "may only be set for externally-accessible services"
            errors.append(field.invalid(where, spec.externalTrafficPolicy, why))
    else:
        errors += checks.enum(where, spec.externalTrafficPolicy, _POLICIES)
    where = SPEC.child("healthCheckNodePort")
    if spec.healthCheckNodePort:
        if not _needs_health_check(spec):
            why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(field.invalid(where, spec.healthCheckNodePort, why))
        else:
            errors += checks.port_number(where, spec.healthCheckNodePort)
    needed = spec.type in _INSIDE
    errors += checks.enum(
        SPEC.child("internalTrafficPolicy"), spec.internalTrafficPolicy or "", _POLICIES, needed=needed
    )
    return errors + checks.enum(
        SPEC.child("trafficDistribution"), spec.trafficDistribution, _DISTRIBUTIONS, needed=False
    )


def _validate_update(new: Service, old: Service) -> Errors:
    errors: Errors = []
    if "ExternalName" not in (new.spec.type, old.spec.type):
        for position, address in enumerate(old.spec.clusterIPs[:1]):
            if new.spec.clusterIPs[:1] != (address,):
                where = SPEC.child("clusterIPs").index(position)
                errors.append(field.invalid(where, new.spec.clusterIPs, "may not change once set"))
        if old.spec.ipFamilies and new.spec.ipFamilies[:1] != old.spec.ipFamilies[:1]:
            where = SPEC.child("ipFamilies").index(0)
            errors.append(field.invalid(where, new.spec.ipFamilies, "may not change once set"))
    if new.spec.type == old.spec.type == "LoadBalancer" and new.spec.loadBalancerClass != old.spec.loadBalancerClass:
        why = "may not change once set"
        errors.append(field.invalid(SPEC.child("loadBalancerClass"), new.spec.loadBalancerClass, why))
    checked = _needs_health_check(old.spec) and _needs_health_check(new.spec)
    if checked and new.spec.healthCheckNodePort != old.spec.healthCheckNodePort:
        errors.append(field.forbidden(SPEC.child("healthCheckNodePort"), field.IMMUTABLE))
    return errors + _validate(new)


def _validate_status(new: Service, _old: Any) -> Errors:
    errors: Errors = []
    where = STATUS.child("loadBalancer", "ingress")
    if new.status.loadBalancer.ingress and new.spec.type != "LoadBalancer":
        errors.append(field.forbidden(where, "may only be used when `spec.type` is LoadBalancer"))
    for position, ingress in enumerate(new.status.loadBalancer.ingress):
        if ingress.ip:
            errors += checks.ip_address(where.index(position).child("ip"), ingress.ip)
        if ingress.hostname:
            errors += checks.dns_subdomain(where.index(position).child("hostname"), ingress.hostname)
    return errors


def _warnings(service: Service, _old: Any) -> list[str]:
    if "service.kubernetes.io/topology-aware-hints" in service.metadata.annotations:
        where = METADATA.child("annotations").key("service.kubernetes.io/topology-aware-hints")
        return [f"{where}: deprecated, please use service.kubernetes.io/topology-mode instead"]
    return []


STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=keep_only_spec,
    validate_status_update=_validate_status,
    warnings=_warnings,
    name_errors=names.dns_label_1035,
    generation=False,
    create_on_update=True,
)
