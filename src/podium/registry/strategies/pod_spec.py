"""A Pod's spec, in a Pod or in a template: everything that has to hold before anyone runs it."""

from __future__ import annotations

from collections.abc import Mapping

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import (
    PodDNSConfig,
    PodResourceClaim,
    PodSchedulingGate,
    PodSpec,
    ResourceRequirements,
    Volume,
)
from podium.registry.strategies import checks, compute, containers, placement, security, volumes
from podium.registry.strategies.checks import Errors

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_INT32 = 2**31 - 1


def validate(path: Path, spec: PodSpec, *, pod_name: str = "", is_pod: bool = False) -> Errors:
    """What is wrong with a spec whose defaults are filled in."""
    errors: Errors = []
    if spec.terminationGracePeriodSeconds is None:
        errors.append(field.required(path.child("terminationGracePeriodSeconds")))
    known: Mapping[str, Volume] = {}
    if spec.volumes:
        known, wrong = volumes.validate(path.child("volumes"), spec.volumes, pod_name)
        errors += wrong
    surroundings = _surroundings(spec, known)
    errors += containers.regular(path.child("containers"), spec.containers, surroundings)
    if spec.initContainers:
        errors += containers.init(path.child("initContainers"), spec.initContainers, spec.containers, surroundings)
    if spec.ephemeralContainers:
        errors += _ephemeral(path, spec, surroundings)
    if spec.restartPolicy not in _RESTART_POLICIES:
        errors += checks.enum(path.child("restartPolicy"), spec.restartPolicy, _RESTART_POLICIES)
    if spec.dnsPolicy not in _DNS_POLICIES:
        errors += checks.enum(path.child("dnsPolicy"), spec.dnsPolicy, _DNS_POLICIES)
    if spec.hostNetwork:
        errors += _host_ports(path.child("containers"), spec, is_pod=is_pod)
    return errors + _names(path, spec) + _rarely_set(path, spec) + _scheduling(path, spec)


def ephemeral_containers(path: Path, spec: PodSpec) -> Errors:
    """What is wrong with the ephemeral containers of a Pod that is there already."""
    return _ephemeral(path, spec, _surroundings(spec, {volume.name: volume for volume in spec.volumes}))


def _ephemeral(path: Path, spec: PodSpec, surroundings: containers.Surroundings) -> Errors:
    others = (*spec.containers, *spec.initContainers)
    return containers.ephemeral(path.child("ephemeralContainers"), spec.ephemeralContainers, others, surroundings)


def _surroundings(spec: PodSpec, known: Mapping[str, Volume]) -> containers.Surroundings:
    return containers.Surroundings(
        volumes=known,
        claims={claim.name for claim in spec.resourceClaims},
        grace_seconds=spec.terminationGracePeriodSeconds,
        restart_policy=spec.restartPolicy,
        host_users=spec.hostUsers is not False,
    )


def _names(path: Path, spec: PodSpec) -> Errors:
    errors: Errors = []
    for name in ("hostname", "subdomain"):
        value = getattr(spec, name)
        if value:
            errors += checks.dns_label(path.child(name), value)
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName", "hostnameOverride"):
        value = getattr(spec, name)
        if value:
            errors += checks.dns_subdomain(path.child(name), value)
    return errors


def _rarely_set(path: Path, spec: PodSpec) -> Errors:
    errors: Errors = []
    if spec.securityContext is not None:
        errors += security.pod(path.child("securityContext"), spec.securityContext, spec)
    if spec.dnsConfig is not None or spec.dnsPolicy == "None":
        errors += _dns_config(path.child("dnsConfig"), spec.dnsConfig, spec.dnsPolicy)
    if spec.resourceClaims:
        errors += _resource_claims(path.child("resourceClaims"), spec.resourceClaims)
    if spec.resources is not None:
        errors += _pod_resources(path.child("resources"), spec, spec.resources)
    for position, gate in enumerate(spec.readinessGates):
        where = path.child("readinessGates").index(position).child("conditionType")
        errors += checks.qualified_name(where, gate.conditionType)
    seconds = spec.activeDeadlineSeconds
    if seconds is not None and not 1 <= seconds <= _INT32:
        where = path.child("activeDeadlineSeconds")
        errors += field.each(where, seconds, names.in_range(seconds, 1, _INT32))
    for position, alias in enumerate(spec.hostAliases):
        where = path.child("hostAliases").index(position)
        errors += checks.ip_address(where.child("ip"), alias.ip)
        for index, name in enumerate(alias.hostnames):
            errors += field.each(where.child("hostnames").index(index), name, names.dns_subdomain(name))
    if spec.preemptionPolicy:
        errors += checks.enum(path.child("preemptionPolicy"), spec.preemptionPolicy, _PREEMPTION_POLICIES)
    if spec.overhead:
        errors += compute.requirements(path.child("overhead"), ResourceRequirements(limits=spec.overhead))
    if spec.hostUsers is False:
        for name, shown in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
            if getattr(spec, name):
                errors.append(field.forbidden(path.child(shown), "when `pod.Spec.HostUsers` is false"))
    if spec.os is not None:
        errors += checks.enum(path.child("os", "name"), spec.os.name, ("linux", "windows"))
    return errors


def _scheduling(path: Path, spec: PodSpec) -> Errors:
    errors: Errors = []
    if spec.nodeSelector:
        errors += checks.labels(path.child("nodeSelector"), spec.nodeSelector)
    if spec.affinity is not None:
        errors += placement.affinity(path.child("affinity"), spec.affinity)
    if spec.tolerations:
        errors += placement.tolerations(path.child("tolerations"), spec.tolerations)
    if spec.topologySpreadConstraints:
        where = path.child("topologySpreadConstraints")
        errors += placement.spread_constraints(where, spec.topologySpreadConstraints)
    if spec.schedulingGates:
        errors += _gates(path.child("schedulingGates"), spec.schedulingGates)
    return errors


def _gates(path: Path, gates: tuple[PodSchedulingGate, ...]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, gate in enumerate(gates):
        errors += checks.qualified_name(path.index(position), gate.name)
        if gate.name in seen:
            errors.append(field.duplicate(path.index(position), gate.name))
        seen.add(gate.name)
    return errors


def _host_ports(path: Path, spec: PodSpec, *, is_pod: bool) -> Errors:
    """On the node's network a port is the node's; a template may leave it to the Pod's defaults."""
    errors: Errors = []
    for position, one in enumerate(spec.containers):
        for index, port in enumerate(one.ports):
            host = port.hostPort or 0
            if (is_pod or host) and host != port.containerPort:
                where = path.index(position).child("ports").index(index).child("hostPort")
                errors.append(field.invalid(where, host, "must match `containerPort` when `hostNetwork` is true"))
    return errors


def _dns_config(path: Path, config: PodDNSConfig | None, policy: str) -> Errors:
    if policy == "None":
        if config is None:
            return [field.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.nameservers:
            why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [field.required(path.child("nameservers"), why)]
    if config is None:
        return []
    errors: Errors = []
    if len(config.nameservers) > 3:
        why = "must not have more than 3 nameservers"
        errors.append(field.invalid(path.child("nameservers"), config.nameservers, why))
    for position, address in enumerate(config.nameservers):
        errors += checks.ip_address(path.child("nameservers").index(position), address)
    where = path.child("searches")
    if len(config.searches) > 32:
        errors.append(field.invalid(where, config.searches, "must not have more than 32 search paths"))
    if len(" ".join(config.searches)) > 2048:
        why = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(field.invalid(where, config.searches, why))
    for position, search in enumerate(config.searches):
        if search != ".":
            domain = search.removesuffix(".")
            wrong = names.dns_subdomain(domain.replace("_", "a"))
            errors += field.each(where.index(position), domain, wrong)
    for position, option in enumerate(config.options):
        if not option.name:
            errors.append(field.required(path.child("options").index(position), "must not be empty"))
    return errors


def _resource_claims(path: Path, claims: tuple[PodResourceClaim, ...]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, claim in enumerate(claims):
        where = path.index(position)
        if claim.name in seen:
            errors.append(field.duplicate(where.child("name"), claim.name))
        else:
            errors += checks.dns_label(where.child("name"), claim.name, needed=True)
        seen.add(claim.name)
        if claim.resourceClaimName and claim.resourceClaimTemplateName:
            why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(field.invalid(where, claim, why))
        if not claim.resourceClaimName and not claim.resourceClaimTemplateName:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(field.invalid(where, claim, why))
        for name in ("resourceClaimName", "resourceClaimTemplateName"):
            errors += checks.dns_subdomain(where.child(name), getattr(claim, name))
    return errors


def _pod_resources(path: Path, spec: PodSpec, wanted: ResourceRequirements) -> Errors:
    """Requests and limits of the whole Pod: enough for its containers."""
    errors: Errors = []
    if wanted.claims:
        errors.append(field.forbidden(path.child("claims"), "claims cannot be set for Resources at pod-level"))
    errors += compute.requirements(path, ResourceRequirements(limits=wanted.limits, requests=wanted.requests))
    for name, have in wanted.requests.items():
        total = "0"
        for one in spec.containers:
            total = quantity.add(total, one.resources.requests.get(name, "0"))
        if quantity.number(total) > quantity.number(have):
            why = f"must be greater than or equal to aggregate container requests of {total}"
            errors.append(field.invalid(path.child("requests").key(name), have, why))
    for position, one in enumerate(spec.containers):
        for name, limit in one.resources.limits.items():
            most = wanted.limits.get(name)
            if most is not None and quantity.number(limit) > quantity.number(most):
                where = path.child("containers").index(position).key(name).child("limits")
                errors.append(field.invalid(where, limit, f"must be less than or equal to pod limits of {most}"))
    return errors
