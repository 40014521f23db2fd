"""What a container is started with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from podium.agent.container_start import Place, container_config
from podium.agent.environment import ConfigError, PodFacts, References
from podium.agent.runtime import ContainerConfig, Image
from podium.agent.volumes.setup import Placed
from tests.agent.build import pod


def started(tmp_path: Path, **security: Any) -> ContainerConfig:
    found = pod({"containers": [{"name": "c", "image": "app:v1", "command": ["x"], "securityContext": security}]})
    place = Place(tmp_path, {}, PodFacts("10.0.0.2", "10.0.0.1", {}), References({}, {}), mounts=True)
    return container_config(found, found.spec.containers[0], 0, Image("app:v1"), place)


@pytest.mark.parametrize(
    ("agent", "security", "problem"),
    [
        (0, {}, ""),
        (0, {"runAsNonRoot": True, "runAsUser": 1000}, ""),
        (0, {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root"),
        (0, {"runAsNonRoot": True, "runAsUser": 0}, "container's runAsUser breaks non-root policy"),
        (1000, {"runAsNonRoot": True}, ""),  # containers run as who runs the agent
    ],
)
def test_who_must_not_be_root(
    agent: int, security: dict[str, Any], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: agent)
    if not problem:
        assert started(tmp_path, **security).user == security.get("runAsUser")
        return
    with pytest.raises(ConfigError) as caught:
        started(tmp_path, **security)
    assert str(caught.value) == f'{problem} (pod: "web_default(u1)", container: c)'


def test_where_volumes_are_that_cannot_be_mounted(tmp_path: Path) -> None:
    mounts = [
        {"name": "part", "mountPath": "/a", "subPath": "in/side"},
        {"name": "twice-used", "mountPath": "/b", "subPath": "x"},
        {"name": "twice-used", "mountPath": "/c"},
    ]
    found = pod({"containers": [{"name": "c", "image": "app:v1", "command": ["x"], "volumeMounts": mounts}]})
    volumes = {name: Placed(tmp_path / name) for name in ("part", "twice-used")}
    for volume in volumes.values():
        volume.path.mkdir()
    place = Place(tmp_path, volumes, PodFacts("10.0.0.2", "10.0.0.1", {}), References({}, {}), mounts=False)
    environment = container_config(found, found.spec.containers[0], 0, Image("app:v1"), place).environment
    assert environment["PODIUM_VOLUME_PART"] == str(tmp_path / "part" / "in" / "side")
    assert environment["PODIUM_VOLUME_TWICE_USED"] == str(tmp_path / "twice-used")
