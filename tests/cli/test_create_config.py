"""ConfigMaps and Secrets from texts, files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podium.cli.create_config import config_map, secret
from podium.cli.failure import Failure


def options(**given: Any) -> dict[str, Any]:
    return {"literals": (), "files": (), "env_files": (), "secret_type": "", **given}


def test_a_config_map(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "below").mkdir()
    assert config_map("c", options(literals=("a=b=c",), files=(str(tmp_path), f"k={tmp_path}/text"))) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": "b=c", "text": "one\n", "k": "one\n"},
        "binaryData": {"bytes": "/w=="},
    }
    assert "data" not in config_map("c", options())


def test_a_secret_of_lines(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("# a comment\n\nA=1\n B=x y\nC\n")
    made = secret("s", options(env_files=(str(tmp_path / "env"),), secret_type="example.com/x"))
    assert (made["data"], made["type"]) == ({"A": "MQ==", "B": "eCB5", "C": ""}, "example.com/x")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"literals": ("a=1", "a=2")}, 'cannot add key "a", another key by that name already exists in Data for'),
        ({"literals": ("a",)}, "invalid literal source a, expected key=value"),
        ({"literals": ("a=b",), "env_files": ("x",)}, "from-env-file cannot be combined"),
        ({"files": ("k=/",)}, "cannot give a key name for a directory path"),
    ],
)
def test_wrong_entries(given: dict[str, Any], why: str) -> None:
    with pytest.raises(Failure, match=why):
        config_map("c", options(**given))
