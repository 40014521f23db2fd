"""Budgets for tests."""

from __future__ import annotations

from typing import Any

from podium.models import meta_v1, policy_v1


def budget(name: str = "web", labels: dict[str, str] | None = None, **spec: Any) -> policy_v1.PodDisruptionBudget:
    return policy_v1.PodDisruptionBudget(
        metadata=meta_v1.ObjectMeta(name=name, namespace="default", generation=1),
        spec=policy_v1.PodDisruptionBudgetSpec(
            selector=meta_v1.LabelSelector(matchLabels={"app": "web"} if labels is None else labels), **spec
        ),
    )
