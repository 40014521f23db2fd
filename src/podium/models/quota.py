"""What objects use of a ResourceQuota: which quota counts which object, and how much of what.

A quota names what it limits: `pods`, `requests.cpu`, `count/deployments.apps`, `gold.storageclass.storage.k8s.io/...`.
Each name belongs to one resource, whose objects are counted if they are in all of the quota's scopes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from podium.models import quantity
from podium.models.core_v1 import (
    Affinity,
    Container,
    PersistentVolumeClaim,
    Pod,
    PodAffinityTerm,
    ResourceQuotaSpec,
    ScopedResourceSelectorRequirement,
    Service,
)
from podium.models.quantity import Quantity

Amounts = dict[str, Quantity]

PODS = "pods"
SERVICES = "services"
CLAIMS = "persistentvolumeclaims"
_ONE = Quantity("1")
_ZERO = Quantity("0")
_COUNT = "count/"
_CLASS = ".storageclass.storage.k8s.io/"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_OF_PODS = frozenset((PODS, *_COMPUTE, *(f"{what}.{name}" for what in ("requests", "limits") for name in _COMPUTE)))
_OF_SERVICES = frozenset((SERVICES, "services.nodeports", "services.loadbalancers"))
_OF_CLAIMS = (CLAIMS, "requests.storage")
_ALIASES = frozenset(("configmaps", "secrets", "resourcequotas", "replicationcontrollers"))
_MANDATORY = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
"""A quota on these refuses Pods that don't say how much they want. A mistake of old that has to stay."""


def tracked(name: str) -> str:
    """The resource (as "deployments.apps") whose objects a name of a quota counts; "" if nothing counts it."""
    if name.startswith(_COUNT):
        return name.removeprefix(_COUNT)
    if name in _OF_SERVICES:
        return SERVICES
    if name in _OF_CLAIMS or any(name.endswith(_CLASS + each) for each in _OF_CLAIMS):
        return CLAIMS
    if name in _ALIASES:
        return name
    if name in _OF_PODS or name.startswith(("hugepages-", "requests.hugepages-")):
        return PODS
    return PODS if name.startswith("requests.") and "/" in name else ""


def usage(resource: str, obj: Any, now: datetime) -> Amounts:
    """How much an object counts for each name, whichever of them a quota limits."""
    counted: Amounts = {_COUNT + resource: _ONE}
    if resource == PODS:
        return counted if not charged(obj, now) else counted | pod_usage(obj)
    if resource == SERVICES:
        return counted | _service_usage(obj)
    if resource == CLAIMS:
        return counted | _claim_usage(obj)
    return counted | {resource: _ONE} if resource in _ALIASES else counted


# --- Pods -------------------------------------------------------------------------------------------------------


def charged(pod: Pod, now: datetime) -> bool:
    """Finished Pods use nothing, nor those whose node didn't end them in time."""
    if pod.status.phase in ("Succeeded", "Failed"):
        return False
    ends = overdue_at(pod)
    return ends is None or now <= ends


def overdue_at(pod: Pod) -> datetime | None:
    """When a Pod that is being deleted stops being counted, whether it is gone or not."""
    metadata = pod.metadata
    if metadata.deletionTimestamp is None or metadata.deletionGracePeriodSeconds is None:
        return None
    return metadata.deletionTimestamp + timedelta(seconds=metadata.deletionGracePeriodSeconds)


def pod_usage(pod: Pod) -> Amounts:
    found = _compute(requests(pod), limits(pod))
    found[PODS] = _ONE
    return found


def requests(pod: Pod) -> Amounts:
    """What the Pod as a whole asks for."""
    total = _sum(pod, lambda container: container.resources.requests)
    if pod.spec.resources is not None:
        total |= pod.spec.resources.requests
    return _added(total, pod.spec.overhead)


def limits(pod: Pod) -> Amounts:
    """What it may use at most. Overhead adds to limits that there are, and makes none."""
    total = _sum(pod, lambda container: container.resources.limits)
    if pod.spec.resources is not None:
        total |= pod.spec.resources.limits
    return _added(total, {name: value for name, value in pod.spec.overhead.items() if name in total})


def _sum(pod: Pod, amounts: Callable[[Container], Mapping[str, Quantity]]) -> Amounts:
    """Init containers run one by one, beside the sidecars that started before them."""
    running: Amounts = {}
    peak: Amounts = {}
    for container in pod.spec.initContainers:
        if container.restartPolicy == "Always":
            running = _added(running, amounts(container))
        else:
            peak = _largest(peak, _added(running, amounts(container)))
    for container in pod.spec.containers:
        running = _added(running, amounts(container))
    return _largest(running, peak)


def _added(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> Amounts:
    result = dict(left)
    for name, amount in right.items():
        result[name] = quantity.add(result[name], amount) if name in result else amount
    return result


def _largest(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> Amounts:
    result = dict(left)
    for name, amount in right.items():
        if name not in result or quantity.number(amount) > quantity.number(result[name]):
            result[name] = amount
    return result


def _compute(requested: Mapping[str, Quantity], limited: Mapping[str, Quantity]) -> Amounts:
    """By the names that quotas use: a bare name means what is requested."""
    found: Amounts = {}
    for name, amount in requested.items():
        if name in _COMPUTE or name.startswith("hugepages-"):
            found[name] = amount
        found[f"requests.{name}"] = amount
    for name, amount in limited.items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = amount
    return found


def unspecified(pod: Pod, names: Iterable[str]) -> str:
    """What a Pod that such a quota counts has to say and doesn't, as "limits.cpu for: a,b; ..."; "" if it says all."""
    needed = [name for name in _MANDATORY if name in set(names)]
    of_pod = pod.spec.resources
    said = _compute(of_pod.requests, of_pod.limits) if of_pod is not None else {}
    missing: dict[str, set[str]] = {}
    for container in (*pod.spec.containers, *pod.spec.initContainers):
        asked = _compute(container.resources.requests, container.resources.limits)
        for name in needed:
            if name not in asked and name not in said:
                missing.setdefault(name, set()).add(container.name)
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


# --- Services and claims ----------------------------------------------------------------------------------------


def _service_usage(service: Service) -> Amounts:
    """Node ports are counted before they are given: what counts is how many there will be."""
    spec = service.spec
    balanced = spec.type == "LoadBalancer"
    ports = 0
    if balanced and spec.allocateLoadBalancerNodePorts is False:
        ports = sum(bool(port.nodePort) for port in spec.ports)
    elif balanced or spec.type == "NodePort":
        ports = len(spec.ports)
    return {
        SERVICES: _ONE,
        "services.loadbalancers": _ONE if balanced else _ZERO,
        "services.nodeports": Quantity(ports),
    }


def _claim_usage(claim: PersistentVolumeClaim) -> Amounts:
    found: Amounts = {CLAIMS: _ONE}
    asked = claim.spec.resources.requests.get("storage")
    if asked is not None:
        given = claim.status.allocatedResources.get("storage")
        if given is not None and quantity.number(given) > quantity.number(asked):
            asked = given
        found["requests.storage"] = asked
    if claim.spec.storageClassName:
        found |= {f"{claim.spec.storageClassName}{_CLASS}{name}": amount for name, amount in tuple(found.items())}
    return found


# --- Scopes -----------------------------------------------------------------------------------------------------


def in_scopes(spec: ResourceQuotaSpec, resource: str, obj: Any) -> bool:
    """Whether the quota counts the object, given that it counts its resource. Other kinds are in no scope at all."""
    return all(_in_scope(scope, resource, obj) for scope in _scopes(spec))


def _scopes(spec: ResourceQuotaSpec) -> list[ScopedResourceSelectorRequirement]:
    plain = [ScopedResourceSelectorRequirement(scopeName=name, operator="Exists") for name in spec.scopes]
    return plain + list(spec.scopeSelector.matchExpressions if spec.scopeSelector is not None else ())


def _in_scope(scope: ScopedResourceSelectorRequirement, resource: str, obj: Any) -> bool:
    if resource == CLAIMS:
        return scope.scopeName == "VolumeAttributesClass" and _selects(scope, _attribute_classes(obj))
    if resource != PODS:
        return False
    pod: Pod = obj
    match scope.scopeName:
        case "Terminating":
            return pod.spec.activeDeadlineSeconds is not None
        case "NotTerminating":
            return pod.spec.activeDeadlineSeconds is None
        case "BestEffort":
            return pod.status.qosClass == "BestEffort"
        case "NotBestEffort":
            return pod.status.qosClass != "BestEffort"
        case "PriorityClass":
            return _selects(scope, {pod.spec.priorityClassName} - {""})
        case "CrossNamespacePodAffinity":
            return _looks_elsewhere(pod.spec.affinity)
    return False


def _selects(scope: ScopedResourceSelectorRequirement, values: set[str]) -> bool:
    match scope.operator:
        case "In":
            return bool(values.intersection(scope.values))
        case "NotIn":
            return not values or bool(values.difference(scope.values))
        case "DoesNotExist":
            return not values
    return bool(values)


def _attribute_classes(claim: PersistentVolumeClaim) -> set[str]:
    modify = claim.status.modifyVolumeStatus
    target = modify.targetVolumeAttributesClassName if modify is not None else ""
    return {claim.spec.volumeAttributesClassName, claim.status.currentVolumeAttributesClassName, target} - {""}


def _looks_elsewhere(affinity: Affinity | None) -> bool:
    """Whether a term of Pod affinity or anti-affinity names other namespaces."""
    if affinity is None:
        return False
    terms: list[PodAffinityTerm] = []
    for one in (affinity.podAffinity, affinity.podAntiAffinity):
        if one is not None:
            terms += one.requiredDuringSchedulingIgnoredDuringExecution
            terms += [each.podAffinityTerm for each in one.preferredDuringSchedulingIgnoredDuringExecution]
    return any(term.namespaces or term.namespaceSelector is not None for term in terms)
