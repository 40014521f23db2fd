"""The last messages of containers, which may do with their files what they like."""

from __future__ import annotations

import os
from pathlib import Path

from podium.agent.termination_message import MESSAGE_BYTES, read

LOG = b"2026-01-01T00:00:00.000000000Z stdout F last words\n"


def test_the_beginning_of_a_long_message(tmp_path: Path) -> None:
    (tmp_path / "message").write_text("x" * 5000)
    assert read(tmp_path / "message", tmp_path / "log", 1, "File") == "x" * MESSAGE_BYTES


def test_a_failed_container_that_left_none_may_fall_back_to_its_log(tmp_path: Path) -> None:
    message, log = tmp_path / "message", tmp_path / "log"
    message.touch()
    log.write_bytes(LOG)
    assert read(message, log, 1, "FallbackToLogsOnError") == "last words\n"
    assert read(message, log, 0, "FallbackToLogsOnError") == ""
    assert read(message, log, 1, "File") == ""


def test_a_container_may_have_removed_the_file(tmp_path: Path) -> None:
    message = tmp_path / "message"
    expected = f"Error on reading termination log {message}: No such file or directory"
    assert read(message, tmp_path / "log", 1, "File") == expected


def test_nobody_waits_for_the_other_end_of_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "message")
    assert read(tmp_path / "message", tmp_path / "log", 1, "File") == ""


def test_a_link_shows_nothing_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "message").symlink_to(tmp_path / "secret")
    assert "secret" not in read(tmp_path / "message", tmp_path / "log", 1, "File")


def test_the_containers_of_a_pod_share_what_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "message").write_text("x" * 5000)
    assert len(read(tmp_path / "message", tmp_path / "log", 1, "File", containers=3)) == 4096
    assert len(read(tmp_path / "message", tmp_path / "log", 1, "File", containers=12)) == 1024
