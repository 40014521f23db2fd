"""What a Job's podFailurePolicy says about a failed Pod (KEP-3329): the first rule that matches decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from podium.models import core_v1
from podium.models.batch_v1 import PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule


@dataclass(frozen=True, slots=True)
class Match:
    counts: bool = True
    """Whether the failure counts towards the back-off limits."""
    action: str = ""
    """Empty when no rule matched."""
    message: str = ""
    """Why the Job fails, for the action FailJob."""


NO_RULE = Match()


def match(policy: PodFailurePolicy | None, pod: core_v1.Pod) -> Match:
    if policy is None:
        return NO_RULE
    for position, rule in enumerate(policy.rules):
        why = _matches(rule, pod)
        if why is None:
            continue
        if rule.action == "FailJob":
            return Match(action="FailJob", message=f"{why} matching FailJob rule at index {position}")
        if rule.action in ("Ignore", "FailIndex", "Count"):
            return Match(counts=rule.action != "Ignore", action=rule.action)
    return NO_RULE


def _matches(rule: PodFailurePolicyRule, pod: core_v1.Pod) -> str | None:
    """What matched, in words; None if nothing did."""
    name = f"{pod.metadata.namespace}/{pod.metadata.name}"
    status = pod.status
    if rule.onExitCodes is not None:
        found = _exited(status.containerStatuses, rule.onExitCodes)
        found = found or _exited(status.initContainerStatuses, rule.onExitCodes)
        if found is None:
            return None
        return f"Container {found[0]} for pod {name} failed with exit code {found[1]}"
    for condition in status.conditions:
        for pattern in rule.onPodConditions:
            if (condition.type, condition.status) == (pattern.type, pattern.status):
                return f"Pod {name} has condition {condition.type}"
    return None


def _exited(
    containers: Iterable[core_v1.ContainerStatus], required: PodFailurePolicyOnExitCodesRequirement
) -> tuple[str, int] | None:
    """The first container that failed with a code that is asked for. Success (0) never matches, not even NotIn."""
    for container in containers:
        ended = container.state.terminated if container.state is not None else None
        if ended is None or not ended.exitCode or required.containerName not in ("", container.name):
            continue
        if (ended.exitCode in required.values) == (required.operator == "In"):
            return container.name, ended.exitCode
    return None
