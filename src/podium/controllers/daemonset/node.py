"""What one node means for a DaemonSet: what it counts for, which Pods to create or delete there, and what part it can
play in a rolling update. Pure.

A node is looked at again only when something about it changed; ledger.py adds the nodes up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from podium.controllers import pods as pod_rules
from podium.controllers.daemonset import pods as daemon_pods
from podium.controllers.daemonset.eligibility import Verdict
from podium.models import apps_v1, core_v1
from podium.models.intstr import scaled_value


class Role(Enum):
    """What a rolling update may do with a node."""

    NONE = auto()
    BROKEN = auto()
    """It takes part of what may be broken, or surging, at a time: nothing is ready there, or something is under way."""
    REPLACE = auto()
    """Its Pod is of an old template and not available: nothing is lost by replacing it."""
    OLD = auto()
    """Its Pod is of an old template and available."""
    LEAVING = auto()
    """As OLD, but no new one should start there (only when surging: otherwise it is treated as OLD)."""
    SUPERSEDED = auto()
    """Its old Pod can go: the new one is available, or nothing was to run there anyway."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a DaemonSet matters for every node."""

    name_hash: str
    generation: str
    min_ready_seconds: int
    surges: bool

    def is_updated(self, pod: core_v1.Pod) -> bool:
        return daemon_pods.is_updated(pod, self.name_hash, self.generation)


def terms(daemon_set: apps_v1.DaemonSet, name_hash: str) -> Terms:
    return Terms(
        name_hash, daemon_pods.template_generation(daemon_set), daemon_set.spec.minReadySeconds or 0, surges(daemon_set)
    )


def surges(daemon_set: apps_v1.DaemonSet) -> bool:
    strategy = daemon_set.spec.updateStrategy
    if strategy.type != "RollingUpdate" or strategy.rollingUpdate is None or strategy.rollingUpdate.maxSurge is None:
        return False
    return scaled_value(strategy.rollingUpdate.maxSurge, 1, round_up=True) > 0


@dataclass(frozen=True, slots=True)
class Counts:
    desired: int = 0
    current: int = 0
    misscheduled: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    standing: int = 0
    """Nodes with an available Pod, whether or not one should run there; for surges."""


@dataclass(frozen=True, slots=True)
class NodeState:
    counts: Counts = Counts()
    create: bool = False
    delete: tuple[core_v1.Pod, ...] = ()
    role: Role = Role.NONE
    old: core_v1.Pod | None = None
    """The Pod that the role is about."""
    look_again: datetime | None = None
    """When it has to be looked at again although nothing changes: a Pod becomes available, a back-off ends."""
    hashes: tuple[str, ...] = ()
    """The templates of its Pods."""


GONE = NodeState()


def assess(
    terms: Terms,
    verdict: Verdict | None,
    pods: Sequence[core_v1.Pod],
    failed_until: datetime | None,
    now: datetime,
) -> NodeState:
    """`verdict`: None when there is no such node. `pods`: all of the DaemonSet's for it. `failed_until`: until when a
    failed Pod has to stay."""
    if verdict is None:
        # The garbage collector of Pods takes those that were bound to it; the others would wait for ever.
        unbound = tuple(pod for pod in pods if not pod.spec.nodeName and pod.metadata.deletionTimestamp is None)
        return NodeState(delete=unbound, hashes=_hashes(pods))
    if not pods and not verdict.start:
        return GONE
    pods = daemon_pods.oldest_first(pods)
    create, delete, wait = _manage(terms, verdict, pods, failed_until, now)
    if not verdict.stay or (create and terms.surges):
        role, old = Role.NONE, None
    elif create or delete:
        role, old = Role.BROKEN, None
    else:
        role, old = _role(terms, verdict, pods, now)
    times = [time for pod in pods if (time := _available_at(terms, pod)) is not None and time > now]
    return NodeState(
        counts=_count(terms, verdict, pods, now),
        create=create,
        delete=tuple(delete),
        role=role,
        old=old,
        look_again=min([*times, *([wait] if wait else [])], default=None),
        hashes=_hashes(pods),
    )


def waiting(state: NodeState, until: datetime) -> NodeState:
    """The node as long as the cache doesn't show what was done there: it counts, but nothing more is done."""
    return NodeState(counts=state.counts, role=Role.BROKEN, look_again=until, hashes=state.hashes)


def _hashes(pods: Sequence[core_v1.Pod]) -> tuple[str, ...]:
    return tuple(pod.metadata.labels.get(daemon_pods.HASH_LABEL, "") for pod in pods)


def _is_available(terms: Terms, pod: core_v1.Pod, now: datetime) -> bool:
    return pod_rules.is_available(pod, terms.min_ready_seconds, now)


def _available_at(terms: Terms, pod: core_v1.Pod) -> datetime | None:
    since = pod_rules.ready_since(pod) if terms.min_ready_seconds else None
    return None if since is None else since + timedelta(seconds=terms.min_ready_seconds)


def _count(terms: Terms, verdict: Verdict, pods: Sequence[core_v1.Pod], now: datetime) -> Counts:
    standing = int(any(_is_available(terms, pod, now) for pod in pods if pod.metadata.deletionTimestamp is None))
    if not verdict.start:
        return Counts(misscheduled=int(bool(pods)), standing=standing)
    if not pods:
        return Counts(desired=1)
    oldest = pods[0]
    return Counts(
        desired=1,
        current=1,
        ready=int(pod_rules.is_ready(oldest)),
        available=int(_is_available(terms, oldest, now)),
        updated=int(terms.is_updated(oldest)),
        standing=standing,
    )


def _manage(
    terms: Terms, verdict: Verdict, pods: Sequence[core_v1.Pod], failed_until: datetime | None, now: datetime
) -> tuple[bool, list[core_v1.Pod], datetime | None]:
    """Whether to create a Pod, which to delete, and until when a failed one has to wait."""
    if not pods:
        return verdict.start, [], None
    alive = [pod for pod in pods if pod.metadata.deletionTimestamp is None]
    if not verdict.stay:
        return False, alive, None
    finished = [pod for pod in alive if pod_rules.is_finished(pod)]
    running = [pod for pod in alive if not pod_rules.is_finished(pod)]
    wait = failed_until if any(pod.status.phase == "Failed" for pod in finished) else None
    delete = [pod for pod in finished if wait is None or pod.status.phase != "Failed"]
    if not terms.surges:
        return False, delete + running[1:], wait
    if not running:
        return verdict.start, delete, wait
    return False, delete + _surplus(terms, running, now), wait


def _surplus(terms: Terms, running: Sequence[core_v1.Pod], now: datetime) -> list[core_v1.Pod]:
    """When surging, one Pod of the current template and one older may be there: until the newer one is available, and
    as long as the older one is ready."""
    ready_first = sorted(running, key=lambda pod: not pod_rules.is_ready(pod))
    new = [pod for pod in ready_first if terms.is_updated(pod)]
    old = [pod for pod in ready_first if not terms.is_updated(pod)]
    surplus = new[1:] + old[1:]
    if new and old and (not pod_rules.is_ready(old[0]) or _is_available(terms, new[0], now)):
        surplus.append(old[0])
    return surplus


def _role(
    terms: Terms, verdict: Verdict, pods: Sequence[core_v1.Pod], now: datetime
) -> tuple[Role, core_v1.Pod | None]:
    alive = [pod for pod in pods if pod.metadata.deletionTimestamp is None]
    new = [pod for pod in alive if terms.is_updated(pod)]
    old = [pod for pod in alive if not terms.is_updated(pod)]
    if len(new) > 1 or len(old) > 1:
        return Role.BROKEN, None
    if terms.surges:
        return _surging_role(terms, verdict, new, old, now)
    if bool(new) == bool(old):
        return Role.BROKEN, None
    if new:
        return (Role.NONE if _is_available(terms, new[0], now) else Role.BROKEN), None
    return (Role.OLD if _is_available(terms, old[0], now) else Role.REPLACE), old[0]


def _surging_role(
    terms: Terms, verdict: Verdict, new: Sequence[core_v1.Pod], old: Sequence[core_v1.Pod], now: datetime
) -> tuple[Role, core_v1.Pod | None]:
    if not old:
        return Role.NONE, None
    if new:
        return (Role.SUPERSEDED, old[0]) if _is_available(terms, new[0], now) else (Role.BROKEN, None)
    if _is_available(terms, old[0], now):
        return (Role.OLD if verdict.start else Role.LEAVING), old[0]
    return (Role.REPLACE if verdict.start else Role.SUPERSEDED), old[0]
