"""Parts of volumes: nothing outside of the volume can be reached, whatever links its owner makes in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.agent.beneath import open_beneath
from podium.agent.environment import ConfigError
from podium.agent.sub_path import sub_path
from podium.models.core_v1 import Container, VolumeMount


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "volume" / "a" / "b").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    found = os.open(tmp_path / "volume", os.O_PATH)
    yield found
    os.close(found)


def opened(root: int, path: str) -> str:
    """What the path leads to."""
    found = open_beneath(root, path)
    try:
        return os.readlink(f"/proc/self/fd/{found}")
    finally:
        os.close(found)


def test_links_inside_the_volume_are_followed(root: int, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    (volume / "link").symlink_to("a/../a/b")
    (volume / "a" / "b" / "file").touch()
    assert opened(root, "link/file") == str(volume / "a" / "b" / "file")


@pytest.mark.parametrize("target", ["..", "../secret", "a/../../secret", "/etc", "loop"])
def test_links_that_lead_out_are_not(root: int, tmp_path: Path, target: str) -> None:
    (tmp_path / "volume" / "loop").symlink_to(target)
    with pytest.raises(OSError, match=r"leads out|symbolic links"):
        opened(root, "loop")


def test_a_directory_that_was_swapped_for_a_link_after_the_look(root: int, tmp_path: Path) -> None:
    """The container starts later than the path was looked at: the walk is done again, and doesn't leave."""
    volume = tmp_path / "volume"
    assert sub_path(Container(name="c"), VolumeMount(name="v", subPath="a/b"), volume, {}) == "a/b"
    (volume / "a" / "b").rmdir()
    (volume / "a" / "b").symlink_to("../../secret")
    with pytest.raises(OSError, match="leads out"):
        opened(root, "a/b")


def test_what_is_not_there_is_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    mount = VolumeMount(name="v", subPathExpr="$(POD)/logs")
    assert sub_path(Container(), mount, tmp_path, {"POD": "web"}) == "web/logs"
    assert (tmp_path / "web" / "logs").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        (VolumeMount(name="v", subPath="/etc"), "error SubPath `/etc` must not be an absolute path"),
        (VolumeMount(name="v", subPathExpr="$(A)/x"), "unable to provision SubPath `../x`: must not contain '..'"),
        (VolumeMount(name="v", subPathExpr="$(B)"), "missing value for B"),
        (VolumeMount(name="v", subPath="out"), 'failed to prepare subPath for volumeMount "v" of container "c"'),
    ],
)
def test_what_is_refused(mount: VolumeMount, message: str, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    with pytest.raises(ConfigError) as caught:
        sub_path(Container(name="c"), mount, tmp_path, {"A": ".."})
    assert str(caught.value) == message
