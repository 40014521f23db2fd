"""ComponentStatuses as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models import core_v1
from podium.registry.columns.base import NAME, Cells, Columns, condition, text


def _component(obj: core_v1.ComponentStatus, _now: datetime) -> Cells:
    found = condition(obj.conditions, "Healthy")
    state = "Healthy" if found is not None and found.status == "True" else "Unhealthy"
    return [obj.metadata.name, state, getattr(found, "message", ""), getattr(found, "error", "")]


COMPONENTS = Columns(
    (NAME, text("Status", "Whether it is healthy"), text("Message", "What it says"), text("Error", "What is wrong")),
    _component,
)
