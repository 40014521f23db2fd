"""Preemption: when no node has room for a Pod, which Pods of lower priority would have to go, and from which node.

Only decided here; scheduler.py carries it out. On each node that could be helped, all Pods of lower priority are taken
away in thought; if the Pod fits then, as many as possible are spared, the important ones and those that a
PodDisruptionBudget protects first. Of all nodes, the one where it hurts least is chosen, as Kubernetes chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from podium.models import conditions, core_v1, policy_v1
from podium.models.selectors import compile
from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeInfo
from podium.scheduler.outcome import FitError, tally
from podium.scheduler.pods import PodInfo
from podium.scheduler.rules.base import Refusal
from podium.scheduler.schedule import Decider, cluster_checks

NAME = "DefaultPreemption"
CONDITION = "DisruptionTarget"
REASON = "PreemptionByScheduler"

NOT_HELPFUL = Refusal(NAME, ("Preemption is not helpful for scheduling",), final=True)
NO_VICTIMS = Refusal(NAME, ("No preemption victims found for incoming pod",), final=True)
NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."

MIN_CANDIDATES = 100
MIN_CANDIDATES_PERCENTAGE = 10
_LOWEST_PRIORITY = -(2**31)

Budgets = Sequence[policy_v1.PodDisruptionBudget]


@dataclass(frozen=True, slots=True)
class Nomination:
    """The node that is to make room, and who has to go, most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int = 0
    """How many of them a budget protects."""


@dataclass(frozen=True, slots=True)
class NoPreemption:
    message: str
    keep_waiting: bool = False
    """The Pod stays nominated to the node it was: its victims are still ending."""


class Preemption:
    def __init__(self, cache: Cache, decider: Decider, rng: Random) -> None:
        self._cache = cache
        self._decider = decider
        self._rng = rng

    def find(self, pod: PodInfo, why: FitError, budgets: Budgets, now: datetime) -> Nomination | NoPreemption:
        """`why` is what the filters said of each node."""
        if not pod.template.preempts:
            return NoPreemption(NEVER, keep_waiting=True)
        if self._waits_for_victims(pod, why):
            return NoPreemption(WAITING, keep_waiting=True)
        candidates, refusals = self._candidates(pod, why.helpable, budgets, now)
        if candidates:
            return least_harm(candidates, now)
        refusals[NOT_HELPFUL] += why.total - sum(refusals.values())
        return NoPreemption(tally(why.total, +refusals))

    def _waits_for_victims(self, pod: PodInfo, why: FitError) -> bool:
        nominated = pod.pod.status.nominatedNodeName
        node = self._cache.infos.get(nominated) if nominated else None
        refusal = why.refused.get(nominated)
        if node is None or (refusal is not None and refusal.final):
            return False
        return any(
            other.template.priority < pod.template.priority and is_victim(other.pod) for other in node.pods.values()
        )

    def _candidates(
        self, pod: PodInfo, names: Sequence[str], budgets: Budgets, now: datetime
    ) -> tuple[list[Nomination], Counter[Refusal]]:
        """Enough nodes where preemption would help, beginning anywhere; or why it wouldn't, on how many nodes."""
        refusals: Counter[Refusal] = Counter()
        if not self._cache.any_below(pod.template.priority):
            refusals[NO_VICTIMS] += len(names)
            return [], refusals
        enough = max(len(names) * MIN_CANDIDATES_PERCENTAGE // 100, MIN_CANDIDATES)
        start = self._rng.randrange(len(names)) if names else 0
        candidates: list[Nomination] = []
        harmless = False
        for name in (*names[start:], *names[:start]):
            outcome = self._on_node(pod, self._cache.infos[name], budgets, now)
            if isinstance(outcome, Refusal):
                refusals[outcome] += 1
                continue
            candidates.append(outcome)
            harmless = harmless or not outcome.violations
            if harmless and len(candidates) >= enough:
                break
        return candidates, refusals

    def _on_node(self, pod: PodInfo, node: NodeInfo, budgets: Budgets, now: datetime) -> Nomination | Refusal:
        lower = [other for other in node.pods.values() if other.template.priority < pod.template.priority]
        if not lower:
            return NO_VICTIMS
        lower.sort(key=lambda other: importance(other.pod, now))
        protected, others = split_by_budgets(lower, budgets)
        victims: list[PodInfo] = []
        violations = 0
        with self._cache.trial() as trial:
            for other in lower:
                trial.remove(other)
            refusal = self._refusal(pod, node)
            if refusal is not None:
                return refusal
            for other in (*protected, *others):
                trial.restore(other)
                if self._refusal(pod, node) is not None:
                    trial.remove(other)
                    victims.append(other)
                    violations += other in protected
        if not victims:
            return NO_VICTIMS
        victims.sort(key=lambda other: importance(other.pod, now))
        return Nomination(node.name, tuple(victims), violations)

    def _refusal(self, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return self._decider.refusal_with_nominated(pod, node, cluster_checks(pod.template, self._cache))


def is_victim(pod: core_v1.Pod) -> bool:
    """Whether it is ending because the scheduler preempted it."""
    if pod.metadata.deletionTimestamp is None:
        return False
    condition = conditions.get(pod.status.conditions, CONDITION)
    return condition is not None and condition.status == "True" and condition.reason == REASON


def importance(pod: core_v1.Pod, now: datetime) -> tuple[int, datetime, str]:
    """Sorts the most important first: by priority, then by how long it runs; then in an order that stays the same."""
    return -(pod.spec.priority or 0), pod.status.startTime or now, pod.metadata.uid


def split_by_budgets(pods: Iterable[PodInfo], budgets: Budgets) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose eviction would exceed a PodDisruptionBudget, counting them in order, and the others."""
    allowed = {id(budget): budget.status.disruptionsAllowed or 0 for budget in budgets}
    protected: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        exceeded = False
        for budget in _budgets_of(pod.pod, budgets):
            allowed[id(budget)] -= 1
            exceeded = exceeded or allowed[id(budget)] < 0
        (protected if exceeded else others).append(pod)
    return protected, others


def _budgets_of(pod: core_v1.Pod, budgets: Budgets) -> Iterable[policy_v1.PodDisruptionBudget]:
    meta = pod.metadata
    for budget in budgets:
        if budget.metadata.namespace != meta.namespace or meta.name in budget.status.disruptedPods:
            continue  # one that is in disruptedPods was counted when its eviction was allowed
        selector = compile(budget.spec.selector)
        if not selector.empty and selector.matches(meta.labels):
            yield budget


def least_harm(candidates: Sequence[Nomination], now: datetime) -> Nomination:
    """Fewest budget violations; then the least important top victim; then the smallest sum of priorities; then the
    fewest victims; then the top victims that started last; then the first."""

    def harm(candidate: Nomination) -> tuple[int, int, int, int, float]:
        priorities = [victim.template.priority for victim in candidate.victims]
        top = max(priorities)
        started = min(
            victim.pod.status.startTime or now for victim in candidate.victims if victim.template.priority == top
        )
        # From the lowest priority there is, so that two Pods of priority -1 are worse than one.
        total = sum(priority - _LOWEST_PRIORITY for priority in priorities)
        return candidate.violations, top, total, len(priorities), -started.timestamp()

    return min(candidates, key=harm)


def lower_nominees(cache: Cache, pod: PodInfo, node: str) -> list[PodInfo]:
    """Pods of lower priority that wait for room on the node: the room goes to this Pod now."""
    waiting: Mapping[str, PodInfo] = cache.nominated.get(node, {})
    return [other for other in waiting.values() if other.template.priority < pod.template.priority]
