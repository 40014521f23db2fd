"""Volumes of process Pods: directories that the agent fills, one per volume.

What a volume contains is worked out as a plain map of files, then written; files that are already right are not
touched, so that a refresh costs nothing and a reader never sees half a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from podium.agent.environment import ConfigError, PodFacts, References, field_value, resource_value
from podium.models.core_v1 import (
    DownwardAPIVolumeFile,
    KeyToPath,
    Pod,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
)

DEFAULT_MODE = 0o644
TOKEN_SECONDS = 3600


class VolumeError(Exception):
    """A volume can't be set up; the text says why."""


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = DEFAULT_MODE


@dataclass(frozen=True, slots=True)
class VolumeSources:
    """What the contents of volumes are made of."""

    references: References
    facts: PodFacts
    tokens: Mapping[tuple[str, int], str]
    """Service account tokens by audience and lifetime."""


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


def changes(pod: Pod) -> bool:
    """Whether the content of some volume may change while the Pod runs."""
    return any(v.configMap or v.secret or v.projected or v.downwardAPI for v in pod.spec.volumes)


def set_up(pod: Pod, directory: Path, sources: VolumeSources) -> dict[str, Path]:
    """Make and fill every volume below that directory; where each is. VolumeError."""
    found: dict[str, Path] = {}
    for volume in pod.spec.volumes:
        path = directory / volume.name
        if volume.hostPath is not None:
            found[volume.name] = host_path(volume.hostPath.path, volume.hostPath.type)
            continue
        contents = files(pod, volume, sources)
        path.mkdir(parents=True, exist_ok=True)
        if contents is None:
            path.chmod(0o777)  # emptyDir: whoever the container runs as may write
        else:
            write(path, contents)
        found[volume.name] = path
    return found


def files(pod: Pod, volume: Volume, sources: VolumeSources) -> dict[str, File] | None:
    """The files of a volume by relative path; None for an empty directory that belongs to the Pod."""
    try:
        if volume.emptyDir is not None or volume.ephemeral is not None:
            return None
        if volume.configMap is not None:
            config = volume.configMap
            return _config_map(pod, config.name, config.items, config.optional, config.defaultMode, sources)
        if volume.secret is not None:
            secret = volume.secret
            return _secret(pod, secret.secretName, secret.items, secret.optional, secret.defaultMode, sources)
        if volume.downwardAPI is not None:
            return _downward(pod, volume.downwardAPI.items, volume.downwardAPI.defaultMode, sources)
        if volume.projected is not None:
            return _projected(pod, volume.projected, sources)
    except ConfigError as error:
        raise VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error
    raise VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : this node has no plugin for its type')


def write(directory: Path, contents: Mapping[str, File]) -> None:
    """Bring a directory in line with the files that it is to have."""
    for path in sorted(directory.rglob("*"), reverse=True):
        name = path.relative_to(directory).as_posix()
        if path.is_dir():
            if not any(wanted.startswith(f"{name}/") for wanted in contents):
                path.rmdir()
        elif name not in contents:
            path.unlink()
    for name, file in contents.items():
        path = directory / name
        if path.exists() and path.read_bytes() == file.content and path.stat().st_mode & 0o777 == file.mode:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(file.content)
        temporary.chmod(file.mode)
        temporary.replace(path)


def host_path(path: str, kind: str) -> Path:
    found = Path(path)
    if kind in ("DirectoryOrCreate", "FileOrCreate") and not found.exists():
        found.parent.mkdir(parents=True, exist_ok=True)
        if kind == "FileOrCreate":
            found.touch(mode=0o644)
        else:
            found.mkdir(mode=0o755)
    tests: dict[str, Callable[[], bool]] = {"Directory": found.is_dir, "File": found.is_file, "Socket": found.is_socket}
    if not tests.get(kind, found.exists)():
        raise VolumeError(f"hostPath type check failed: {path} is not a {kind.lower() or 'path of this machine'}")
    return found


def inside(volume: Path, sub_path: str) -> Path:
    """A path below a volume, made if it isn't there; VolumeError if it leads out of it."""
    path = Path(os.path.realpath(volume / sub_path))
    if not path.is_relative_to(os.path.realpath(volume)):
        raise VolumeError(f"subPath {sub_path!r} is outside of its volume")
    if not path.exists():
        path.mkdir(parents=True)
    return path


def _config_map(
    pod: Pod,
    name: str,
    items: Iterable[KeyToPath],
    optional: bool | None,
    mode: int | None,
    sources: VolumeSources,
) -> dict[str, File]:
    found = sources.references.config_maps.get(name)
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'configmap "{name}" not found')
    data = {**{key: value.encode() for key, value in found.data.items()}, **found.binaryData}
    return _selected(data, items, optional, mode, f"configmap references non-existent config key: {{key}} ({name})")


def _secret(
    pod: Pod,
    name: str,
    items: Iterable[KeyToPath],
    optional: bool | None,
    mode: int | None,
    sources: VolumeSources,
) -> dict[str, File]:
    found = sources.references.secrets.get(name)
    if found is None:
        if optional:
            return {}
        raise ConfigError(f'secret "{name}" not found')
    return _selected(found.data, items, optional, mode, f"references non-existent secret key: {{key}} ({name})")


def _selected(
    data: Mapping[str, bytes], items: Iterable[KeyToPath], optional: bool | None, mode: int | None, missing: str
) -> dict[str, File]:
    """All keys, or those that `items` name, under the paths that they say."""
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
        if source.configMap is not None:
            config = source.configMap
            found |= _config_map(pod, config.name, config.items, config.optional, mode, sources)
        if source.secret is not None:
            secret = source.secret
            found |= _secret(pod, secret.name, secret.items, secret.optional, mode, sources)
        if source.downwardAPI is not None:
            found |= _downward(pod, source.downwardAPI.items, mode, sources)
        if source.serviceAccountToken is not None:
            token = sources.tokens[token_key(source.serviceAccountToken)]
            found[source.serviceAccountToken.path] = File(token.encode(), DEFAULT_MODE if mode is None else mode)
    return found
