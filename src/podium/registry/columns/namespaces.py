"""Namespaces as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.core_v1 import Namespace
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, text


def _namespace(obj: Namespace, now: datetime) -> Cells:
    return [obj.metadata.name, obj.status.phase, age(obj, now)]


NAMESPACES = Columns((NAME, text("Status", "Active, or Terminating when it is being deleted"), AGE), _namespace)
