"""The next step of a rolling update: scale the new ReplicaSet up as far as the surge allows, the old ones down as far
as availability allows. Pure.

One step does one of the two; what the ReplicaSets make of it leads to the next step.
"""

from __future__ import annotations

from collections.abc import Sequence

from podium.controllers.deployment import limits, revisions
from podium.controllers.deployment.scale import Scale, active
from podium.models import apps_v1


def step(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, old: Sequence[apps_v1.ReplicaSet]) -> list[Scale]:
    return scale_up(deployment, new, old) or scale_down(deployment, new, old)


def scale_up(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, old: Sequence[apps_v1.ReplicaSet]) -> list[Scale]:
    replicas = new_replicas(deployment, new, old)
    return [] if replicas == limits.wanted(new) else [Scale(new, replicas)]


def new_replicas(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, old: Sequence[apps_v1.ReplicaSet]) -> int:
    """How many replicas the new ReplicaSet may have now: all that are wanted, if there is room for them.

    10 replicas, surge 3, 10 old Pods: 3. When 2 of the old ones are gone: 5.
    """
    wanted, has = limits.wanted(deployment), limits.wanted(new)
    if has >= wanted:
        return wanted
    if not all(map(limits.is_observed, old)) or (new.metadata.uid and not limits.is_observed(new)):
        return has  # how many Pods there are will be known in a moment
    room = limits.max_total(deployment) - sum(map(limits.occupied, [*old, new]))
    return has + max(min(room, wanted - has), 0)


def scale_down(
    deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet, old: Sequence[apps_v1.ReplicaSet]
) -> list[Scale]:
    """Shrink old ReplicaSets: first by their Pods that are not available anyhow, then by as many as can be missed.

    10 replicas, 2 may be unavailable, 3 new Pods of which none is ready yet, 10 old ones: 13 - 8 - 3 = 2 may go. When
    the 3 are ready, 3 more. New Pods that never become ready stop it there: 8 old ones stay.
    """
    running = revisions.by_age(active(old))
    unavailable_new = limits.wanted(new) - limits.available(new)
    spare = limits.total(running) + limits.wanted(new) - limits.min_available(deployment) - unavailable_new
    if spare <= 0:
        return []
    sizes = {id(replica_set): limits.wanted(replica_set) for replica_set in running}
    for replica_set in running:
        unhealthy = min(spare, sizes[id(replica_set)] - limits.available(replica_set))
        sizes[id(replica_set)] -= unhealthy
        spare -= unhealthy
    available = sum(min(limits.available(one), sizes[id(one)]) for one in running) + limits.available(new)
    removable = max(available - limits.min_available(deployment), 0)
    for replica_set in running:
        removed = min(removable, sizes[id(replica_set)])
        sizes[id(replica_set)] -= removed
        removable -= removed
    return [
        Scale(replica_set, sizes[id(replica_set)])
        for replica_set in running
        if sizes[id(replica_set)] != limits.wanted(replica_set)
    ]
