"""The first start of a cluster: its certificates are made beside the server, not in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

START = """
import sys
from pathlib import Path
from podium.cli.cluster_up import _certificates_made_meanwhile

with _certificates_made_meanwhile(Path(sys.argv[1])):
    pass
assert "cryptography" not in sys.modules
"""


def make(pki: Path) -> None:
    subprocess.run([sys.executable, "-c", START, str(pki)], check=True, timeout=60)


def test_certificates_are_there_when_the_server_needs_them(tmp_path: Path) -> None:
    make(tmp_path / "pki")
    assert {"ca.crt", "server.crt", "admin.key", "sa.key"} <= {path.name for path in (tmp_path / "pki").iterdir()}


def test_those_that_are_there_are_left_to_the_server(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    make(tmp_path / "pki")
    assert not any((tmp_path / "pki").iterdir())


def test_what_cannot_be_made_is_left_to_the_server_to_tell(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    make(tmp_path / "file" / "pki")
