"""How many replicas a metric asks for (Kubernetes documentation, "Horizontal Pod Autoscaling": algorithm details).

In short: replicas * current / target, rounded up. The details are about Pods that can't be measured: a Pod without
figures counts as using all of its share when the others would be scaled down and nothing when they would be scaled up,
a Pod that isn't ready yet counts as using nothing, and none of that may turn the direction around.

All amounts are thousandths: 250 is 250m CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from podium.controllers import pods as pod_rules
from podium.models import conditions, quantity
from podium.models.core_v1 import Container, Pod

CPU_INITIALIZATION = timedelta(minutes=5)
"""So long after its start a Pod's CPU may be that of its start, unless it is ready."""
INITIAL_READINESS_DELAY = timedelta(seconds=30)
"""A Pod that became unready so soon after its start has never been ready."""
DEFAULT_TOLERANCE = 0.1
MOST = 2**31 - 1


class NoProposal(Exception):
    """The metric doesn't say how many replicas there should be; the text says why."""


@dataclass(frozen=True, slots=True)
class PodMetric:
    value: int
    timestamp: datetime
    window: float = 60.0
    """Seconds that the value was measured over."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far off the target is near enough, as a share of it."""

    down: float = DEFAULT_TOLERANCE
    up: float = DEFAULT_TOLERANCE

    def within(self, ratio: float) -> bool:
        return (1.0 - self.down) <= ratio <= (1.0 + self.up)


@dataclass(frozen=True, slots=True)
class Proposal:
    replicas: int
    usage: int
    """Of a Pod on average, or of all, as the target is given."""
    utilization: int | None = None
    """In percent of what the Pods request, if the target is given so."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Some Pods' usage in relation to the target."""

    ratio: float
    average: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    """Those that nothing is known of."""
    ignored: frozenset[str]
    """Those that are ending or have failed."""


def group(pods: Iterable[Pod], metrics: Mapping[str, PodMetric], resource: str, now: datetime) -> Groups:
    """`resource` is "cpu" for what is high while a Pod starts, anything else otherwise."""
    ready = 0
    unready, missing, ignored = set(), set(), set()
    for pod in pods:
        name = pod.metadata.name
        metric = metrics.get(name)
        if pod.metadata.deletionTimestamp is not None or pod.status.phase == "Failed":
            ignored.add(name)
        elif pod.status.phase in ("Pending", ""):
            unready.add(name)
        elif metric is None:
            missing.add(name)
        elif resource == "cpu" and not _counts(pod, metric, now):
            unready.add(name)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _counts(pod: Pod, metric: PodMetric, now: datetime) -> bool:
    """Whether its CPU is that of its work rather than of its start."""
    condition = conditions.get(pod.status.conditions, "Ready")
    started = pod.status.startTime
    if condition is None or started is None:
        return False
    since = condition.lastTransitionTime or started
    if started + CPU_INITIALIZATION > now:
        return condition.status != "False" and metric.timestamp >= since + timedelta(seconds=metric.window)
    return condition.status != "False" or started + INITIAL_READINESS_DELAY <= since


def by_utilization(
    current: int,
    percent: int,
    metrics: Mapping[str, PodMetric],
    pods: Sequence[Pod],
    resource: str,
    container: str,
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """The target is a percentage of what the Pods, or one container of each, request."""
    groups, values = _values(metrics, pods, resource, now)
    wanted = requests(pods, container, resource)

    def measure(values: Mapping[str, int]) -> Measured:
        known = {name: value for name, value in values.items() if name in wanted}
        total, requested = sum(known.values()), sum(wanted[name] for name in known)
        if not requested:
            raise NoProposal("no metrics returned matched known pods")
        utilization = min(total * 100 // requested, MOST)
        return Measured(utilization / percent, total // len(known), utilization)

    fallback = max(100, percent)
    return _propose(current, groups, values, measure, lambda pod: wanted[pod] * fallback // 100, tolerances)


def by_average(
    current: int,
    target: int,
    metrics: Mapping[str, PodMetric],
    pods: Sequence[Pod],
    resource: str,
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """The target is an amount for each Pod."""
    groups, values = _values(metrics, pods, resource, now)

    def measure(values: Mapping[str, int]) -> Measured:
        average = sum(values.values()) // len(values)
        return Measured(average / target, average)

    return _propose(current, groups, values, measure, lambda _pod: target, tolerances)


def _values(
    metrics: Mapping[str, PodMetric], pods: Sequence[Pod], resource: str, now: datetime
) -> tuple[Groups, dict[str, int]]:
    if not pods:
        raise NoProposal("no pods returned by selector while calculating replica count")
    groups = group(pods, metrics, resource, now)
    out = groups.ignored | groups.unready
    values = {name: metric.value for name, metric in metrics.items() if name not in out}
    if not values:
        raise NoProposal("did not receive metrics for targeted pods (pods might be unready)")
    return groups, values


def _propose(
    current: int,
    groups: Groups,
    values: dict[str, int],
    measure: Callable[[Mapping[str, int]], Measured],
    fallback: Callable[[str], int],
    tolerances: Tolerances,
) -> Proposal:
    """`fallback` is what a Pod that nothing is known of is taken to use when the others would be scaled down."""
    first = measure(values)

    def proposal(replicas: int) -> Proposal:
        return Proposal(min(replicas, MOST), first.average, first.utilization)

    up_with_unready = bool(groups.unready) and first.ratio > 1.0
    if not up_with_unready and not groups.missing:
        if tolerances.within(first.ratio):
            return proposal(current)
        return proposal(math.ceil(first.ratio * groups.ready))
    assumed = dict(values)
    if first.ratio != 1.0:
        assumed |= {pod: fallback(pod) if first.ratio < 1.0 else 0 for pod in groups.missing}
    if up_with_unready:
        assumed |= dict.fromkeys(groups.unready, 0)
    again = measure(assumed).ratio
    if tolerances.within(again) or (first.ratio < 1.0 < again) or (first.ratio > 1.0 > again):
        return proposal(current)
    replicas = math.ceil(again * len(assumed))
    if (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current):
        return proposal(current)
    return proposal(replicas)


def by_total(current: int, target: int, usage: int, pods: Sequence[Pod], tolerances: Tolerances) -> Proposal:
    """The target is an amount for all Pods together, such as the length of a queue."""
    ratio = usage / target
    if current == 0:
        return Proposal(min(math.ceil(ratio), MOST), usage)
    if tolerances.within(ratio):
        return Proposal(current, usage)
    if not pods:
        why = "no pods returned by selector while calculating replica count"
        raise NoProposal(f"unable to calculate ready pods: {why}")
    ready = sum(pod.status.phase == "Running" and pod_rules.is_ready(pod) for pod in pods)
    return Proposal(min(math.ceil(ratio * ready), MOST), usage)


def by_share(replicas: int, target: int, usage: int, tolerances: Tolerances) -> Proposal:
    """The target is what a Pod's share of one amount should be. `replicas`: how many Pods there are."""
    if not replicas:
        return Proposal(min(math.ceil(usage / target), MOST), usage)
    wanted = replicas
    if not tolerances.within(usage / (target * replicas)):
        wanted = min(math.ceil(usage / target), MOST)
    return Proposal(wanted, math.ceil(usage / replicas))


def requests(pods: Iterable[Pod], container: str, resource: str) -> dict[str, int]:
    """What each Pod requests, or one container of it; what a Pod requests as a whole comes first."""
    return {pod.metadata.name: _request(pod, container, resource) for pod in pods}


def _request(pod: Pod, container: str, resource: str) -> int:
    whole = pod.spec.resources
    if whole is not None and whole.requests and not container and resource in whole.requests:
        return quantity.thousandths(whole.requests[resource])
    total = 0
    for one in _lasting(pod):
        if container not in ("", one.name):
            continue
        amount = one.resources.requests.get(resource)
        if amount is None:
            raise NoProposal(f"missing request for {resource} in container {one.name} of Pod {pod.metadata.name}")
        total += quantity.thousandths(amount)
        if container:
            return total
    if container:
        raise NoProposal(f"container {container} not found in Pod {pod.metadata.name}")
    return total


def _lasting(pod: Pod) -> tuple[Container, ...]:
    """The containers that run as long as the Pod does."""
    sidecars = tuple(one for one in pod.spec.initContainers if one.restartPolicy == "Always")
    return (*pod.spec.containers, *sidecars)
