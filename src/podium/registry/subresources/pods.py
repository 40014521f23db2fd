"""What may change in a Pod after its creation, apart from its status: ephemeral containers and resources."""

from __future__ import annotations

import copy
from typing import Any

from podium.machinery import field
from podium.machinery.errors import FieldError
from podium.models.core_v1 import Container, PodSpec
from podium.registry.strategies import pod_spec


def keep_all_but_ephemeral(new: Any, old: Any) -> None:
    added = new.spec.ephemeralContainers
    _keep(new, old)
    new.spec.ephemeralContainers = added


def ephemeral_errors(new: Any, old: Any) -> list[FieldError]:
    path = field.Path("spec.ephemeralContainers")
    now = {container.name: container for container in new.spec.ephemeralContainers}
    found: list[FieldError] = []
    for container in old.spec.ephemeralContainers:
        if container.name not in now:
            why = f"existing ephemeral containers {field.quote(container.name)} may not be removed"
        elif now[container.name] != container:
            why = f"existing ephemeral containers {field.quote(container.name)} may not be changed"
        else:
            continue
        found.append(field.forbidden(path, why))
    return found + pod_spec.ephemeral_containers(field.Path("spec"), new.spec)


def keep_all_but_resources(new: Any, old: Any) -> None:
    asked = new.spec
    _keep(new, old)
    new.spec.containers = _resized(new.spec.containers, asked.containers)
    new.spec.initContainers = _resized(new.spec.initContainers, asked.initContainers)


def _resized(containers: tuple[Container, ...], asked: tuple[Container, ...]) -> tuple[Container, ...]:
    resources = {container.name: (container.resources, container.resizePolicy) for container in asked}
    changed = []
    for container in containers:
        container = copy.copy(container)
        container.resources, container.resizePolicy = resources.get(
            container.name, (container.resources, container.resizePolicy)
        )
        changed.append(container)
    return tuple(changed)


def resize_errors(new: Any, old: Any) -> list[FieldError]:
    found: list[FieldError] = []
    if quality(new.spec) != quality(old.spec):
        found.append(field.invalid("spec", quality(new.spec), "Pod QOS Class may not change as a result of resizing"))
    for position, (after, before) in enumerate(zip(new.spec.containers, old.spec.containers, strict=True)):
        path = field.Path("spec.containers").index(position).child("resources")
        for name in ("limits", "requests"):
            removed = set(getattr(before.resources, name)) - set(getattr(after.resources, name))
            found += [
                field.forbidden(path.child(name), f"resource {resource} cannot be removed")
                for resource in sorted(removed)
            ]
            changed = {
                resource
                for resource, amount in getattr(after.resources, name).items()
                if getattr(before.resources, name).get(resource) != amount
            }
            if changed - {"cpu", "memory"}:
                found.append(field.forbidden(path.child(name), "only cpu and memory resources are mutable"))
    return found


def quality(spec: PodSpec) -> str:
    """The Pod's quality of service class (Kubernetes documentation, "Pod Quality of Service Classes")."""
    containers = (*spec.containers, *spec.initContainers)
    if not any(container.resources.requests or container.resources.limits for container in containers):
        return "BestEffort"
    for container in containers:
        limits, requests = container.resources.limits, container.resources.requests
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"


def _keep(new: Any, old: Any) -> None:
    """Everything as it was, but what the client insists on."""
    given = new.metadata.resourceVersion
    new.metadata = copy.copy(old.metadata)
    new.metadata.resourceVersion = given
    new.spec, new.status = copy.copy(old.spec), old.status
