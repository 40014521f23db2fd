"""APIServices as tables: who serves which API, and whether it answers."""

from __future__ import annotations

from datetime import datetime

from podium.models.apiregistration_v1 import APIService
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, condition, text


def _api_service(obj: APIService, now: datetime) -> Cells:
    served = "Local" if obj.spec.service is None else f"{obj.spec.service.namespace}/{obj.spec.service.name}"
    found = condition(obj.status.conditions, "Available")
    available = "Unknown"
    if found is not None:
        available = found.status if found.status == "True" else f"{found.status} ({found.reason})"
    return [obj.metadata.name, served, available, age(obj, now)]


API_SERVICES = Columns(
    (NAME, text("Service", "Who serves it"), text("Available", "Whether it answers"), AGE), _api_service
)
