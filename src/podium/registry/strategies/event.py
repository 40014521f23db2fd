"""Events of both API groups: about an object in the same namespace, and never changed in substance."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import core_v1, events_v1
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors
from podium.registry.strategy import Strategy

_CLUSTER = ("", "default", "kube-system")
_TYPES = ("Normal", "Warning")
_LIMITS = {"reason": 128, "note": 1024, "action": 128, "reportingInstance": 128}


def _validate(event: core_v1.Event) -> Errors:
    """A classic Event (no eventTime) only has to be where its object is."""
    about = event.involvedObject
    where = Path("involvedObject").child("namespace")
    here = event.metadata.namespace
    if about.namespace:
        if about.namespace != here:
            return [field.invalid(where, about.namespace, "does not match event.namespace")]
    elif here not in _CLUSTER:
        return [field.invalid(where, about.namespace, "does not match event.namespace")]
    if not event.eventTime:
        return []
    errors = _reported(event, event.reportingComponent, "reportingController")
    return errors + _texts(event, {"reason": 128, "message": 1024, "action": 128, "reportingInstance": 128})


def _validate_new(event: events_v1.Event) -> Errors:
    """An Event of events.k8s.io says when, by whom and what was done."""
    errors: Errors = []
    about = event.regarding.namespace if event.regarding is not None else ""
    if (about or "default") != event.metadata.namespace and not (not about and event.metadata.namespace in _CLUSTER):
        errors.append(field.invalid(Path("regarding").child("namespace"), about, "does not match event.namespace"))
    if not event.eventTime and event.deprecatedFirstTimestamp is None:
        errors.append(field.required(Path("eventTime")))
    return errors + _reported(event, event.reportingController, "reportingController") + _texts(event, _LIMITS)


def _reported(event: Any, component: str, name: str) -> Errors:
    errors: Errors = []
    if not component:
        errors.append(field.required(Path(name)))
    else:
        errors += checks.qualified_name(Path(name), component)
    for needed in ("reportingInstance", "action", "reason"):
        if not getattr(event, needed):
            errors.append(field.required(Path(needed)))
    if event.type not in _TYPES:
        errors.append(field.invalid(Path("type"), event.type, "has invalid value: "))
    return errors


def _texts(event: Any, limits: dict[str, int]) -> Errors:
    errors: Errors = []
    for name, limit in limits.items():
        if len(getattr(event, name)) > limit:
            errors.append(field.invalid(Path(name), "", f"can have at most {limit} characters"))
    return errors


STRATEGY = Strategy(
    validate=_validate,
    validate_update=lambda new, _old: _validate(new),
    generation=False,
    create_on_update=True,
)
EVENTS_STRATEGY = Strategy(
    validate=_validate_new,
    validate_update=lambda new, _old: _validate_new(new),
    generation=False,
    create_on_update=True,
)
