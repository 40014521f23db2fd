"""What ConfigMaps and Secrets share: keys that can be file names, a limit to their size, an end to changing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import ConfigMap, Secret
from podium.registry.strategies.checks import Errors

LARGEST = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"


def keys(path: Path, data: Mapping[str, Any]) -> Errors:
    errors: Errors = []
    for key in data:
        errors += field.each(path.key(key), key, names.config_map_key(key))
    return errors


def frozen(new: ConfigMap | Secret, old: ConfigMap | Secret, *maps: str) -> Errors:
    if not old.immutable:
        return []
    errors: Errors = []
    if not new.immutable:
        errors.append(field.forbidden(Path("immutable"), _FROZEN))
    for name in maps:
        if getattr(new, name) != getattr(old, name):
            errors.append(field.forbidden(Path(name), _FROZEN))
    return errors
