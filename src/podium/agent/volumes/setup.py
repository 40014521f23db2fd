"""Makes the volumes of a Pod: a directory each, filled if its files come from the API."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from podium.agent.volumes import atomic, claims
from podium.agent.volumes.contents import VolumeError, VolumeSources, files, fs_group
from podium.agent.volumes.host_path import HostPathError, host_path
from podium.models import pod_claims
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


def set_up(
    pod: Pod, directory: Path, sources: VolumeSources, now: datetime, placed: Mapping[str, Placed] | None = None
) -> dict[str, Placed]:
    """Make and fill every volume below that directory; where each is. Of those that are `placed` already only the files
    are brought up to date. VolumeError with what is wrong with the first one, when all others have been seen to."""
    found = dict(placed or {})
    problems: list[VolumeError] = []
    for volume in pod.spec.volumes:
        if volume.name in found and not shows_objects(volume):
            continue
        try:
            found[volume.name] = _place(pod, volume, directory / volume.name, sources, now)
        except VolumeError as error:
            problems.append(error)
        except OSError as error:
            problems.append(VolumeError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'))
    if problems:
        raise problems[0]
    return found


def _place(pod: Pod, volume: Volume, path: Path, sources: VolumeSources, now: datetime) -> Placed:
    failed = f'MountVolume.SetUp failed for volume "{volume.name}" : '
    if volume.hostPath is not None:
        try:
            return Placed(host_path(volume.hostPath.path, volume.hostPath.type))
        except (HostPathError, OSError) as error:
            raise VolumeError(f"{failed}{error}") from error
    if pod_claims.claim_name(pod, volume):
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
        _own_all(pod, path)
    return Placed(path, read_only)


def _own_all(pod: Pod, path: Path) -> None:
    """What earlier Pods have left behind is the group's, too (API reference: fsGroupChangePolicy)."""
    group = fs_group(pod)
    security = pod.spec.securityContext
    if group is None or security is None or os.geteuid() != 0:
        return
    root = path.stat()
    owned = root.st_gid == group and root.st_mode & 0o2770 == 0o2770
    if security.fsGroupChangePolicy == "OnRootMismatch" and owned:
        return
    for _, _, names, folder in os.fwalk(path, topdown=False):  # the root last: it tells that all was done
        for name in names:
            _own_file(name, folder, group)
        os.fchown(folder, -1, group)
        os.fchmod(folder, os.fstat(folder).st_mode & 0o7777 | 0o2770)


def _own_file(name: str, folder: int, group: int) -> None:
    """What is in the folder under that name, even if that is changed meanwhile. Links stay as they are."""
    try:
        found = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:  # another Pod that uses the volume has just removed it
        return
    try:
        mode = os.fstat(found).st_mode
        if not stat.S_ISLNK(mode):
            os.chown(f"/proc/self/fd/{found}", -1, group)
            os.chmod(f"/proc/self/fd/{found}", mode & 0o7777 | 0o660)
    finally:
        os.close(found)


def _own(path: Path, group: int | None) -> None:
    """The Pod's group may write, and owns what is made inside."""
    if group is None or os.geteuid() != 0:
        return
    os.chown(path, -1, group)
    path.chmod(path.stat().st_mode & 0o7777 | 0o2770)
