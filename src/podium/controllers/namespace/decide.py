"""What the conditions of a Namespace say while it is being emptied. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from podium.models import conditions, core_v1

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentRemoved", "All content successfully removed"),
}


@dataclass(frozen=True, slots=True)
class Remaining:
    """What was found in the Namespace after everything had been told to go."""

    objects: Mapping[str, int] = field(default_factory=dict)
    """How many, by resource and group as in "pods." or "deployments.apps"."""
    finalizers: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[str] = ()

    @property
    def empty(self) -> bool:
        return not self.objects and not self.failures


def status(namespace: core_v1.Namespace, remaining: Remaining, now: datetime) -> core_v1.NamespaceStatus:
    problems: dict[str, tuple[str, str]] = {}
    if remaining.failures:
        problems["NamespaceDeletionContentFailure"] = (
            "ContentDeletionFailed",
            f"Failed to delete all resource types, {len(remaining.failures)} remaining: "
            + ", ".join(sorted(remaining.failures)),
        )
    if remaining.objects:
        listed = ", ".join(
            f"{name} has {count} resource instances" for name, count in sorted(remaining.objects.items())
        )
        problems["NamespaceContentRemaining"] = (
            "SomeResourcesRemain",
            f"Some resources are remaining: {listed}",
        )
    if remaining.finalizers:
        listed = ", ".join(
            f"{name} in {count} resource instances" for name, count in sorted(remaining.finalizers.items())
        )
        problems["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain",
            f"Some finalizers are remaining: {listed}",
        )
    result = namespace.status.conditions
    for type_, fine in _FINE.items():
        reason, message = problems.get(type_, fine)
        new = core_v1.NamespaceCondition(
            type=type_, status="True" if type_ in problems else "False", reason=reason, message=message
        )
        result = conditions.put(result, new, now)
    return core_v1.NamespaceStatus(phase="Terminating", conditions=result)
