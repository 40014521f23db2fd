"""Pods: what a new one gets, what stays as it was made, and what its status may say."""

from __future__ import annotations

from collections.abc import Callable

from podium.machinery import field, names
from podium.machinery.field import Path
from podium.models import codec
from podium.models.core_v1 import (
    Container,
    ContainerStatus,
    Pod,
    PodCondition,
    PodIP,
    PodSpec,
    PodStatus,
    Toleration,
)
from podium.registry.strategies import (
    checks,
    compute,
    containers,
    placement,
    pod_annotations,
    pod_defaults,
    pod_spec,
    pod_warnings,
)
from podium.registry.strategies.checks import METADATA, SPEC, STATUS, Errors
from podium.registry.strategy import Strategy

_INT32 = 2**31 - 1
_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def _prepare_create(pod: Pod) -> None:
    pod.status = PodStatus(phase="Pending", qosClass=compute.qos_class(pod.spec))
    if pod.spec.schedulingGates:
        gated = PodCondition(
            type="PodScheduled",
            status="False",
            reason="SchedulingGated",
            message="Scheduling is blocked due to non-empty scheduling gates",
        )
        pod.status.conditions = (gated,)


def _prepare_update(new: Pod, old: Pod) -> None:
    new.status = old.status
    new.spec.ephemeralContainers = old.spec.ephemeralContainers


def _validate(pod: Pod) -> Errors:
    errors = validate_pod(pod)
    spec = pod.spec
    if spec.ephemeralContainers:
        errors.append(field.forbidden(SPEC.child("ephemeralContainers"), "cannot be set on create"))
    if spec.nodeName and spec.schedulingGates:
        why = "cannot be set until all schedulingGates have been cleared"
        errors.append(field.forbidden(SPEC.child("nodeName"), why))
    return errors


def validate_pod(pod: Pod) -> Errors:
    """What holds for every Pod, new or changed."""
    spec, annotations = pod.spec, pod.metadata.annotations
    errors: Errors = []
    if annotations:
        errors += pod_annotations.validate(METADATA.child("annotations"), annotations, spec)
    errors += pod_spec.validate(SPEC, spec, pod_name=pod.metadata.name, is_pod=True)
    if not spec.serviceAccountName:
        errors += _tokens_without_account(spec)
    for name, given in (("containers", spec.containers), ("initContainers", spec.initContainers)):
        for position, one in enumerate(given):
            if one.image != one.image.strip():
                errors += containers.trimmed_image(SPEC.child(name).index(position), one)
    return errors


def _tokens_without_account(spec: PodSpec) -> Errors:
    errors: Errors = []
    for position, volume in enumerate(spec.volumes):
        if volume.projected is None:
            continue
        where = SPEC.child("volumes").index(position).child("projected", "sources")
        for index, source in enumerate(volume.projected.sources):
            if source.serviceAccountToken is not None:
                place = where.index(index).child("serviceAccountToken")
                errors.append(field.forbidden(place, "must not be specified when serviceAccountName is not set"))
    return errors


# --- updates ----------------------------------------------------------------------------------------------------


def _validate_update(new: Pod, old: Pod) -> Errors:
    annotations = METADATA.child("annotations")
    errors = pod_annotations.validate_update(annotations, new.metadata.annotations, old.metadata.annotations)
    if new.spec == old.spec:
        return errors + pod_annotations.validate(annotations, new.metadata.annotations, new.spec)
    errors += validate_pod(new)
    for name in ("containers", "initContainers"):
        if len(getattr(new.spec, name)) != len(getattr(old.spec, name)):
            return [*errors, field.forbidden(SPEC.child(name), "pod updates may not add or remove containers")]
    deadline = _deadline(new.spec, old.spec)
    errors += deadline
    if deadline and new.spec.activeDeadlineSeconds is not None:
        return errors
    errors += _only_added(new.spec.tolerations, old.spec.tolerations)
    kept = {gate.name for gate in old.spec.schedulingGates}
    for position, gate in enumerate(new.spec.schedulingGates):
        if gate.name not in kept:
            where = SPEC.child("schedulingGates").index(position).child("name")
            why = f"only deletion is allowed, but found new scheduling gate '{gate.name}'"
            errors.append(field.forbidden(where, why))
    if _with_updatable_fields_of(new.spec, old.spec) != old.spec:
        errors.append(field.forbidden(SPEC, f"pod updates may not change fields other than {_UPDATABLE}"))
    return errors


def _deadline(new: PodSpec, old: PodSpec) -> Errors:
    """A deadline can be set and shortened, not taken back."""
    where, seconds = SPEC.child("activeDeadlineSeconds"), new.activeDeadlineSeconds
    if seconds is None:
        if old.activeDeadlineSeconds is None:
            return []
        return [field.invalid(where, None, "must not update from a positive integer to nil value")]
    if not 0 <= seconds <= _INT32:
        return field.each(where, seconds, names.in_range(seconds, 0, _INT32))
    if old.activeDeadlineSeconds is not None and old.activeDeadlineSeconds < seconds:
        return [field.invalid(where, seconds, "must be less than or equal to previous value")]
    return []


def _only_added(new: tuple[Toleration, ...], old: tuple[Toleration, ...]) -> Errors:
    if new == old:
        return []

    def known(one: Toleration) -> tuple[str, str, str, str]:
        return one.key, one.operator, one.value, one.effect

    kept = {known(one) for one in new}
    if any(known(one) not in kept for one in old):
        why = "existing toleration can not be modified except its tolerationSeconds"
        return [field.forbidden(SPEC.child("tolerations"), why)]
    return placement.tolerations(SPEC.child("tolerations"), new)


def _with_updatable_fields_of(new: PodSpec, old: PodSpec) -> PodSpec:
    """The new spec with the old one's values where an update may have changed them."""
    spec = codec.copy(new)
    for mine, theirs in ((spec.containers, old.containers), (spec.initContainers, old.initContainers)):
        _take_images(mine, theirs)
    spec.activeDeadlineSeconds = old.activeDeadlineSeconds
    spec.tolerations = old.tolerations
    if (old.terminationGracePeriodSeconds or 0) < 0 and spec.terminationGracePeriodSeconds == 1:
        spec.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds
    if old.schedulingGates:
        # Nobody has looked at a gated Pod yet: what narrows down its nodes may still be added.
        if old.nodeSelector.items() <= spec.nodeSelector.items():
            spec.nodeSelector = old.nodeSelector
        if old.affinity is None or old.affinity.nodeAffinity is None:
            _drop_node_affinity(spec, old)
    spec.schedulingGates = old.schedulingGates
    return spec


def _take_images(mine: tuple[Container, ...], theirs: tuple[Container, ...]) -> None:
    for new, old in zip(mine, theirs, strict=True):
        new.image = old.image


def _drop_node_affinity(spec: PodSpec, old: PodSpec) -> None:
    if spec.affinity is None:
        return
    spec.affinity.nodeAffinity = None
    if old.affinity is None and spec.affinity.podAffinity is None and spec.affinity.podAntiAffinity is None:
        spec.affinity = None


# --- status -----------------------------------------------------------------------------------------------------


def _prepare_status_update(new: Pod, old: Pod) -> None:
    """Only spec, owners and a pending deletion stay: an agent may also set labels and annotations."""
    new.spec = old.spec
    new.metadata.ownerReferences = old.metadata.ownerReferences
    new.metadata.deletionTimestamp = old.metadata.deletionTimestamp
    new.metadata.deletionGracePeriodSeconds = old.metadata.deletionGracePeriodSeconds
    if not new.status.qosClass:
        new.status.qosClass = old.status.qosClass
    status = new.status
    if status.podIP and (not status.podIPs or status.podIPs[0].ip != status.podIP):
        status.podIPs = (PodIP(ip=status.podIP), *status.podIPs[1:])
    elif status.podIPs and not status.podIP:
        status.podIP = status.podIPs[0].ip


def _validate_status_update(new: Pod, old: Pod) -> Errors:
    errors: Errors = []
    for position, condition in enumerate(new.status.conditions):
        if condition.type not in _SYSTEM_CONDITIONS:
            where = METADATA.child("conditions").index(position).child("Type")
            errors += checks.qualified_name(where, condition.type)
    nominated = new.status.nominatedNodeName
    if nominated and nominated != old.status.nominatedNodeName:
        errors += checks.dns_subdomain(STATUS.child("nominatedNodeName"), nominated)
    if old.status.qosClass:
        errors += field.immutable(STATUS.child("qosClass"), new.status.qosClass, old.status.qosClass)
    sidecars = {one.name for one in old.spec.initContainers if one.restartPolicy == "Always"}
    for name, policy in (
        ("containerStatuses", old.spec.restartPolicy),
        ("initContainerStatuses", old.spec.restartPolicy),
        ("ephemeralContainerStatuses", "Never"),
    ):
        before = getattr(old.status, name)
        if before and policy != "Always":
            own = {one.name for one in old.spec.containers if one.restartPolicy or one.restartPolicyRules}
            errors += _no_revival(STATUS.child(name), getattr(new.status, name), before, policy, sidecars | own)
    return errors + _addresses(new.status)


def _no_revival(
    path: Path,
    new: tuple[ContainerStatus, ...],
    old: tuple[ContainerStatus, ...],
    policy: str,
    restartable: set[str],
) -> Errors:
    """A container that has ended for good stays ended."""
    errors: Errors = []
    alive = {one.name for one in new if one.state.terminated is None}
    for position, one in enumerate(old):
        ended = one.state.terminated
        if ended is None or one.name in restartable or (ended.exitCode and policy == "OnFailure"):
            continue
        if one.name in alive:
            why = "may not be transitioned to non-terminated state"
            errors.append(field.forbidden(path.index(position).child("state"), why))
    return errors


def _addresses(status: PodStatus) -> Errors:
    errors: Errors = []
    for name in ("podIPs", "hostIPs"):
        given = getattr(status, name)
        where = STATUS.child(name)
        for position, one in enumerate(given):
            errors += checks.ip_address(where.index(position), one.ip)
        if len(given) > 1:
            families = [":" in one.ip for one in given]
            if len(families) != len(set(families)):
                errors.append(field.invalid(where, given, "may specify no more than one IP for each IP family"))
    return errors


def _grace_seconds(pod: Pod) -> int:
    seconds = pod.spec.terminationGracePeriodSeconds
    return pod_defaults.GRACE_SECONDS if seconds is None else seconds


_default: Callable[[Pod], None] = pod_defaults.default_pod

STRATEGY = Strategy(
    default=_default,
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_validate,
    validate_update=_validate_update,
    prepare_status_update=_prepare_status_update,
    validate_status_update=_validate_status_update,
    warnings=pod_warnings.of_pod,
    grace_seconds=_grace_seconds,
)
