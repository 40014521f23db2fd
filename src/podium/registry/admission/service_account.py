"""ServiceAccount: every Pod runs as a ServiceAccount, with its token mounted unless someone says no."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podium.models import identifiers
from podium.models.core_v1 import (
    ConfigMapProjection,
    Container,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ObjectFieldSelector,
    Pod,
    ProjectedVolumeSource,
    ServiceAccount,
    ServiceAccountTokenProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access-"
_MIRROR = "kubernetes.io/config.mirror"
_EXPIRATION = 3607
"""Seconds. Kubernetes' odd number tells clients that refresh their tokens from those that don't."""

_SOURCES = (
    VolumeProjection(serviceAccountToken=ServiceAccountTokenProjection(path="token", expirationSeconds=_EXPIRATION)),
    VolumeProjection(
        configMap=ConfigMapProjection(name="kube-root-ca.crt", items=(KeyToPath(key="ca.crt", path="ca.crt"),))
    ),
    VolumeProjection(
        downwardAPI=DownwardAPIProjection(
            items=(
                DownwardAPIVolumeFile(
                    path="namespace",
                    fieldRef=ObjectFieldSelector(apiVersion="v1", fieldPath="metadata.namespace"),
                ),
            )
        )
    ),
)
"""Shared by all Pods: objects in the registry are never changed."""


class ServiceAccounts(Base):
    resources = ("pods",)

    def admit(self, attributes: Attributes) -> None:
        pod: Pod = attributes.obj
        if _MIRROR in pod.metadata.annotations:
            if pod.spec.serviceAccountName:
                raise forbidden(attributes, "a mirror pod may not reference service accounts")
            return
        name = pod.spec.serviceAccountName or pod.spec.serviceAccount or DEFAULT
        pod.spec.serviceAccountName = pod.spec.serviceAccount = name
        found = attributes.core.live("serviceaccounts").get(attributes.namespace, name)
        if found is None:
            why = f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden(attributes, why)
        account: ServiceAccount = found.object
        if mounts_token(pod, account):
            mount_token(pod, _VOLUME + identifiers.suffix(attributes.core.rng))
        if not pod.spec.imagePullSecrets:
            pod.spec.imagePullSecrets = account.imagePullSecrets


def mounts_token(pod: Pod, account: ServiceAccount) -> bool:
    """The Pod has the last word, then its account; without either: yes."""
    for asked in (pod.spec.automountServiceAccountToken, account.automountServiceAccountToken):
        if asked is not None:
            return asked
    return True


def mount_token(pod: Pod, volume: str) -> None:
    """Mount the token into every container that doesn't have something there already."""
    spec = pod.spec
    existing = next((one.name for one in spec.volumes if one.projected and one.name.startswith(_VOLUME)), "")
    mount = VolumeMount(name=existing or volume, readOnly=True, mountPath=MOUNT_PATH)
    mounted = [_mount(container, mount) for container in _containers(spec)]
    if any(mounted) and not existing:
        projected = ProjectedVolumeSource(sources=_SOURCES, defaultMode=0o644)
        spec.volumes = (*spec.volumes, Volume(name=volume, projected=projected))


def _containers(spec: Any) -> Iterable[Container]:
    yield from spec.initContainers
    yield from spec.containers


def _mount(container: Container, mount: VolumeMount) -> bool:
    if any(one.mountPath == MOUNT_PATH for one in container.volumeMounts):
        return False
    container.volumeMounts = (*container.volumeMounts, mount)
    return True
