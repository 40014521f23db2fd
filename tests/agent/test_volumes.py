"""What volumes contain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podium.agent import volumes
from podium.agent.environment import PodFacts, References
from podium.agent.volumes import File, VolumeError, VolumeSources
from podium.models.core_v1 import ConfigMap, Secret

from .build import pod

MAP = ConfigMap(data={"a": "1", "b": "2"}, binaryData={"raw": b"\x00"})
SOURCES = VolumeSources(
    References({"cfg": MAP, "gone": None}, {"sec": Secret(data={"password": b"x"}), "gone": None}),
    PodFacts("", "", {}),
    {("", 3607): "the-token"},
)


def files(volume: dict[str, Any]) -> dict[str, File] | None:
    found = pod({"volumes": [{"name": "v", **volume}]})
    return volumes.files(found, found.spec.volumes[0], SOURCES)


def texts(volume: dict[str, Any]) -> dict[str, bytes]:
    return {name: file.content for name, file in (files(volume) or {}).items()}


def test_config_maps_and_secrets() -> None:
    assert texts({"configMap": {"name": "cfg"}}) == {"a": b"1", "b": b"2", "raw": b"\x00"}
    chosen = files({"secret": {"secretName": "sec", "items": [{"key": "password", "path": "db/pw", "mode": 0o400}]}})
    assert chosen == {"db/pw": File(b"x", 0o400)}


def test_the_volume_that_every_pod_has() -> None:
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "cfg", "items": [{"key": "a", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    assert texts({"projected": {"sources": sources}}) == {
        "token": b"the-token",
        "ca.crt": b"1",
        "namespace": b"default",
    }


def test_an_empty_directory() -> None:
    assert files({"emptyDir": {}}) is None


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        ({"configMap": {"name": "cfg", "items": [{"key": "z", "path": "z"}]}}, "non-existent config key: z"),
        ({"nfs": {"server": "s", "path": "/"}}, "no plugin"),
    ],
)
def test_what_is_missing_is_named(volume: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError, match=message) as caught:
        files(volume)
    assert str(caught.value).startswith('MountVolume.SetUp failed for volume "v" : ')


def test_optional_sources_may_be_missing() -> None:
    assert files({"configMap": {"name": "gone", "optional": True}}) == {}


def test_writing_brings_a_directory_in_line(tmp_path: Path) -> None:
    volumes.write(tmp_path, {"a": File(b"1"), "d/b": File(b"2", 0o400)})
    kept = (tmp_path / "a").stat().st_ino
    volumes.write(tmp_path, {"a": File(b"1"), "c": File(b"3")})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "c"]
    assert (tmp_path / "a").stat().st_ino == kept
    volumes.write(tmp_path, {"a": File(b"new"), "c": File(b"3")})
    assert (tmp_path / "a").read_bytes() == b"new"


def test_sub_paths_stay_inside(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    assert volumes.inside(volume, "deep/er").is_dir()
    (volume / "link").symlink_to(tmp_path)
    for path in ("../other", "link"):
        with pytest.raises(VolumeError):
            volumes.inside(volume, path)


def test_host_paths_are_checked(tmp_path: Path) -> None:
    assert volumes.host_path(str(tmp_path / "new"), "DirectoryOrCreate").is_dir()
    with pytest.raises(VolumeError):
        volumes.host_path(str(tmp_path / "none"), "File")
