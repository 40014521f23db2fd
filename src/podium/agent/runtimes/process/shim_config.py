"""What a shim is told to run: a container's configuration with what the machine and the Pod's place add to it."""

from __future__ import annotations

import os
import pwd
import signal
from dataclasses import dataclass
from pathlib import Path

from podium.agent.runtime import ContainerConfig, Mount, Sandbox
from podium.agent.runtimes.process.network import PodNetwork
from podium.agent.runtimes.process.shim import left_behind, records

LOG_BYTES = 10 * 1024 * 1024
LOG_FILES = 5
NETWORK_FILES = ("hosts", "resolv.conf")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the container's files are."""

    pod: Path
    directory: Path
    log: Path


def shim_config(
    container_id: str, sandbox: Sandbox, config: ContainerConfig, place: Place, network: PodNetwork, host_network: bool
) -> records.Config:
    root = os.geteuid() == 0
    mounts = _mounts(config, place, host_network) if network.isolated else list(config.mounts)
    return records.Config(
        id=container_id,
        image=config.image,
        image_id=config.image_id,
        argv=list(config.command),
        environment={
            **_surroundings(sandbox, place, network, host_network),
            "HOME": _home(config.user if root else None),
            **config.environment,
            left_behind.MARK: str(place.directory.absolute()),
        },
        working_dir=config.working_dir,
        log=str(place.log),
        log_bytes=LOG_BYTES,
        log_files=LOG_FILES,
        stop_signal=_signal_number(config.stop_signal),
        user=config.user if root else None,
        group=config.group if root else None,
        groups=list(config.groups) if root else [],
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        tty=config.tty,
        isolated=network.isolated,
        root=str(place.directory / "root"),
        namespace=sandbox.network,
        hostname=sandbox.hostname,
        mounts=[
            records.MountConfig(
                source=str(mount.source), target=mount.target, read_only=mount.read_only, sub_path=mount.sub_path
            )
            for mount in mounts
        ],
    )


def _mounts(config: ContainerConfig, place: Place, host_network: bool) -> list[Mount]:
    mounts = list(config.mounts)
    if config.termination_message_path:
        mounts.append(Mount(place.directory / "termination-log", config.termination_message_path))
    taken = {mount.target for mount in mounts}
    own = ("hosts",) if host_network else NETWORK_FILES
    files = [Mount(place.pod / name, f"/etc/{name}") for name in own]
    return [*mounts, *(mount for mount in files if mount.target not in taken)]


def _surroundings(sandbox: Sandbox, place: Place, network: PodNetwork, host_network: bool) -> dict[str, str]:
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOSTNAME": sandbox.hostname,
    }
    if not host_network:
        found.update(network.environment(sandbox.ip))
    if not network.isolated:
        found["PODIUM_TERMINATION_LOG"] = str(place.directory / "termination-log")
    return found


def _home(user: int | None) -> str:
    """The user's own, as container runtimes have it."""
    if user is None:
        return os.environ.get("HOME", "/")
    try:
        return pwd.getpwuid(user).pw_dir or "/"
    except KeyError:
        return "/"


def _signal_number(name: str) -> int:
    return int(getattr(signal, name, signal.SIGTERM)) if name else int(signal.SIGTERM)
