"""podium cp: which end is where, and that an archive writes nowhere but where it may."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from podium.cli.cp import Place, archive_prefix, place, unpack
from podium.cli.failure import Failure


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("file", Place("file")),
        ("/a/b", Place("/a/b")),
        ("web-1:/a", Place("/a", "web-1")),
        ("blue/web-1:a:b", Place("a:b", "web-1", "blue")),
        ("web-1:", Place("", "web-1")),
    ],
)
def test_places(text: str, end: Place) -> None:
    assert place(text) == end


@pytest.mark.parametrize("text", [":x", "a/b/c:x", "blue/:x"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(Failure, match="canonical format"):
        place(text)


@pytest.mark.parametrize(
    ("source", "prefix"), [("/var/log/", "var/log"), ("../../etc", "etc"), ("./a", "a"), ("/", ""), ("a/../b", "b")]
)
def test_what_tar_calls_a_path(source: str, prefix: str) -> None:
    assert archive_prefix(source) == prefix


def archive(*entries: tuple[str, str]) -> tarfile.TarFile:
    """Of (name, content); "/" for a folder, "-> x" for a link."""
    data = io.BytesIO()
    with tarfile.open(mode="w", fileobj=data) as made:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if content == "/":
                entry.type = tarfile.DIRTYPE
            elif content.startswith("-> "):
                entry.type, entry.linkname = tarfile.SYMTYPE, content[3:]
            else:
                entry.size, entry.mode = len(content), 0o755
            made.addfile(entry, io.BytesIO(content.encode()) if entry.size else None)
    data.seek(0)
    return tarfile.open(fileobj=data)


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    unpack(archive(("var/log", "/"), ("var/log/a/b", "text"), ("var/log/c", "x")), "var/log", tmp_path / "to")
    assert (tmp_path / "to" / "a" / "b").read_text() == "text"
    assert (tmp_path / "to" / "c").stat().st_mode & 0o777 == 0o755
    unpack(archive(("etc/hosts", "127.0.0.1")), "etc/hosts", tmp_path / "hosts")
    assert (tmp_path / "hosts").read_text() == "127.0.0.1"


def test_nothing_is_written_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = tmp_path / "to"
    unpack(archive(("d/../../out", "bad"), ("d/link", "-> /etc"), ("d/link/x", "fine")), "d", inside)
    assert not (tmp_path / "out").exists()
    assert (inside / "link" / "x").read_text() == "fine", "no link was made"
    said = capsys.readouterr().err
    assert "is outside target destination, skipping" in said
    assert f'skipping symlink: "{inside}/link" -> "/etc"' in said
    with pytest.raises(Failure, match="tar contents corrupted"):
        unpack(archive(("else/where", "bad")), "d", inside)
    with pytest.raises(Failure, match="tar contents corrupted"):
        unpack(archive(("dad", "bad")), "d", inside)


def test_a_file_does_not_replace_a_folder(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="is a directory"):
        unpack(archive(("a", "x")), "a", tmp_path)
    with pytest.raises(Failure, match="not a directory"):
        unpack(archive(("a/b", "x"), ("a/b/c/d", "y")), "a", tmp_path / "new")
