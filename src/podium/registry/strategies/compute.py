"""Amounts of resources: which names there are, requests within limits, and the QoS class that follows (KEP-2837)."""

from __future__ import annotations

from functools import lru_cache

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import quantity
from podium.models.core_v1 import PodSpec, ResourceRequirements
from podium.models.quantity import Quantity
from podium.registry.strategies.checks import Errors

_CONTAINER = ("cpu", "memory", "ephemeral-storage")
_STANDARD = frozenset(
    (
        *_CONTAINER,
        "storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "services.nodeports",
        "services.loadbalancers",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
    )
)
_INTEGERS = frozenset(
    (
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)


def is_huge_pages(name: str) -> bool:
    return name.startswith("hugepages-")


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.label_key(f"requests.{name}")


def may_overcommit(name: str) -> bool:
    return is_native(name) and not is_huge_pages(name)


@lru_cache(maxsize=1024)
def container_resource_messages(name: str) -> tuple[str, ...]:
    """What is wrong with a resource that a container asks for."""
    wrong = tuple(names.label_key(name))
    if wrong:
        return wrong
    if "/" not in name:
        standard = name in _CONTAINER or is_huge_pages(name)
        return () if standard else ("must be a standard resource for containers",)
    if is_native(name) or is_extended(name):
        return ()
    return ("doesn't follow extended resource name standard",)


@lru_cache(maxsize=1024)
def resource_messages(name: str) -> tuple[str, ...]:
    """What is wrong with the name of any resource."""
    wrong = tuple(names.label_key(name))
    if not wrong and "/" not in name and name not in _STANDARD and not is_huge_pages(name):
        return ("must be a standard resource type or fully qualified",)
    return wrong


@lru_cache(maxsize=1024)
def is_quota_resource(name: str) -> bool:
    return name in _STANDARD or is_huge_pages(name) or name.startswith("requests.hugepages-")


@lru_cache(maxsize=4096)
def amount_messages(name: str, amount: str) -> tuple[str, ...]:
    errors = []
    value = quantity.number(amount)
    if value < 0:
        errors.append(field.NOT_NEGATIVE)
    if (name in _INTEGERS or is_extended(name)) and value % 1:
        errors.append("must be an integer")
    return tuple(errors)


def amount(path: Path, name: str, value: str) -> Errors:
    messages = amount_messages(name, value)
    return field.each(path, value, messages) if messages else []


def requirements(path: Path, wanted: ResourceRequirements, claims: set[str] | None = None) -> Errors:
    """What a container asks for and may use."""
    limits, requests = wanted.limits, wanted.requests
    errors: Errors = []
    for name, value in limits.items():
        if container_resource_messages(name) or amount_messages(name, value):
            where = path.child("limits").key(name)
            errors += field.each(where, name, container_resource_messages(name))
            errors += amount(where, name, value)
    for name, value in requests.items():
        if container_resource_messages(name) or amount_messages(name, value):
            where = path.child("requests").key(name)
            errors += field.each(where, name, container_resource_messages(name))
            errors += amount(where, name, value)
        errors += _request_within(path, name, value, limits.get(name))
    asked = {*limits, *requests}
    if any(is_huge_pages(name) for name in asked) and not asked & {"cpu", "memory"}:
        errors.append(field.forbidden(path, "HugePages require cpu or memory"))
    for index, claim in enumerate(wanted.claims):
        where = path.child("claims").index(index)
        if not claim.name:
            errors.append(field.required(where.child("name")))
        elif claims is not None and claim.name not in claims:
            errors.append(field.not_found(where.child("name"), claim.name))
        if any(other.name == claim.name and other.request == claim.request for other in wanted.claims[:index]):
            shown = f"{claim.name}/{claim.request}" if claim.request else claim.name
            errors.append(field.duplicate(where, shown))
    return errors


def _request_within(path: Path, name: str, value: Quantity, limit: Quantity | None) -> Errors:
    if limit is None:
        if may_overcommit(name):
            return []
        return [field.required(path.child("limits"), "Limit must be set for non overcommitable resources")]
    if value == limit:
        return []
    more = quantity.number(value) - quantity.number(limit)
    if more and not may_overcommit(name):
        return [field.invalid(path.child("requests"), value, f"must be equal to {name} limit of {limit}")]
    if more > 0:
        return [field.invalid(path.child("requests"), value, f"must be less than or equal to {name} limit of {limit}")]
    return []


_COMPUTE = ("cpu", "memory")


def qos_class(spec: PodSpec) -> str:
    """Guaranteed: cpu and memory of every container limited to what is requested; BestEffort: nothing is asked for."""
    if spec.resources is not None and (spec.resources.requests or spec.resources.limits):
        wanted = [spec.resources]
    else:
        wanted = [container.resources for container in (*spec.containers, *spec.initContainers)]
    asked = False
    guaranteed = True
    for one in wanted:
        for name in _COMPUTE:
            request, limit = _positive(one.requests.get(name)), _positive(one.limits.get(name))
            asked = asked or request is not None or limit is not None
            if limit is None or (request != limit and quantity.number(request or "0") != quantity.number(limit)):
                guaranteed = False
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _positive(value: Quantity | None) -> Quantity | None:
    return value if value is not None and value != "0" and quantity.number(value) > 0 else None
