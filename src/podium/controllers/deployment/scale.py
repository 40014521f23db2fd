"""What the ReplicaSets are scaled to when the Deployment itself is scaled, or is paused. Pure.

In the middle of a rollout the difference is shared among the ReplicaSets in proportion to their sizes, so that a bad
revision doesn't get all the new Pods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from podium.controllers.deployment import limits, revisions
from podium.models import apps_v1


@dataclass(frozen=True, slots=True)
class Scale:
    """A ReplicaSet and the number of replicas it gets (its present number, if just its annotations are behind)."""

    replica_set: apps_v1.ReplicaSet
    replicas: int


def active(replica_sets: Sequence[apps_v1.ReplicaSet]) -> list[apps_v1.ReplicaSet]:
    return [replica_set for replica_set in replica_sets if limits.wanted(replica_set) > 0]


def is_scaling(deployment: apps_v1.Deployment, replica_sets: Sequence[apps_v1.ReplicaSet]) -> bool:
    """Whether the Deployment's replicas have changed since its ReplicaSets were scaled the last time."""
    noted = (revisions.noted(replica_set, revisions.DESIRED) for replica_set in active(replica_sets))
    return any(desired is not None and desired != limits.wanted(deployment) for desired in noted)


def scale(
    deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet | None, old: Sequence[apps_v1.ReplicaSet]
) -> list[Scale]:
    everything = [*old, *([new] if new is not None else [])]
    running = active(everything)
    if len(running) <= 1:
        only = running[0] if running else new if new is not None else next(reversed(revisions.by_age(old)), None)
        return [] if only is None else [Scale(only, limits.wanted(deployment))]
    if is_saturated(deployment, new):
        return [Scale(replica_set, 0) for replica_set in active(old)]
    if not limits.is_rolling(deployment):  # several at once are the business of the next rollout
        return [Scale(replica_set, limits.wanted(replica_set)) for replica_set in running]
    return proportional(deployment, running)


def is_saturated(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet | None) -> bool:
    """Whether the new ReplicaSet has got all that the Deployment wants: the rollout was done, only scaling is left."""
    if new is None:
        return False
    wanted = limits.wanted(deployment)
    desired = revisions.noted(new, revisions.DESIRED)
    return limits.wanted(new) == wanted == desired and (new.status.availableReplicas or 0) == wanted


def proportional(deployment: apps_v1.Deployment, running: Sequence[apps_v1.ReplicaSet]) -> list[Scale]:
    """Share what is to be added or removed; the largest ReplicaSet gets what rounding leaves.

    10 replicas and a surge of 3 run as 8 old and 5 new; scaled to 15 (+3 surge = 18), 5 more are shared: 3 go to the
    old ones (8 * 18 / 13 = 11), 2 to the new ones (5 * 18 / 13 = 7).
    """
    allowed = limits.max_total(deployment) if limits.wanted(deployment) > 0 else 0
    to_add = allowed - limits.total(running)
    ordered = revisions.by_age(running)
    if to_add > 0:
        ordered.reverse()  # among equals the newest gets the leftover, or the oldest loses it
    ordered.sort(key=limits.wanted, reverse=True)
    sizes: list[int] = []
    added = 0
    for replica_set in ordered:
        share = _share(deployment, replica_set, to_add, added)
        added += share
        sizes.append(limits.wanted(replica_set) + share)
    if to_add:
        sizes[0] = max(sizes[0] + to_add - added, 0)
    return [Scale(replica_set, size) for replica_set, size in zip(ordered, sizes, strict=True)]


def _share(deployment: apps_v1.Deployment, replica_set: apps_v1.ReplicaSet, to_add: int, added: int) -> int:
    if to_add == 0 or to_add == added or limits.wanted(replica_set) == 0:
        return 0
    fraction = _fraction(deployment, replica_set)
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def _fraction(deployment: apps_v1.Deployment, replica_set: apps_v1.ReplicaSet) -> int:
    """By how much the ReplicaSet changes if it keeps its share of the whole."""
    size = limits.wanted(replica_set)
    if limits.wanted(deployment) == 0:
        return -size
    before = revisions.noted(replica_set, revisions.MAXIMUM) or deployment.status.replicas or 0
    if before == 0:
        return 0
    return math.floor(size * limits.max_total(deployment) / before + 0.5) - size
