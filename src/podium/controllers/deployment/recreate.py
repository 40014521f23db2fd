"""The next step of a Recreate rollout: first all old Pods go, then all new ones come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from podium.controllers.deployment import limits
from podium.controllers.deployment.scale import Scale, active
from podium.controllers.pods import is_finished
from podium.models import apps_v1, core_v1


def scale_down(old: Sequence[apps_v1.ReplicaSet]) -> list[Scale]:
    return [Scale(replica_set, 0) for replica_set in active(old)]


def old_pods_running(old: Sequence[apps_v1.ReplicaSet], pods_of_old: Iterable[core_v1.Pod]) -> bool:
    """Whether anything of an old revision may still run. A Pod that is being deleted does; a finished one doesn't."""
    return limits.actual(old) > 0 or any(not is_finished(pod) for pod in pods_of_old)


def scale_up(deployment: apps_v1.Deployment, new: apps_v1.ReplicaSet) -> list[Scale]:
    wanted = limits.wanted(deployment)
    return [] if limits.wanted(new) == wanted else [Scale(new, wanted)]
