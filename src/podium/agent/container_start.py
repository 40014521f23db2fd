"""What a container is started with: command, environment, mounts, user; from its spec, its image, the Pod's place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podium.agent.environment import ConfigError, PodFacts, References, container_environment, expand
from podium.agent.runtime import ContainerConfig, Image, Mount, RuntimeFailure
from podium.agent.sub_path import sub_path
from podium.agent.volumes.setup import Placed
from podium.models.core_v1 import Container, Pod

TERMINATION_LOG = "/dev/termination-log"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the container will run."""

    directory: Path
    volumes: Mapping[str, Placed]
    facts: PodFacts
    references: References
    mounts: bool
    """Whether mounts are carried out; otherwise the container is told where its volumes are."""


def container_config(pod: Pod, container: Container, attempt: int, image: Image, place: Place) -> ContainerConfig:
    """ConfigError or RuntimeFailure when something that is referred to isn't there."""
    environment = {**image.environment, **container_environment(pod, container, place.references, place.facts)}
    mounts = _mounts(container, place, environment)
    command = container.command or image.command
    args = container.args or (() if container.command else image.args)
    argv = tuple(expand(word, environment) for word in (*command, *args))
    if not argv:
        raise RuntimeFailure("no command specified", "CreateContainerError")
    if not place.mounts:
        environment |= _volume_variables(container, mounts)
    user, group = _user(pod, container)
    security = pod.spec.securityContext
    groups = security.supplementalGroups if security is not None else ()
    if security is not None and security.fsGroup is not None:
        groups = (*groups, security.fsGroup)
    return ContainerConfig(
        name=container.name,
        attempt=attempt,
        image=container.image,
        image_id=image.id,
        command=argv,
        environment=environment,
        working_dir=container.workingDir or image.working_dir,
        mounts=mounts,
        user=user,
        group=group,
        groups=tuple(groups),
        stdin=bool(container.stdin),
        stdin_once=bool(container.stdinOnce),
        tty=bool(container.tty),
        stop_signal=container.lifecycle.stopSignal if container.lifecycle is not None else "",
        termination_message_path=container.terminationMessagePath or TERMINATION_LOG,
    )


def _mounts(container: Container, place: Place, environment: Mapping[str, str]) -> tuple[Mount, ...]:
    found = []
    for mount in container.volumeMounts:
        volume = place.volumes.get(mount.name)
        if volume is None:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container "{container.name}"')
        path = sub_path(container, mount, volume.path, environment)
        read_only = bool(mount.readOnly) or volume.read_only
        found.append(Mount(volume.path, mount.mountPath, read_only, path))
    return tuple(found)


def _volume_variables(container: Container, mounts: tuple[Mount, ...]) -> dict[str, str]:
    """PODIUM_VOLUME_<NAME>: where each volume is that the container would mount, or the part of it that it would mount;
    the whole one if it would mount it more than once."""
    found: dict[str, str] = {}
    for asked, mount in zip(container.volumeMounts, mounts, strict=True):
        name = f"PODIUM_VOLUME_{asked.name.upper().replace('-', '_').replace('.', '_')}"
        found[name] = str(mount.source if name in found else mount.source / mount.sub_path)
    return found


def _user(pod: Pod, container: Container) -> tuple[int | None, int | None]:
    """User and group; the container's own word comes before the Pod's."""
    user = group = None
    non_root = False
    for context in (pod.spec.securityContext, container.securityContext):
        if context is not None:
            user = context.runAsUser if context.runAsUser is not None else user
            group = context.runAsGroup if context.runAsGroup is not None else group
            non_root = context.runAsNonRoot if context.runAsNonRoot is not None else non_root
    if non_root and (user == 0 or (user is None and os.geteuid() == 0)):
        why = "image will run as root" if user is None else "runAsUser breaks non-root policy"
        start = "container has runAsNonRoot and" if user is None else "container's"
        metadata = pod.metadata
        where = f'"{metadata.name}_{metadata.namespace}({metadata.uid})"'
        raise ConfigError(f"{start} {why} (pod: {where}, container: {container.name})")
    return user, group if group is not None or user is None else user
