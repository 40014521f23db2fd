"""Where volumes are mounted."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from podium.agent.runtimes.process.shim.enter import _place


def test_links_are_followed_inside_the_new_root(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("/run")
    (tmp_path / "run" / "data").mkdir()
    assert _place(str(tmp_path), "/var/data", {"/"}, directory=True) == f"{tmp_path}/run/data"


def test_links_that_lead_nowhere_are_followed_only_so_far(tmp_path: Path) -> None:
    """A container may have left such a one in a volume, where another volume is to be mounted."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        _place(str(tmp_path), "/a", {"/"}, directory=True)
    assert caught.value.errno == errno.ELOOP
