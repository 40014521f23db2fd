"""Security contexts of Pods and containers."""

from __future__ import annotations

import re

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models.core_v1 import AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext
from podium.registry.strategies import checks, volumes
from podium.registry.strategies.checks import Errors

_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_sysctl = re.compile(_SYSCTL)
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_LONGEST_PROFILE = 4095


def container(path: Path, context: SecurityContext, *, host_users: bool) -> Errors:
    errors = _ids(path, context, "runAsUser", "runAsGroup")
    if context.procMount:
        errors += checks.enum(path.child("procMount"), context.procMount, ("Default", "Unmasked"))
        if context.procMount == "Unmasked" and host_users:
            why = "`hostUsers` must be false to use `Unmasked`"
            errors.append(field.invalid(path.child("procMount"), context.procMount, why))
    if context.allowPrivilegeEscalation is False:
        if context.privileged:
            why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(field.invalid(path, context, why))
        if context.capabilities is not None and "CAP_SYS_ADMIN" in context.capabilities.add:
            why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(field.invalid(path, context, why))
    return errors + _profiles(path, context)


def pod(path: Path, context: PodSecurityContext, spec: PodSpec) -> Errors:
    errors = _ids(path, context, "fsGroup", "runAsUser", "runAsGroup")
    for position, group in enumerate(context.supplementalGroups):
        errors += field.each(path.child("supplementalGroups").index(position), group, names.user_id(group))
    if spec.shareProcessNamespace and spec.hostPID:
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(field.invalid(path.child("shareProcessNamespace"), True, why))
    if context.sysctls:
        errors += _sysctls(path.child("sysctls"), context, spec)
    for name, supported in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        errors += checks.enum(path.child(name), getattr(context, name), supported, needed=False)
    return errors + _profiles(path, context)


def _ids(path: Path, context: PodSecurityContext | SecurityContext, *fields: str) -> Errors:
    errors: Errors = []
    for name in fields:
        value = getattr(context, name)
        if value is not None:
            errors += field.each(path.child(name), value, names.user_id(value))
    return errors


def _sysctls(path: Path, context: PodSecurityContext, spec: PodSpec) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, one in enumerate(context.sysctls):
        where = path.index(position).child("name")
        if not one.name:
            errors.append(field.required(where))
        elif len(one.name) > 253 or not _sysctl.fullmatch(one.name):
            errors.append(
                field.invalid(where, one.name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
            )
        elif one.name in seen:
            errors.append(field.duplicate(where, one.name))
        seen.add(one.name)
        dotted = one.name.replace("/", ".")
        if spec.hostNetwork and dotted.startswith("net."):
            errors.append(field.invalid(where, one.name, "may not be specified when 'hostNetwork' is true"))
        elif spec.hostIPC and dotted.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")):
            errors.append(field.invalid(where, one.name, "may not be specified when 'hostIPC' is true"))
    return errors


def _profiles(path: Path, context: PodSecurityContext | SecurityContext) -> Errors:
    errors: Errors = []
    if context.seccompProfile is not None:
        errors += _seccomp(path.child("seccompProfile"), context.seccompProfile)
    if context.appArmorProfile is not None:
        errors += _app_armor(path.child("appArmorProfile"), context.appArmorProfile)
    return errors


def _seccomp(path: Path, profile: SeccompProfile) -> Errors:
    errors: Errors = []
    if not profile.type:
        errors.append(field.required(path.child("type"), "type is required when seccompProfile is set"))
    elif profile.type not in _PROFILES:
        errors.append(field.not_supported(path.child("type"), profile.type, _PROFILES))
    where = path.child("localhostProfile")
    if profile.type == "Localhost":
        if not profile.localhostProfile:
            return [*errors, field.required(where, "must be set when seccomp type is Localhost")]
        return errors + volumes.descending(where, profile.localhostProfile)
    if profile.localhostProfile:
        errors.append(field.invalid(where, profile, "can only be set when seccomp type is Localhost"))
    return errors


def _app_armor(path: Path, profile: AppArmorProfile) -> Errors:
    where, local = path.child("localhostProfile"), profile.localhostProfile
    if profile.type == "Localhost":
        if not local.strip():
            return [field.required(where, "must be set when AppArmor type is Localhost")]
        errors = [field.invalid(where, local, "must not be padded with whitespace")] if local != local.strip() else []
        return errors + ([field.too_long(where, _LONGEST_PROFILE)] if len(local) > _LONGEST_PROFILE else [])
    if not profile.type:
        return [field.required(path.child("type"), "type is required when appArmorProfile is set")]
    if profile.type not in _PROFILES:
        return [field.not_supported(path.child("type"), profile.type, _PROFILES)]
    return [field.invalid(where, local, "can only be set when AppArmor type is Localhost")] if local else []
