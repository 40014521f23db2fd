"""When a Pod has to leave a node with NoExecute taints. Pure (API concepts: taints and tolerations)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from podium.models import core_v1
from podium.models.numbers import LONGEST


def tolerates(toleration: core_v1.Toleration, taint: core_v1.Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def no_execute(node: core_v1.Node) -> list[core_v1.Taint]:
    return [taint for taint in node.spec.taints if taint.effect == "NoExecute"]


def eviction_time(
    tolerations: Iterable[core_v1.Toleration],
    taints: Iterable[core_v1.Taint],
    now: datetime,
    met: datetime,
    bound: datetime,
) -> datetime | None:
    """The earliest moment at which one of the taints is not tolerated any longer; None for never.

    A taint that is tolerated for some seconds is so from when it was added, or from when Pod and taint were first `met`
    with if the taint doesn't say (`kubectl taint` doesn't), but not from before the Pod was `bound` to the node.
    """
    tolerations = tuple(tolerations)
    times: list[datetime] = []
    for taint in taints:
        toleration = next((one for one in tolerations if tolerates(one, taint)), None)
        if toleration is None:
            return now
        if toleration.tolerationSeconds is not None:
            since = max(taint.timeAdded or met, bound)
            times.append(since + timedelta(seconds=min(max(toleration.tolerationSeconds, 0), LONGEST)))
    return min(times, default=None)
