"""Containers of a Pod: regular ones, init containers and sidecars, ephemeral ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from podium.machinery import field
from podium.machinery.field import Path
from podium.models.core_v1 import (
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    EphemeralContainer,
    Volume,
    VolumeDevice,
    VolumeMount,
)
from podium.registry.strategies import checks, compute, env, probes, security, volumes
from podium.registry.strategies.checks import Errors

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIONS = ("Disabled", "Enabled", "IfPossible")
_NOT_FOR_INIT = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_NOT_FOR_EPHEMERAL = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resizePolicy")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's rules depend on besides itself."""

    volumes: Mapping[str, Volume]
    claims: set[str]
    grace_seconds: int | None
    restart_policy: str
    host_users: bool


def regular(path: Path, given: tuple[Container, ...], pod: Surroundings) -> Errors:
    if not given:
        return [field.required(path)]
    errors: Errors = []
    seen: set[str] = set()
    for position, one in enumerate(given):
        where = path.index(position)
        errors += _common(where, one, pod)
        if one.name in seen:
            errors.append(field.duplicate(where.child("name"), one.name))
        seen.add(one.name)
        errors += probes.container_probes(where, one, pod.grace_seconds)
        if one.restartPolicy or one.restartPolicyRules:
            errors += _restart_rules(where, one)
    return errors + _host_port_conflicts(path, given)


def init(path: Path, given: tuple[Container, ...], others: tuple[Container, ...], pod: Surroundings) -> Errors:
    errors: Errors = []
    seen = {one.name for one in others}
    for position, one in enumerate(given):
        where = path.index(position)
        errors += _common(where, one, pod)
        if one.restartPolicy or one.restartPolicyRules:
            errors += _restart_rules(where, one)
        if one.name in seen:
            errors.append(field.duplicate(where.child("name"), one.name))
        elif one.name:
            seen.add(one.name)
        errors += _host_port_conflicts(path, (one,))
        if one.restartPolicy == "Always":
            errors += probes.container_probes(where, one, pod.grace_seconds)
            continue
        for name in _NOT_FOR_INIT:
            if getattr(one, name) is not None:
                why = "may not be set for init containers without restartPolicy=Always"
                errors.append(field.forbidden(where.child(name), why))
        if one.resizePolicy:
            errors.append(
                field.invalid(where.child("resizePolicy"), one.resizePolicy, "must not be set for init containers")
            )
    return errors


def ephemeral(
    path: Path, given: tuple[EphemeralContainer, ...], others: tuple[Container, ...], pod: Surroundings
) -> Errors:
    errors: Errors = []
    targets = {one.name for one in others}
    seen = set(targets)
    for position, one in enumerate(given):
        where = path.index(position)
        errors += _common(where, one, pod) + trimmed_image(where, one)
        if one.name in seen:
            errors.append(field.duplicate(where.child("name"), one.name))
        seen.add(one.name)
        if one.targetContainerName and one.targetContainerName not in targets:
            errors.append(field.not_found(where.child("targetContainerName"), one.targetContainerName))
        named = [name for name in _NOT_FOR_EPHEMERAL if getattr(one, name)]
        if one.resources.limits or one.resources.requests or one.resources.claims:
            named.append("resources")
        for name in named:
            errors.append(field.forbidden(where.child(name), "cannot be set for an Ephemeral Container"))
        for index, mount in enumerate(one.volumeMounts):
            for name in ("subPath", "subPathExpr"):
                if getattr(mount, name):
                    place = where.child("volumeMounts").index(index).child(name)
                    errors.append(field.forbidden(place, "cannot be set for an Ephemeral Container"))
    return errors


def trimmed_image(path: Path, one: Container | EphemeralContainer) -> Errors:
    """Templates may have an image padded with spaces, Pods may not."""
    if one.image != one.image.strip():
        return [field.invalid(path.child("image"), one.image, "must not have leading or trailing whitespace")]
    return []


def _common(path: Path, one: Container | EphemeralContainer, pod: Surroundings) -> Errors:
    errors = checks.dns_label(path.child("name"), one.name, needed=True)
    if not one.image:
        errors.append(field.required(path.child("image")))
    if one.terminationMessagePolicy not in _MESSAGE_POLICIES:
        errors += checks.enum(path.child("terminationMessagePolicy"), one.terminationMessagePolicy, _MESSAGE_POLICIES)
    if one.ports:
        errors += _ports(path.child("ports"), one.ports)
    if one.env:
        errors += env.variables(path.child("env"), one.env)
    if one.envFrom:
        errors += env.env_from(path.child("envFrom"), one.envFrom)
    if one.volumeMounts:
        errors += _mounts(path.child("volumeMounts"), one, pod.volumes)
    if one.volumeDevices:
        errors += _devices(path.child("volumeDevices"), one.volumeDevices, one.volumeMounts, pod.volumes)
    if one.imagePullPolicy not in _PULL_POLICIES:
        errors += checks.enum(path.child("imagePullPolicy"), one.imagePullPolicy, _PULL_POLICIES)
    resources = one.resources
    if resources.requests or resources.limits or resources.claims:
        errors += compute.requirements(path.child("resources"), resources, pod.claims)
    if one.resizePolicy:
        errors += _resize_policy(path.child("resizePolicy"), one.resizePolicy, pod.restart_policy)
    if one.securityContext is not None:
        errors += security.container(path.child("securityContext"), one.securityContext, host_users=pod.host_users)
    return errors


def _ports(path: Path, ports: tuple[ContainerPort, ...]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, port in enumerate(ports):
        if port.name:
            messages = checks.port_name_messages(port.name)
            if messages:
                errors += field.each(path.index(position).child("name"), port.name, messages)
            elif port.name in seen:
                errors.append(field.duplicate(path.index(position).child("name"), port.name))
            seen.add(port.name)
        if not port.containerPort:
            errors.append(field.required(path.index(position).child("containerPort")))
        elif not 0 < port.containerPort < 65536:
            errors += checks.port_number(path.index(position).child("containerPort"), port.containerPort)
        if port.hostPort:
            errors += checks.port_number(path.index(position).child("hostPort"), port.hostPort)
        if port.hostIP:
            errors += checks.ip_address(path.index(position).child("hostIP"), port.hostIP)
        if port.protocol not in checks.PROTOCOLS:
            errors += checks.enum(path.index(position).child("protocol"), port.protocol, checks.PROTOCOLS)
    return errors


def _host_port_conflicts(path: Path, given: tuple[Container, ...]) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, one in enumerate(given):
        for index, port in enumerate(one.ports):
            if not port.hostPort:
                continue
            shown = f"{port.protocol}/{port.hostIP}/{port.hostPort}"
            if shown in seen:
                where = path.index(position).child("ports").index(index).child("hostPort")
                errors.append(field.duplicate(where, shown))
            seen.add(shown)
    return errors


def _mounts(path: Path, one: Container | EphemeralContainer, known: Mapping[str, Volume]) -> Errors:
    errors: Errors = []
    points: set[str] = set()
    devices = {device.name: device.devicePath for device in one.volumeDevices}
    for position, mount in enumerate(one.volumeMounts):
        where = path.index(position)
        if not mount.name:
            errors.append(field.required(where.child("name")))
        if mount.name not in known:
            errors.append(field.not_found(where.child("name"), mount.name))
        if not mount.mountPath:
            errors.append(field.required(where.child("mountPath")))
        if mount.mountPath in points:
            errors.append(field.invalid(where.child("mountPath"), mount.mountPath, "must be unique"))
        points.add(mount.mountPath)
        if mount.name in devices:
            errors.append(field.invalid(where.child("name"), mount.name, "must not already exist in volumeDevices"))
        if mount.mountPath in devices.values():
            why = "must not already exist as a path in volumeDevices"
            errors.append(field.invalid(where.child("mountPath"), mount.mountPath, why))
        if mount.subPath or mount.subPathExpr:
            errors += _sub_paths(path, where, mount)
        if mount.mountPropagation:
            errors += _propagation(path.child("mountPropagation"), mount.mountPropagation, one)
        if mount.recursiveReadOnly:
            errors += _recursive(path.child("recursiveReadOnly"), mount)
    return errors


def _sub_paths(path: Path, where: Path, mount: VolumeMount) -> Errors:
    errors: Errors = []
    if mount.subPath:
        errors += volumes.descending(path.child("subPath"), mount.subPath)
    if mount.subPathExpr:
        if mount.subPath:
            why = "subPathExpr and subPath are mutually exclusive"
            errors.append(field.invalid(where.child("subPathExpr"), mount.subPathExpr, why))
        errors += volumes.descending(path.child("subPathExpr"), mount.subPathExpr)
    return errors


def _propagation(path: Path, value: str, one: Container | EphemeralContainer) -> Errors:
    errors = checks.enum(path, value, _PROPAGATIONS)
    if value == "Bidirectional" and not (one.securityContext is not None and one.securityContext.privileged):
        why = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(field.forbidden(path, why))
    return errors


def _recursive(path: Path, mount: VolumeMount) -> Errors:
    errors = checks.enum(path, mount.recursiveReadOnly, _RECURSIONS)
    if mount.recursiveReadOnly in ("Enabled", "IfPossible"):
        if not mount.readOnly:
            errors.append(field.forbidden(path, "may only be specified when readOnly is true"))
        if mount.mountPropagation not in ("", "None"):
            why = "may only be specified when mountPropagation is None or not specified"
            errors.append(field.forbidden(path, why))
    return errors


def _devices(
    path: Path, given: tuple[VolumeDevice, ...], mounts: tuple[VolumeMount, ...], known: Mapping[str, Volume]
) -> Errors:
    errors: Errors = []
    paths: set[str] = set()
    seen: set[str] = set()
    mounted = {mount.name: mount.mountPath for mount in mounts}
    for position, device in enumerate(given):
        name, place = path.index(position).child("name"), path.index(position).child("devicePath")
        if not device.name:
            errors.append(field.required(name))
        if device.name in seen:
            errors.append(field.invalid(name, device.name, "must be unique"))
        volume = known.get(device.name)
        if volume is None:
            errors.append(field.not_found(name, device.name))
        elif volume.persistentVolumeClaim is None and volume.ephemeral is None:
            why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(field.invalid(name, device.name, why))
        if not device.devicePath:
            errors.append(field.required(place))
        if device.devicePath in paths:
            errors.append(field.invalid(place, device.devicePath, "must be unique"))
        if ".." in device.devicePath.split("/"):
            errors.append(field.invalid(place, device.devicePath, "can not contain backsteps ('..')"))
        if device.name in mounted:
            errors.append(field.invalid(name, device.name, "must not already exist in volumeMounts"))
        if device.devicePath in mounted.values():
            why = "must not already exist as a path in volumeMounts"
            errors.append(field.invalid(place, device.devicePath, why))
        paths.add(device.devicePath)
        seen.add(device.name)
    return errors


def _resize_policy(path: Path, given: tuple[ContainerResizePolicy, ...], pod_policy: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for position, one in enumerate(given):
        if one.resourceName in seen:
            errors.append(field.duplicate(path.index(position), one.resourceName))
        seen.add(one.resourceName)
        errors += checks.enum(path, one.resourceName, ("cpu", "memory"))
        errors += checks.enum(path, one.restartPolicy, _RESIZE_POLICIES)
        if pod_policy == "Never" and one.restartPolicy != "NotRequired":
            why = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(field.invalid(path, one.restartPolicy, why))
    return errors


def _restart_rules(path: Path, one: Container) -> Errors:
    """A container may have its own restart policy, and rules that go by its exit code (KEP-5307)."""
    errors = checks.enum(path.child("restartPolicy"), one.restartPolicy, _RESTART_POLICIES, needed=False)
    if not one.restartPolicyRules:
        return errors
    where = path.child("restartPolicyRules")
    if not one.restartPolicy:
        errors.append(
            field.required(path.child("restartPolicy"), "must specify restartPolicy when restart rules are used")
        )
    for position, rule in enumerate(one.restartPolicyRules):
        errors += _restart_rule(where.index(position), rule)
    return errors


def _restart_rule(path: Path, rule: ContainerRestartRule) -> Errors:
    errors = checks.enum(path.child("action"), rule.action, ("Restart", "RestartAllContainers"))
    if rule.exitCodes is None:
        return [*errors, field.required(path.child("exitCodes"), "must be specified")]
    errors += checks.enum(path.child("exitCodes", "operator"), rule.exitCodes.operator, ("In", "NotIn"))
    if not rule.exitCodes.values:
        errors.append(field.required(path.child("exitCodes", "values")))
    return errors
