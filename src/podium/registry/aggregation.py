"""API servers that extend this one: which group versions are theirs, and the port through which they are reached.

An APIService says for a group version who serves it: this server ("Local"), or whatever is behind a Service (Kubernetes
docs, "Kubernetes API Aggregation Layer"). The local ones are registered here, so that clients find all in one list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from podium.machinery import errors
from podium.models import conditions
from podium.models.apiregistration_v1 import APIService, APIServiceSpec
from podium.models.meta_v1 import ObjectMeta
from podium.models.resources import ResourceType
from podium.registry.core import Core
from podium.registry.types import User

API_SERVICES = "apiservices.apiregistration.k8s.io"
AVAILABLE = "Available"
UNAVAILABLE = "service unavailable"
"""What clients are told, in Kubernetes' words."""
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"

OWN_GROUPS = ("", "apiregistration.k8s.io")
"""Nobody else can have these, or a mistake in an APIService could never be mended."""

PRIORITIES: Mapping[tuple[str, str], tuple[int, int]] = {
    ("", "v1"): (18000, 1),
    ("apps", "v1"): (17800, 15),
    ("events.k8s.io", "v1"): (17750, 15),
    ("authentication.k8s.io", "v1"): (17700, 15),
    ("authorization.k8s.io", "v1"): (17600, 15),
    ("autoscaling", "v1"): (17500, 15),
    ("autoscaling", "v2"): (17500, 30),
    ("batch", "v1"): (17400, 15),
    ("certificates.k8s.io", "v1"): (17300, 15),
    ("networking.k8s.io", "v1"): (17200, 15),
    ("policy", "v1"): (17100, 15),
    ("rbac.authorization.k8s.io", "v1"): (17000, 15),
    ("storage.k8s.io", "v1"): (16800, 15),
    ("apiextensions.k8s.io", "v1"): (16700, 15),
    ("admissionregistration.k8s.io", "v1"): (16700, 15),
    ("scheduling.k8s.io", "v1"): (16600, 15),
    ("coordination.k8s.io", "v1"): (16500, 15),
    ("node.k8s.io", "v1"): (16300, 15),
    ("discovery.k8s.io", "v1"): (16200, 15),
    ("flowcontrol.apiserver.k8s.io", "v1"): (16100, 21),
    ("resource.k8s.io", "v1"): (15900, 15),
    ("metrics.k8s.io", "v1beta1"): (100, 100),
}
"""groupPriorityMinimum and versionPriority of what this server serves by itself. apiregistration.k8s.io is not in it:
who serves that is not a question that it could answer."""
_PRECEDENCE = {"": 2, "beta": 1, "alpha": 0}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


class Extensions(Protocol):
    """Reaches the API servers behind APIServices. Errors are machinery.errors.StatusError."""

    async def get(self, service: APIService, user: User, path: str, query: Mapping[str, str]) -> bytes:
        """What it answers to that user's GET; the error that it answers with, or ServiceUnavailable."""

    async def probe(self, service: APIService) -> str:
        """Ask for the list of its resources, which each has to serve; what went wrong, or an empty text."""


def extension(core: Core, group: str, version: str) -> APIService | None:
    """The APIService of a group version that another server serves; None if it is served here, or by nobody."""
    if group in OWN_GROUPS:
        return None
    services = core.live(API_SERVICES)
    entry = services.entries.get(services.key("", f"{version}.{group}"))
    if entry is None or entry.object.spec.service is None:
        return None
    found: APIService = entry.object
    return found


def extensions(core: Core) -> list[APIService]:
    """All that lead to other servers."""
    found = [entry.object for entry in core.live(API_SERVICES)]
    return [one for one in found if one.spec.service is not None and one.spec.group not in OWN_GROUPS]


def require_available(service: APIService) -> None:
    """ServiceUnavailable as long as nobody has seen that it answers."""
    if not conditions.is_true(service.status.conditions, AVAILABLE):
        raise errors.ServiceUnavailable(UNAVAILABLE)


def versions(core: Core, group: str) -> tuple[str, ...]:
    """The versions of a group that somebody serves, the preferred one first."""
    found = {
        row.version: PRIORITIES.get((group, row.version), (0, 0))[1] for row in core.resources() if row.group == group
    }
    for service in extensions(core):
        if service.spec.group == group:
            found[service.spec.version] = service.spec.versionPriority
    return tuple(sorted(found, key=lambda version: version_order(found[version], version)))


def version_order(priority: int, version: str) -> tuple[int, int, int, int, str]:
    """Sorts a group's versions: by priority; of the same, v2 before v1 before v1beta2 before v1alpha1 before others."""
    matched = _VERSION.fullmatch(version)
    if matched is None:
        return (-priority, 1, 0, 0, version)
    major, stage, minor = matched.groups()
    return (-priority, -_PRECEDENCE[stage or ""], -int(major), -int(minor or 0), version)


def group_version(path: str) -> tuple[str, str]:
    """The group and version that a path below /apis begins with; PathNotFound."""
    parts = path.split("/")
    if len(parts) < 4 or parts[:2] != ["", "apis"] or any(part in ("", ".", "..") for part in parts[2:]):
        raise errors.PathNotFound
    return parts[2], parts[3]


def local_services(kinds: Iterable[ResourceType]) -> Iterator[APIService]:
    """The APIServices of the group versions that these resources belong to."""
    for group, version in sorted({(kind.group, kind.version) for kind in kinds}):
        priority = PRIORITIES.get((group, version))
        if priority is not None:
            labels = {} if group == "metrics.k8s.io" else {AUTOMANAGED: "onstart"}
            yield APIService(
                metadata=ObjectMeta(name=f"{version}.{group}", labels=labels),
                spec=APIServiceSpec(
                    group=group, version=version, groupPriorityMinimum=priority[0], versionPriority=priority[1]
                ),
            )


def is_automanaged(service: APIService) -> bool:
    """Whether every start makes it what it was again."""
    return service.metadata.labels.get(AUTOMANAGED) in ("onstart", "true")
