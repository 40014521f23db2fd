"""ConfigMaps and Secrets as tables."""

from __future__ import annotations

from datetime import datetime

from podium.models.core_v1 import ConfigMap, Secret
from podium.registry.columns.base import AGE, NAME, Cells, Columns, age, number, text


def _secret(obj: Secret, now: datetime) -> Cells:
    return [obj.metadata.name, obj.type, len(obj.data), age(obj, now)]


def _config_map(obj: ConfigMap, now: datetime) -> Cells:
    return [obj.metadata.name, len(obj.data) + len(obj.binaryData), age(obj, now)]


SECRETS = Columns((NAME, text("Type", "What the Secret is for"), number("Data", "How many entries"), AGE), _secret)
CONFIG_MAPS = Columns((NAME, number("Data", "How many entries"), AGE), _config_map)
