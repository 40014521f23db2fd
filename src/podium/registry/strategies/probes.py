"""What is checked and called in a container: probes, and handlers at start and stop."""

from __future__ import annotations

from typing import Any

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import HTTPGetAction, Lifecycle, Probe
from podium.registry.strategies import checks
from podium.registry.strategies.checks import Errors

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def handler(path: Path, one: Any, grace_seconds: int | None) -> Errors:
    """Exactly one kind of action. `one` is a Probe or a LifecycleHandler."""
    errors: Errors = []
    given = 0
    for name in _HANDLERS:
        action = getattr(one, name, None)
        if action is None:
            continue
        given += 1
        if given > 1:
            errors.append(field.forbidden(path.child(name), "may not specify more than 1 handler type"))
        else:
            errors += _action(path.child(name), name, action, grace_seconds)
    if not given:
        errors.append(field.required(path, "must specify a handler type"))
    return errors


def _action(path: Path, name: str, action: Any, grace_seconds: int | None) -> Errors:
    if name == "exec":
        return [] if action.command else [field.required(path.child("command"))]
    if name == "httpGet":
        return _http_get(path, action)
    if name == "sleep":
        if grace_seconds is None or 0 <= action.seconds <= grace_seconds:
            return []
        limit = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_seconds})"
        return [field.invalid(path, action.seconds, limit)]
    return checks.port_number_or_name(path.child("port"), action.port)


def _http_get(path: Path, action: HTTPGetAction) -> Errors:
    errors = [] if action.path else [field.required(path.child("path"))]
    errors += checks.port_number_or_name(path.child("port"), action.port)
    if action.scheme not in ("HTTP", "HTTPS"):
        errors.append(field.not_supported(path.child("scheme"), action.scheme, ("HTTP", "HTTPS")))
    for header in action.httpHeaders:
        errors += field.each(path.child("httpHeaders"), header.name, names.http_header(header.name))
    return errors


def probe(path: Path, one: Probe, grace_seconds: int | None) -> Errors:
    errors = handler(path, one, grace_seconds)
    errors += checks.not_negative(
        path, one, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"
    )
    if one.terminationGracePeriodSeconds is not None and one.terminationGracePeriodSeconds <= 0:
        where = path.child("terminationGracePeriodSeconds")
        errors.append(field.invalid(where, one.terminationGracePeriodSeconds, "must be greater than 0"))
    return errors


def container_probes(path: Path, container: Any, grace_seconds: int | None) -> Errors:
    """The three probes and the lifecycle of a container that keeps running."""
    errors: Errors = []
    if container.lifecycle is not None:
        errors += lifecycle(path.child("lifecycle"), container.lifecycle, grace_seconds)
    if container.livenessProbe is not None:
        errors += _once(path.child("livenessProbe"), container.livenessProbe, grace_seconds)
    if container.readinessProbe is not None:
        where = path.child("readinessProbe")
        errors += probe(where, container.readinessProbe, grace_seconds)
        seconds = container.readinessProbe.terminationGracePeriodSeconds
        if seconds is not None:
            place = where.child("terminationGracePeriodSeconds")
            errors.append(field.invalid(place, seconds, "must not be set for readinessProbes"))
    if container.startupProbe is not None:
        errors += _once(path.child("startupProbe"), container.startupProbe, grace_seconds)
    return errors


def _once(path: Path, one: Probe, grace_seconds: int | None) -> Errors:
    """A probe that one success satisfies."""
    errors = probe(path, one, grace_seconds)
    if one.successThreshold != 1:
        errors.append(field.invalid(path.child("successThreshold"), one.successThreshold or 0, "must be 1"))
    return errors


def lifecycle(path: Path, one: Lifecycle, grace_seconds: int | None) -> Errors:
    errors: Errors = []
    if one.postStart is not None:
        errors += handler(path.child("postStart"), one.postStart, grace_seconds)
    if one.preStop is not None:
        errors += handler(path.child("preStop"), one.preStop, grace_seconds)
    return errors
