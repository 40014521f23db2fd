"""What the volumes of a Pod contain: a plain map of files, worked out from the objects that they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podium.agent.environment import ConfigError, PodFacts, References, field_value, resource_value
from podium.agent.volumes.atomic import DEFAULT_MODE, File
from podium.agent.volumes.claims import Claim
from podium.models.core_v1 import (
    DownwardAPIVolumeFile,
    KeyToPath,
    Pod,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
)

TOKEN_SECONDS = 3600
TOKEN_MODE = 0o600
"""Of a token that only one user or the Pod's group is to read."""


class VolumeError(Exception):
    """A volume can't be set up; the text says why."""


@dataclass(frozen=True, slots=True)
class VolumeSources:
    """What the contents of volumes are made of."""

    references: References
    facts: PodFacts
    tokens: Mapping[tuple[str, int], str]
    """Service account tokens by audience and lifetime."""
    claims: Mapping[str, Claim] = field(default_factory=dict)
    node_name: str = ""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    token_problem: str = ""
    """Why a token that isn't there isn't."""


def referenced(pod: Pod) -> tuple[set[str], set[str]]:
    """Names of the ConfigMaps and Secrets that volumes of the Pod show."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for volume in pod.spec.volumes:
        if volume.configMap is not None:
            config_maps.add(volume.configMap.name)
        if volume.secret is not None:
            secrets.add(volume.secret.secretName)
        for source in volume.projected.sources if volume.projected is not None else ():
            if source.configMap is not None:
                config_maps.add(source.configMap.name)
            if source.secret is not None:
                secrets.add(source.secret.name)
    return config_maps, secrets


def tokens_wanted(pod: Pod) -> list[ServiceAccountTokenProjection]:
    return [
        source.serviceAccountToken
        for volume in pod.spec.volumes
        if volume.projected is not None
        for source in volume.projected.sources
        if source.serviceAccountToken is not None
    ]


def token_key(projection: ServiceAccountTokenProjection) -> tuple[str, int]:
    return projection.audience, projection.expirationSeconds or TOKEN_SECONDS


def files(pod: Pod, volume: Volume, sources: VolumeSources) -> dict[str, File] | None:
    """The files of a volume by relative path; None for one whose files are not ours. VolumeError."""
    try:
        if volume.configMap is not None:
            config = volume.configMap
            return _config_map(config.name, config.items, config.optional, config.defaultMode, sources)
        if volume.secret is not None:
            secret = volume.secret
            return _secret(secret.secretName, secret.items, secret.optional, secret.defaultMode, sources)
        if volume.downwardAPI is not None:
            return _downward(pod, volume.downwardAPI.items, volume.downwardAPI.defaultMode, sources)
        if volume.projected is not None:
            return _projected(pod, volume.projected, sources)
    except ConfigError as error:
        raise VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error
    return None


def _config_map(
    name: str, items: Iterable[KeyToPath], optional: bool | None, mode: int | None, sources: VolumeSources
) -> dict[str, File]:
    found = sources.references.config_maps.get(name)
    data = None if found is None else {**{key: text.encode() for key, text in found.data.items()}, **found.binaryData}
    missing = "configmap references non-existent config key: {key}"
    return _selected(f'configmap "{name}"', data, items, optional, mode, missing)


def _secret(
    name: str, items: Iterable[KeyToPath], optional: bool | None, mode: int | None, sources: VolumeSources
) -> dict[str, File]:
    found = sources.references.secrets.get(name)
    data = None if found is None else found.data
    return _selected(f'secret "{name}"', data, items, optional, mode, "references non-existent secret key: {key}")


def _selected(
    what: str,
    data: Mapping[str, bytes] | None,
    items: Iterable[KeyToPath],
    optional: bool | None,
    mode: int | None,
    missing: str,
) -> dict[str, File]:
    """All keys, or those that `items` name, under the paths they say. `data` is None if there is no such object."""
    if data is None:
        if optional:
            return {}
        raise ConfigError(f"{what} not found")
    default = DEFAULT_MODE if mode is None else mode
    items = tuple(items)
    if not items:
        return {key: File(value, default) for key, value in data.items()}
    found = {}
    for item in items:
        if item.key in data:
            found[item.path] = File(data[item.key], default if item.mode is None else item.mode)
        elif not optional:
            raise ConfigError(missing.format(key=item.key))
    return found


def _downward(
    pod: Pod, items: Iterable[DownwardAPIVolumeFile], mode: int | None, sources: VolumeSources
) -> dict[str, File]:
    default = DEFAULT_MODE if mode is None else mode
    found = {}
    for item in items:
        text = ""
        if item.fieldRef is not None:
            text = field_value(pod, item.fieldRef, sources.facts)
        elif item.resourceFieldRef is not None:
            text = resource_value(pod, pod.spec.containers[0], item.resourceFieldRef, sources.facts)
        found[item.path] = File(text.encode(), default if item.mode is None else item.mode)
    return found


def _projected(pod: Pod, projected: ProjectedVolumeSource, sources: VolumeSources) -> dict[str, File]:
    mode = projected.defaultMode
    found: dict[str, File] = {}
    for source in projected.sources:
        if source.clusterTrustBundle is not None or source.podCertificate is not None:
            raise ConfigError("this node can't project cluster trust bundles and Pod certificates")
        if source.configMap is not None:
            config = source.configMap
            found |= _config_map(config.name, config.items, config.optional, mode, sources)
        if source.secret is not None:
            secret = source.secret
            found |= _secret(secret.name, secret.items, secret.optional, mode, sources)
        if source.downwardAPI is not None:
            found |= _downward(pod, source.downwardAPI.items, mode, sources)
        if source.serviceAccountToken is not None:
            found[source.serviceAccountToken.path] = _token(pod, source.serviceAccountToken, mode, sources)
    return found


def _token(pod: Pod, projection: ServiceAccountTokenProjection, mode: int | None, sources: VolumeSources) -> File:
    token = sources.tokens.get(token_key(projection))
    if token is None:
        raise ConfigError(f"failed to fetch token: {sources.token_problem}")
    content = token.encode()
    user = only_user(pod)
    if user is not None or fs_group(pod) is not None:
        return File(content, TOKEN_MODE, user)
    return File(content, DEFAULT_MODE if mode is None else mode)


def only_user(pod: Pod) -> int | None:
    """The user that all containers of the Pod run as, if all say the same."""
    default = pod.spec.securityContext.runAsUser if pod.spec.securityContext is not None else None
    users: set[int | None] = set()
    for container in (*pod.spec.initContainers, *pod.spec.containers):
        own = container.securityContext
        users.add(own.runAsUser if own is not None and own.runAsUser is not None else default)
    return users.pop() if len(users) == 1 else None


def fs_group(pod: Pod) -> int | None:
    """The group that owns the Pod's volumes."""
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext is not None else None
