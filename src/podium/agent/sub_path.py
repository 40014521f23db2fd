"""subPath and subPathExpr of a mount: a part of a volume (API reference: VolumeMount)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from podium.agent.beneath import open_beneath
from podium.agent.environment import ConfigError, expand_strictly
from podium.models.core_v1 import Container, VolumeMount


def sub_path(container: Container, mount: VolumeMount, volume: Path, environment: Mapping[str, str]) -> str:
    """The path below the volume that is mounted, made if it isn't there; empty for the whole volume. ConfigError."""
    path = mount.subPath or expand_strictly(mount.subPathExpr, environment)
    if not path:
        return ""
    if path.startswith("/"):
        raise ConfigError(f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        raise ConfigError(f"unable to provision SubPath `{path}`: must not contain '..'")
    try:
        root = os.open(volume, os.O_PATH | os.O_DIRECTORY)
        try:
            os.close(open_beneath(root, path, make=os.fstat(root).st_mode & 0o7777))
        finally:
            os.close(root)
    except OSError as error:  # what is behind the path is not the Pod's business
        message = f'failed to prepare subPath for volumeMount "{mount.name}" of container "{container.name}"'
        raise ConfigError(message) from error
    return path
