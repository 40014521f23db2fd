"""What Kubernetes fills in where a Pod, or a template of one, leaves something out (API reference: PodSpec, Container).

A few defaults are for Pods only and must not appear in templates: requests from limits, service links, host ports.
"""

from __future__ import annotations

from functools import lru_cache

from podium.models import core_v1, quantity
from podium.models.core_v1 import Container, EphemeralContainer, Pod, PodSpec, PodTemplateSpec, Probe, Volume
from podium.models.quantity import Quantity

AnyContainer = Container | EphemeralContainer
GRACE_SECONDS = 30
FILE_MODE = 0o644
TOKEN_SECONDS = 3600

_SOURCES = tuple(name for name in Volume.__struct_fields__ if name != "name")


@lru_cache(maxsize=4096)
def pull_policy(image: str) -> str:
    """Always for ":latest", which is also what no tag and no digest mean."""
    reference, _, digest = image.partition("@")
    _, colon, tag = reference.rpartition("/")[2].partition(":")
    if not image or (not colon and digest):
        return "IfNotPresent"
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def default_pod(pod: Pod) -> None:
    spec = pod.spec
    default_pod_spec(spec)
    if spec.enableServiceLinks is None:
        spec.enableServiceLinks = True
    for container in (*spec.initContainers, *spec.containers):
        if container.resources.limits:
            _requests_from_limits(container.resources)
        if spec.hostNetwork:
            for port in container.ports:
                port.hostPort = port.hostPort or port.containerPort
    if spec.resources is not None and spec.resources.limits:
        _pod_requests(spec, spec.resources)


def default_template(template: PodTemplateSpec) -> None:
    default_pod_spec(template.spec)


def default_pod_spec(spec: PodSpec) -> None:
    if not spec.dnsPolicy:
        spec.dnsPolicy = "ClusterFirst"
    if not spec.restartPolicy:
        spec.restartPolicy = "Always"
    if spec.securityContext is None:
        spec.securityContext = core_v1.PodSecurityContext()
    if spec.terminationGracePeriodSeconds is None:
        spec.terminationGracePeriodSeconds = GRACE_SECONDS
    if not spec.schedulerName:
        spec.schedulerName = "default-scheduler"
    if spec.serviceAccount != spec.serviceAccountName:
        spec.serviceAccountName = spec.serviceAccountName or spec.serviceAccount
        spec.serviceAccount = spec.serviceAccountName
    for container in spec.containers:
        _default_container(container)
    for container in spec.initContainers:
        _default_container(container)
    for ephemeral in spec.ephemeralContainers:
        _default_container(ephemeral)
    for volume in spec.volumes:
        _default_volume(volume)
    if spec.overhead:
        round_up_to_milli(spec.overhead)


def _default_container(container: AnyContainer) -> None:
    if not container.imagePullPolicy:
        container.imagePullPolicy = pull_policy(container.image)
    if not container.terminationMessagePath:
        container.terminationMessagePath = "/dev/termination-log"
    if not container.terminationMessagePolicy:
        container.terminationMessagePolicy = "File"
    for port in container.ports:
        if not port.protocol:
            port.protocol = "TCP"
    for variable in container.env:
        if variable.valueFrom is not None:
            _default_env_source(variable.valueFrom)
    for probe in (container.livenessProbe, container.readinessProbe, container.startupProbe):
        if probe is not None:
            _default_probe(probe)
    if container.lifecycle is not None:
        for handler in (container.lifecycle.postStart, container.lifecycle.preStop):
            if handler is not None and handler.httpGet is not None:
                _default_http_get(handler.httpGet)
    if container.resources.limits:
        round_up_to_milli(container.resources.limits)
    if container.resources.requests:
        round_up_to_milli(container.resources.requests)


def _default_env_source(source: core_v1.EnvVarSource) -> None:
    if source.fieldRef is not None and not source.fieldRef.apiVersion:
        source.fieldRef.apiVersion = "v1"
    if source.resourceFieldRef is not None and source.resourceFieldRef.divisor is None:
        source.resourceFieldRef.divisor = Quantity("0")


def _default_probe(probe: Probe) -> None:
    probe.timeoutSeconds = probe.timeoutSeconds or 1
    probe.periodSeconds = probe.periodSeconds or 10
    probe.successThreshold = probe.successThreshold or 1
    probe.failureThreshold = probe.failureThreshold or 3
    if probe.httpGet is not None:
        _default_http_get(probe.httpGet)


def _default_http_get(action: core_v1.HTTPGetAction) -> None:
    action.path = action.path or "/"
    action.scheme = action.scheme or "HTTP"


def _default_volume(volume: Volume) -> None:
    if volume.projected is not None:
        _default_projected(volume.projected)
        return
    for source in (volume.secret, volume.configMap, volume.downwardAPI):
        if source is not None:
            if source.defaultMode is None:
                source.defaultMode = FILE_MODE
            if isinstance(source, core_v1.DownwardAPIVolumeSource):
                _default_downward_files(source.items)
            return
    if volume.image is not None:
        volume.image.pullPolicy = volume.image.pullPolicy or pull_policy(volume.image.reference)
    elif volume.ephemeral is not None and volume.ephemeral.volumeClaimTemplate is not None:
        claim = volume.ephemeral.volumeClaimTemplate.spec
        claim.volumeMode = claim.volumeMode or "Filesystem"
    elif volume.iscsi is not None:
        volume.iscsi.iscsiInterface = volume.iscsi.iscsiInterface or "default"
    elif volume.rbd is not None:
        volume.rbd.pool = volume.rbd.pool or "rbd"
        volume.rbd.user = volume.rbd.user or "admin"
        volume.rbd.keyring = volume.rbd.keyring or "/etc/ceph/keyring"
    elif volume.azureDisk is not None:
        disk = volume.azureDisk
        disk.cachingMode, disk.kind = disk.cachingMode or "ReadWrite", disk.kind or "Shared"
        disk.fsType, disk.readOnly = disk.fsType or "ext4", bool(disk.readOnly)
    elif volume.scaleIO is not None:
        volume.scaleIO.storageMode = volume.scaleIO.storageMode or "ThinProvisioned"
        volume.scaleIO.fsType = volume.scaleIO.fsType or "xfs"
    elif all(getattr(volume, name) is None for name in _SOURCES):
        volume.emptyDir = core_v1.EmptyDirVolumeSource()


def _default_projected(source: core_v1.ProjectedVolumeSource) -> None:
    if source.defaultMode is None:
        source.defaultMode = FILE_MODE
    for part in source.sources:
        if part.serviceAccountToken is not None and part.serviceAccountToken.expirationSeconds is None:
            part.serviceAccountToken.expirationSeconds = TOKEN_SECONDS
        if part.downwardAPI is not None:
            _default_downward_files(part.downwardAPI.items)


def _default_downward_files(files: tuple[core_v1.DownwardAPIVolumeFile, ...]) -> None:
    for file in files:
        if file.fieldRef is not None and not file.fieldRef.apiVersion:
            file.fieldRef.apiVersion = "v1"
        if file.resourceFieldRef is not None and file.resourceFieldRef.divisor is None:
            file.resourceFieldRef.divisor = Quantity("0")


def round_up_to_milli(resources: dict[str, Quantity]) -> None:
    """Nothing finer than a thousandth is kept."""
    for name, amount in resources.items():
        if amount[-1] in "nu":
            resources[name] = Quantity(f"{quantity.thousandths(amount)}m")


def _requests_from_limits(resources: core_v1.ResourceRequirements) -> None:
    requests = resources.requests
    if len(requests) < len(resources.limits) or any(name not in requests for name in resources.limits):
        resources.requests = {**requests, **{k: v for k, v in resources.limits.items() if k not in requests}}


def _pod_requests(spec: PodSpec, resources: core_v1.ResourceRequirements) -> None:
    """Requests of a whole Pod: what its containers request together, otherwise its limits."""
    requests = dict(resources.requests)
    for name, limit in resources.limits.items():
        if name in requests or not (name in ("cpu", "memory") or name.startswith("hugepages-")):
            continue
        asked = [one.resources.requests[name] for one in spec.containers if name in one.resources.requests]
        total: str = limit
        if asked:
            total = "0"
            for amount in asked:
                total = quantity.add(total, amount)
        requests[name] = Quantity(total)
    resources.requests = requests
