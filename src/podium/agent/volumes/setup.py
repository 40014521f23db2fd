"""Makes the volumes of a Pod: a directory each, filled if its files come from the API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from podium.agent.volumes import atomic, claims
from podium.agent.volumes.contents import VolumeError, VolumeSources, files, fs_group
from podium.agent.volumes.host_path import HostPathError, host_path
from podium.models.core_v1 import Pod, Volume


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a volume is on the machine."""

    path: Path
    read_only: bool = False
    """Nobody may write to it, whatever a mount says."""


def shows_objects(volume: Volume) -> bool:
    """Whether the agent writes the volume's files, and again whenever what they show changes."""
    return any((volume.configMap, volume.secret, volume.projected, volume.downwardAPI))


def set_up(pod: Pod, directory: Path, sources: VolumeSources, now: datetime) -> dict[str, Placed]:
    """Make and fill every volume below that directory; where each is. VolumeError."""
    return {volume.name: _place(pod, volume, directory / volume.name, sources, now) for volume in pod.spec.volumes}


def _place(pod: Pod, volume: Volume, path: Path, sources: VolumeSources, now: datetime) -> Placed:
    failed = f'MountVolume.SetUp failed for volume "{volume.name}" : '
    if volume.hostPath is not None:
        try:
            return Placed(host_path(volume.hostPath.path, volume.hostPath.type))
        except (HostPathError, OSError) as error:
            raise VolumeError(f"{failed}{error}") from error
    if claims.claim_name(pod, volume):
        return _claimed(pod, volume, sources)
    if not shows_objects(volume) and volume.emptyDir is None:
        raise VolumeError(f"{failed}this node has no plugin for its type")
    contents = files(pod, volume, sources)
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    group = fs_group(pod)
    if contents is not None:
        path.chmod(0o755)
        atomic.write(path, contents, now, group)
        return Placed(path, read_only=True)
    if new:
        path.chmod(0o777)  # whoever the container runs as may write
        _own(path, group)
    return Placed(path)


def _claimed(pod: Pod, volume: Volume, sources: VolumeSources) -> Placed:
    try:
        found = claims.check(pod, volume, sources.claims)
    except claims.ClaimError as error:
        raise VolumeError(f"Unable to attach or mount volumes: unmounted volumes=[{volume.name}], {error}") from error
    try:
        path = claims.directory(found, sources.node_name, sources.node_labels)
    except claims.ClaimError as error:
        message = f'MountVolume.SetUp failed for volume "{found.metadata.name}" : {error}'
        raise VolumeError(message) from error
    source = volume.persistentVolumeClaim
    read_only = source is not None and bool(source.readOnly)
    if found.spec.local is not None and not read_only:
        _own(path, fs_group(pod))
    return Placed(path, read_only)


def _own(path: Path, group: int | None) -> None:
    """The Pod's group may write, and owns what is made inside."""
    if group is None or os.geteuid() != 0:
        return
    os.chown(path, -1, group)
    path.chmod(path.stat().st_mode & 0o7777 | 0o2770)
