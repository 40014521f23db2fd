"""Whether a container that ended runs again, and how long it waits first.

Reference: Kubernetes docs, "Pod Lifecycle", container restart policy: 10 s, doubled with each restart, at most 300 s,
forgotten after 10 minutes without one. The first restart doesn't wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from podium.models.core_v1 import Container

INITIAL = 10.0
LONGEST = 300.0
FORGOTTEN_AFTER = 600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long the next restart has to wait after the end of the run before it. 0: not at all."""

    seconds: float = 0.0
    updated: datetime | None = None


NEVER_FAILED = Backoff()


def remaining(backoff: Backoff, finished: datetime | None, now: datetime) -> float:
    """Seconds still to wait, when the last run ended at `finished`."""
    if finished is None or not backoff.seconds or _is_forgotten(backoff, finished):
        return 0.0
    return max(backoff.seconds - (now - finished).total_seconds(), 0.0)


def advanced(backoff: Backoff, finished: datetime | None, now: datetime) -> Backoff:
    """What the following restart will have to wait, once this one, after the end at `finished`, is made."""
    if backoff.updated is None or _is_forgotten(backoff, finished or now):
        return Backoff(INITIAL, now)
    return Backoff(min(backoff.seconds * 2, LONGEST), now)


def _is_forgotten(backoff: Backoff, finished: datetime) -> bool:
    """Whether the run went well for so long that it doesn't matter any more what was before it. How long its restart
    was waited for doesn't count."""
    return backoff.updated is not None and (finished - backoff.updated).total_seconds() > FORGOTTEN_AFTER


def is_sidecar(container: Container) -> bool:
    """An init container that keeps running beside the others (KEP-753)."""
    return container.restartPolicy == "Always"


def restarts(pod_policy: str, container: Container, exit_code: int, *, init: bool = False) -> bool:
    """Does a container that ended with that exit code run again? The container's own rules come first (KEP-5307)."""
    for rule in container.restartPolicyRules:
        codes = rule.exitCodes
        if codes is not None and (exit_code in codes.values) == (codes.operator == "In"):
            return rule.action in ("Restart", "RestartAllContainers")
    policy = container.restartPolicy or pod_policy
    if init and not is_sidecar(container):
        return exit_code != 0 and policy != "Never"
    return policy in ("", "Always") or (policy == "OnFailure" and exit_code != 0)


RESIZED = "Container {} resize requires restart"


def resize_restarts(old: Container, new: Container) -> bool:
    """Whether a resource has changed that can't change while the container runs (its resizePolicy)."""

    def amounts(container: Container, name: str) -> tuple[object, object]:
        return container.resources.requests.get(name), container.resources.limits.get(name)

    return any(
        policy.restartPolicy == "RestartContainer"
        and amounts(old, policy.resourceName) != amounts(new, policy.resourceName)
        for policy in new.resizePolicy
    )


def duration(seconds: float) -> str:
    """As Go prints a duration: 10s, 2m40s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
