"""LimitRanger: containers that don't say what they want get what the LimitRanges of their namespace say; what is too
little or too much is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from podium.models import quantity, quota
from podium.models.core_v1 import (
    Container,
    LimitRange,
    LimitRangeItem,
    PersistentVolumeClaim,
    Pod,
    ResourceRequirements,
)
from podium.models.quantity import Quantity
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes, Operation
from podium.registry.resources import Resource

ANNOTATION = "kubernetes.io/limit-ranger"
_Amounts = Mapping[str, Quantity]


class LimitRanger(Base):
    def handles(self, resource: Resource, operation: Operation, subresource: str) -> bool:
        if resource.group_resource == quota.PODS:
            return (operation, subresource) in (("CREATE", ""), ("UPDATE", "resize"))
        return resource.group_resource == quota.CLAIMS and operation in ("CREATE", "UPDATE") and not subresource

    def admit(self, attributes: Attributes) -> None:
        if isinstance(attributes.obj, Pod) and attributes.operation == "CREATE":
            for one in _ranges(attributes):
                set_defaults(attributes.obj, one)

    def validate(self, attributes: Attributes) -> None:
        if attributes.old is not None and attributes.old.metadata.deletionTimestamp is not None:
            return
        for one in _ranges(attributes):
            wrong = problems(attributes.obj, one)
            if wrong:
                raise forbidden(attributes, wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")


def _ranges(attributes: Attributes) -> Sequence[LimitRange]:
    found = attributes.core.live("limitranges").namespace(attributes.namespace)
    return [entry.object for _, entry in sorted(found.items())] if found else ()


# --- defaults ---------------------------------------------------------------------------------------------------


def set_defaults(pod: Pod, one: LimitRange) -> None:
    """Fill in what containers leave out, and note what was filled in."""
    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}
    for item in one.spec.limits:
        if item.type == "Container":
            limits |= item.default
            requests |= item.defaultRequest
    notes: list[str] = []
    for container in pod.spec.containers:
        notes += _fill(container, requests, limits, "container")
    for container in pod.spec.initContainers:
        notes += _fill(container, requests, limits, "init container")
    if notes:
        note = "LimitRanger plugin set: " + "; ".join(notes)
        pod.metadata.annotations = {**pod.metadata.annotations, ANNOTATION: note}


def _fill(container: Container, requests: _Amounts, limits: _Amounts, what: str) -> list[str]:
    given = container.resources or ResourceRequirements()
    new_requests = {name: amount for name, amount in requests.items() if name not in given.requests}
    new_limits = {name: amount for name, amount in limits.items() if name not in given.limits}
    if not new_requests and not new_limits:
        return []
    container.resources = replace(
        given, requests={**given.requests, **new_requests}, limits={**given.limits, **new_limits}
    )
    notes = (("request", new_requests), ("limit", new_limits))
    return [f"{', '.join(sorted(names))} {kind} for {what} {container.name}" for kind, names in notes if names]


# --- bounds -----------------------------------------------------------------------------------------------------


def problems(obj: Pod | PersistentVolumeClaim, one: LimitRange) -> list[str]:
    """What is not as a LimitRange wants it, in Kubernetes' words."""
    found: list[str] = []
    for item in one.spec.limits:
        if isinstance(obj, PersistentVolumeClaim):
            if item.type == "PersistentVolumeClaim":
                found += _of_claim(obj, item)
        elif item.type == "Container":
            for container in (*obj.spec.containers, *obj.spec.initContainers):
                found += _within(item, container.resources.requests, container.resources.limits)
        elif item.type == "Pod":
            found += _within(item, quota.requests(obj), quota.limits(obj))
    return found


def _of_claim(claim: PersistentVolumeClaim, item: LimitRangeItem) -> list[str]:
    requests = claim.spec.resources.requests
    found = [_too_little(item.type, name, least, requests, {}) for name, least in sorted(item.min.items())]
    for name, most in sorted(item.max.items()):
        text = f"maximum {name} usage per {item.type} is {most}"
        if name not in requests:
            found.append(f"{text}.  No request is specified")
        elif quantity.number(requests[name]) > quantity.number(most):
            found.append(f"{text}, but request is {requests[name]}")
    return [one for one in found if one]


def _within(item: LimitRangeItem, requests: _Amounts, limits: _Amounts) -> Iterable[str]:
    found = [_too_little(item.type, name, least, requests, limits) for name, least in sorted(item.min.items())]
    found += [_too_much(item.type, name, most, requests, limits) for name, most in sorted(item.max.items())]
    found += [
        _too_far_apart(item.type, name, ratio, requests, limits)
        for name, ratio in sorted(item.maxLimitRequestRatio.items())
    ]
    return [one for one in found if one]


def _too_little(kind: str, name: str, least: Quantity, requests: _Amounts, limits: _Amounts) -> str:
    text = f"minimum {name} usage per {kind} is {least}"
    if name not in requests:
        return f"{text}.  No request is specified"
    if quantity.number(requests[name]) < quantity.number(least):
        return f"{text}, but request is {requests[name]}"
    if name in limits and quantity.number(limits[name]) < quantity.number(least):
        return f"{text}, but limit is {limits[name]}"
    return ""


def _too_much(kind: str, name: str, most: Quantity, requests: _Amounts, limits: _Amounts) -> str:
    text = f"maximum {name} usage per {kind} is {most}"
    if name not in limits:
        return f"{text}.  No limit is specified"
    if quantity.number(limits[name]) > quantity.number(most):
        return f"{text}, but limit is {limits[name]}"
    if name in requests and quantity.number(requests[name]) > quantity.number(most):
        return f"{text}, but request is {requests[name]}"
    return ""


def _too_far_apart(kind: str, name: str, ratio: Quantity, requests: _Amounts, limits: _Amounts) -> str:
    text = f"{name} max limit to request ratio per {kind} is {ratio}"
    if name not in requests or not quantity.number(requests[name]):
        return f"{text}, but no request is specified or request is 0"
    if name not in limits or not quantity.number(limits[name]):
        return f"{text}, but no limit is specified or limit is 0"
    actual = quantity.number(limits[name]) / quantity.number(requests[name])
    return f"{text}, but provided ratio is {float(actual):f}" if actual > quantity.number(ratio) else ""
