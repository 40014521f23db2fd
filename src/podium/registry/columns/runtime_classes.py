"""RuntimeClasses as tables."""

from __future__ import annotations

from podium.registry.columns.base import AGE, NAME, Columns, age, text

RUNTIME_CLASSES = Columns(
    (NAME, text("Handler", "Configuration of the container runtime"), AGE),
    lambda obj, now: [obj.metadata.name, obj.handler, age(obj, now)],
)
