"""ResourceQuotas as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.core_v1 import ResourceQuota
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, text


def _quota(obj: ResourceQuota, now: datetime) -> Cells:
    """Used and allowed amounts: requests and counts apart from limits."""
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(obj.status.hard):
        shown = f"{name}: {obj.status.used.get(name, '0')}/{obj.status.hard[name]}"
        (limits if name.startswith("limits") else requests).append(shown)
    return [obj.metadata.name, ", ".join(requests), ", ".join(limits), age(obj, now)]


QUOTAS = Columns(
    (NAME, text("Request", "Used and allowed requests and counts"), text("Limit", "Used and allowed limits"), AGE),
    _quota,
)
