"""What a container sees of the machine, and where its volumes are mounted."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from podium.agent.runtimes.process.shim import enter, supervise


def test_links_are_followed_inside_the_new_root(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("/run")
    (tmp_path / "run" / "data").mkdir()
    assert enter._place(str(tmp_path), "/var/data", {"/"}, directory=True) == f"{tmp_path}/run/data"


def test_links_that_lead_nowhere_are_followed_only_so_far(tmp_path: Path) -> None:
    """A container may have left such a one in a volume, where another volume is to be mounted."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        enter._place(str(tmp_path), "/a", {"/"}, directory=True)
    assert caught.value.errno == errno.ELOOP


def test_what_somebody_removes_meanwhile_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, shown = tmp_path / "machine", tmp_path / "shown"
    for directory in (machine, shown, machine / "stays", machine / "goes"):
        directory.mkdir()
    (machine / "file").touch()
    (machine / "link").symlink_to("file")
    entries = list(os.scandir(machine))
    (machine / "goes").rmdir()
    (machine / "file").unlink()
    (machine / "link").unlink()

    def mount(source: str, target: str, _flags: int) -> None:
        if not os.path.exists(source):
            raise OSError(errno.ENOENT, f"mount {source} on {target}: No such file or directory")

    monkeypatch.setattr(enter, "_mount", mount)
    monkeypatch.setattr(os, "scandir", lambda _: entries)
    enter._show(str(machine), str(shown))
    assert os.listdir(shown) == ["stays"]


def test_a_mount_that_fails_is_no_missing_program() -> None:
    config: Any = {"argv": ["sh"]}
    failed = OSError(errno.ENOENT, "mount /a on /b: No such file or directory")
    assert supervise._why(config, failed).endswith('exec: "sh": [Errno 2] mount /a on /b: No such file or directory')
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "/bin/sh")
    assert supervise._why(config, missing).endswith('exec: "sh": executable file not found in $PATH')
