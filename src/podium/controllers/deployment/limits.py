"""How far a Deployment may go above and below its replicas. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from podium.models import apps_v1
from podium.models.intstr import scaled_value

MAX_INT32 = 2**31 - 1


def wanted(owner: apps_v1.Deployment | apps_v1.ReplicaSet) -> int:
    """spec.replicas, which is 1 when it isn't said."""
    return 1 if owner.spec.replicas is None else owner.spec.replicas


def is_rolling(deployment: apps_v1.Deployment) -> bool:
    return deployment.spec.strategy.type in ("", "RollingUpdate")


def fenceposts(deployment: apps_v1.Deployment) -> tuple[int, int]:
    """maxSurge, rounded up, and maxUnavailable, rounded down. They can't both be 0: nothing would ever move.

    10 replicas, 25% each: 3 and 2. 1 replica, 25% each: 1 and 0. 1 replica, 0 and 25%: 0 and 1.
    """
    rolling = deployment.spec.strategy.rollingUpdate or apps_v1.RollingUpdateDeployment()
    replicas = wanted(deployment)
    surge = scaled_value("25%" if rolling.maxSurge is None else rolling.maxSurge, replicas, round_up=True)
    unavailable = scaled_value(
        "25%" if rolling.maxUnavailable is None else rolling.maxUnavailable, replicas, round_up=False
    )
    return surge, 1 if surge == 0 and unavailable == 0 else unavailable


def max_surge(deployment: apps_v1.Deployment) -> int:
    return fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: apps_v1.Deployment) -> int:
    """Never more than there are to be at all."""
    if not is_rolling(deployment) or wanted(deployment) == 0:
        return 0
    return min(fenceposts(deployment)[1], wanted(deployment))


def max_total(deployment: apps_v1.Deployment) -> int:
    return min(wanted(deployment) + max_surge(deployment), MAX_INT32)


def min_available(deployment: apps_v1.Deployment) -> int:
    return wanted(deployment) - max_unavailable(deployment)


def total(replica_sets: Iterable[apps_v1.ReplicaSet]) -> int:
    """How many Pods the ReplicaSets are to have."""
    return sum(map(wanted, replica_sets))


def actual(replica_sets: Iterable[apps_v1.ReplicaSet]) -> int:
    """How many Pods they have, as far as their status has noticed."""
    return sum(replica_set.status.replicas for replica_set in replica_sets)


def available(replica_set: apps_v1.ReplicaSet) -> int:
    """How many of its Pods can be relied on: those available, less those that it was told to remove since."""
    return min(replica_set.status.availableReplicas or 0, wanted(replica_set))


def occupied(replica_set: apps_v1.ReplicaSet) -> int:
    """How much room it takes: the Pods that it is to have, or still has although it was told to remove some.

    Counting those too keeps the surge as promised at every moment, not just once everything has settled.
    """
    return max(wanted(replica_set), replica_set.status.replicas)


def is_observed(replica_set: apps_v1.ReplicaSet) -> bool:
    """Whether its status is about what it was told last."""
    return (replica_set.status.observedGeneration or 0) >= (replica_set.metadata.generation or 0)


def has_progress_deadline(deployment: apps_v1.Deployment) -> bool:
    return deployment.spec.progressDeadlineSeconds not in (None, MAX_INT32)
