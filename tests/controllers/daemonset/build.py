"""Nodes, Pods and DaemonSets for tests, as short as can be."""

from __future__ import annotations

from typing import Any

from podium.controllers.daemonset import pods as daemon_pods
from podium.models import apps_v1, core_v1, meta_v1
from tests.controllers import build
from tests.controllers.cluster import template


def node(name: str = "n1", labels: dict[str, str] | None = None, taints: str = "") -> core_v1.Node:
    """`taints`: "key:effect", several apart by blanks."""
    parts = [taint.partition(":") for taint in taints.split()]
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(name=name, labels={"kubernetes.io/hostname": name, **(labels or {})}),
        spec=core_v1.NodeSpec(taints=tuple(core_v1.Taint(key=key, effect=effect) for key, _, effect in parts)),
    )


def daemon_set(
    *,
    image: str = "logs:1",
    unavailable: int | str | None = None,
    surge: int | str | None = None,
    strategy: str = "RollingUpdate",
    selector: dict[str, str] | None = None,
    **spec: Any,
) -> apps_v1.DaemonSet:
    rolling = apps_v1.RollingUpdateDaemonSet(maxUnavailable=unavailable, maxSurge=surge)
    pods = template(image, {"app": "logs"})
    pods.spec.nodeSelector = selector or {}
    return apps_v1.DaemonSet(
        metadata=meta_v1.ObjectMeta(name="logs", namespace="default", uid="uid-logs", generation=1),
        spec=apps_v1.DaemonSetSpec(
            selector=meta_v1.LabelSelector(matchLabels={"app": "logs"}),
            template=pods,
            updateStrategy=apps_v1.DaemonSetUpdateStrategy(
                type=strategy, rollingUpdate=rolling if strategy == "RollingUpdate" else None
            ),
            **spec,
        ),
    )


def pod(
    name: str,
    *,
    name_hash: str = "new",
    ready: float | None = 60,
    phase: str = "Running",
    age: float = 100,
    deleting: bool = False,
    bound: bool = True,
) -> core_v1.Pod:
    """`ready`: for how many seconds; None: not ready."""
    return build.pod(
        name,
        phase=phase,
        ready=ready,
        node="n1" if bound else "",
        age=age,
        deleting=deleting,
        labels={"app": "logs", daemon_pods.HASH_LABEL: name_hash},
    )
