"""What a PodDisruptionBudget's status says: how many Pods there should be, how many must be healthy, how many are.

The eviction subresource takes from `disruptionsAllowed` and notes the Pod in `disruptedPods`; here both are worked out
anew from what Pods there are. A Pod stays noted until its deletion is seen, or for two minutes at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from podium.controllers import pods as pod_rules
from podium.models import conditions, core_v1, intstr, meta_v1, policy_v1

DELETION_TIMEOUT = timedelta(minutes=2)
"""How long an eviction that was granted may take until the Pod is seen to be deleted."""
STALE_TIMEOUT = timedelta(minutes=2)
"""How long a Pod that is not being deleted may be marked as the target of a disruption."""
DISRUPTION_ALLOWED = "DisruptionAllowed"
DISRUPTION_TARGET = "DisruptionTarget"


@dataclass(frozen=True, slots=True)
class Expected:
    pods: int
    healthy: int
    """How many of them must be."""


@dataclass(frozen=True, slots=True)
class Disrupted:
    """Evictions that were granted and are not seen yet."""

    pods: Mapping[str, datetime]
    overdue: Sequence[core_v1.Pod]
    """Those that didn't happen."""
    recheck_after: float | None
    """Seconds until the next one is overdue."""


def needs_scale(spec: policy_v1.PodDisruptionBudgetSpec) -> bool:
    """Whether it depends on how many Pods their controllers want, and not only on how many there are."""
    return spec.maxUnavailable is not None or isinstance(spec.minAvailable, str)


def expected(spec: policy_v1.PodDisruptionBudgetSpec, found: int, scale: int) -> Expected:
    """`found`: how many Pods the selector finds; `scale`: how many their controllers want in all.

    maxUnavailable "30%" of 10 wanted: 7 must be healthy; minAvailable "50%" of 5: 3. ValueError for a bad percentage.
    """
    if spec.maxUnavailable is not None:
        unavailable = intstr.scaled_value(spec.maxUnavailable, scale, round_up=True)
        return Expected(scale, max(0, scale - unavailable))
    if isinstance(spec.minAvailable, int):
        return Expected(found, spec.minAvailable)
    if spec.minAvailable is not None:
        return Expected(scale, intstr.scaled_value(spec.minAvailable, scale, round_up=True))
    return Expected(0, 0)


def disrupted(pods: Iterable[core_v1.Pod], noted: Mapping[str, datetime], now: datetime) -> Disrupted:
    """Which of the Pods that are noted as evicted are still to be waited for."""
    waiting: dict[str, datetime] = {}
    overdue: list[core_v1.Pod] = []
    for pod in pods:
        since = noted.get(pod.metadata.name)
        if since is None or pod.metadata.deletionTimestamp is not None:
            continue
        if since + DELETION_TIMEOUT < now:
            overdue.append(pod)
        else:
            waiting[pod.metadata.name] = since
    first = min(waiting.values(), default=None)
    # a moment past the time out, as only then it is over
    after = None if first is None else (first + DELETION_TIMEOUT - now).total_seconds() + 0.001
    return Disrupted(waiting, overdue, after)


def healthy(pods: Iterable[core_v1.Pod], disrupted: Mapping[str, datetime]) -> int:
    """How many are ready and neither being deleted nor about to be."""
    return sum(
        pod.metadata.deletionTimestamp is None and pod.metadata.name not in disrupted and pod_rules.is_ready(pod)
        for pod in pods
    )


def status(
    budget: policy_v1.PodDisruptionBudget, wanted: Expected, pods: int, waiting: Mapping[str, datetime], now: datetime
) -> policy_v1.PodDisruptionBudgetStatus:
    """`pods`: how many are healthy. While no Pod is expected none may be disrupted, so that the first Pods aren't
    before they were counted."""
    allowed = max(0, pods - wanted.healthy) if wanted.pods > 0 else 0
    return policy_v1.PodDisruptionBudgetStatus(
        conditions=_with_condition(budget.status.conditions, _allowance(allowed, budget.metadata.generation), now),
        currentHealthy=pods,
        desiredHealthy=wanted.healthy,
        disruptedPods=dict(waiting),
        disruptionsAllowed=allowed,
        expectedPods=wanted.pods,
        observedGeneration=budget.metadata.generation,
    )


def failed(budget: policy_v1.PodDisruptionBudget, why: str, now: datetime) -> policy_v1.PodDisruptionBudgetStatus:
    """The status of a budget that can't be worked out: no Pod may be disrupted."""
    old = budget.status
    condition = meta_v1.Condition(
        type=DISRUPTION_ALLOWED,
        status="False",
        reason="SyncFailed",
        message=why,
        observedGeneration=old.observedGeneration,
    )
    return replace(
        old,
        disruptionsAllowed=0,
        currentHealthy=old.currentHealthy or 0,
        desiredHealthy=old.desiredHealthy or 0,
        expectedPods=old.expectedPods or 0,
        conditions=_with_condition(old.conditions, condition, now),
    )


def _allowance(allowed: int, generation: int | None) -> meta_v1.Condition:
    return meta_v1.Condition(
        type=DISRUPTION_ALLOWED,
        status="True" if allowed else "False",
        reason="SufficientPods" if allowed else "InsufficientPods",
        observedGeneration=generation,
    )


def _with_condition(
    old: tuple[meta_v1.Condition, ...], condition: meta_v1.Condition, now: datetime
) -> tuple[meta_v1.Condition, ...]:
    return conditions.put(old, condition, now)


def stale_after(pod: core_v1.Pod, now: datetime) -> float | None:
    """Seconds until a Pod is no longer to be taken for the target of a disruption that doesn't come; None if it isn't
    one. What the node's agent announces may take as long as it takes."""
    if pod.metadata.deletionTimestamp is not None or pod_rules.is_finished(pod):
        return None
    condition = conditions.get(pod.status.conditions, DISRUPTION_TARGET)
    if condition is None or condition.status != "True" or condition.reason == "TerminationByKubelet":
        return None
    since = condition.lastTransitionTime or pod.metadata.creationTimestamp or now
    return max(0.0, (since + STALE_TIMEOUT - now).total_seconds())
