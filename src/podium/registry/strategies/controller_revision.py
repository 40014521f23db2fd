"""ControllerRevisions: data that never changes, byte by byte."""

from __future__ import annotations

import msgspec

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import codec
from podium.models.apps_v1 import ControllerRevision
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy


def _default(obj: ControllerRevision) -> None:
    """Clients compare the bytes of `data` with what Go makes of the owner, so they are kept as Go would write them."""
    if obj.data is not None:
        obj.data = msgspec.Raw(codec.canonical(obj.data))


def _validate(obj: ControllerRevision) -> Errors:
    errors = [field.required(Path("data"), "data is mandatory")] if obj.data is None else []
    return errors + checks.not_negative(checks.ROOT, obj, "revision")


def _validate_update(new: ControllerRevision, old: ControllerRevision) -> Errors:
    errors = _validate(new)
    if codec.canonical(new.data) != codec.canonical(old.data):
        errors += field.immutable(Path("data"), new.data, None)
    return errors


STRATEGY = Strategy(
    default=_default,
    validate=_validate,
    validate_update=_validate_update,
    generation=False,
)
