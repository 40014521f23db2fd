"""Annotations that mean something on a Pod."""

from __future__ import annotations

from collections.abc import Mapping

from podium.machinery import field
from podium.machinery.field import Path
from podium.models import numbers
from podium.models.core_v1 import Container, EphemeralContainer, PodSpec
from podium.registry.strategies.checks import Errors

MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def validate(path: Path, annotations: Mapping[str, str], spec: PodSpec) -> Errors:
    errors: Errors = []
    mirror = annotations.get(MIRROR)
    if mirror is not None and not spec.nodeName:
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(field.invalid(path.key(MIRROR), mirror, why))
    cost = annotations.get(DELETION_COST)
    if cost is not None and not _is_int32(cost):
        errors.append(field.invalid(path.key(DELETION_COST), cost, "must be a 32bit integer"))
    for key in annotations:
        if key.startswith(APP_ARMOR):
            errors += _app_armor(path.key(key), key.removeprefix(APP_ARMOR), annotations[key], spec)
    return errors


def _is_int32(text: str) -> bool:
    """As Kubernetes reads it: an optional minus, no plus, no leading zeros."""
    digits = text.removeprefix("-")
    number = numbers.natural(digits, 2**31)
    if number is None or (digits.startswith("0") and digits != "0"):
        return False
    return text != "-0" if digits != text else number < 2**31


def _app_armor(path: Path, container: str, profile: str, spec: PodSpec) -> Errors:
    known: tuple[Container | EphemeralContainer, ...] = (
        *spec.containers,
        *spec.initContainers,
        *spec.ephemeralContainers,
    )
    errors: Errors = []
    if all(one.name != container for one in known):
        errors.append(field.invalid(path, container, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
        errors.append(field.invalid(path, profile, f"invalid AppArmor profile name: {field.quote(profile)}"))
    return errors


def validate_update(path: Path, new: Mapping[str, str], old: Mapping[str, str]) -> Errors:
    """What an update may not do to them."""
    if new == old:
        return []
    errors: Errors = []
    for key in {**old, **new}:
        if new.get(key) == old.get(key) or not (key == MIRROR or key.startswith(APP_ARMOR)):
            continue
        what = "mirror pod annotation" if key == MIRROR else "AppArmor annotations"
        errors.append(field.forbidden(path.key(key), f"may not {'remove or update' if key in old else 'add'} {what}"))
    return errors
