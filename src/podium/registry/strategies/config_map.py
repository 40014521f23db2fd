"""ConfigMaps: texts and bytes, no key twice."""

from __future__ import annotations

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import ConfigMap
from podium.registry.strategies import config_data
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy

_WHOLE = Path("[]")
"""The object itself, as Kubernetes writes a path that is empty."""
_DATA = Path("data")
_BINARY = Path("binaryData")


def _size(value: str | bytes) -> int:
    return len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())


def _validate(obj: ConfigMap) -> Errors:
    errors: Errors = []
    for key in obj.data:
        errors += field.each(_DATA.key(key), key, names.config_map_key(key))
        if key in obj.binaryData:
            errors.append(field.invalid(_DATA.key(key), key, "duplicate of key present in binaryData"))
    errors += config_data.keys(_BINARY, obj.binaryData)
    if sum(map(_size, obj.data.values())) + sum(map(_size, obj.binaryData.values())) > config_data.LARGEST:
        errors.append(field.too_long(_WHOLE, config_data.LARGEST))
    return errors


def _validate_update(new: ConfigMap, old: ConfigMap) -> Errors:
    return config_data.frozen(new, old, "data", "binaryData") + _validate(new)


STRATEGY = Strategy(validate=_validate, validate_update=_validate_update, generation=False)
