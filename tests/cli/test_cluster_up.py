"""The start of a server: certificates are made beside it, and what it ignores is its own affair."""

from __future__ import annotations

import os
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


def test_a_start_reads_none_of_the_machine_s_certificates(tmp_path: Path) -> None:
    start = """
import os, ssl, sys
from pathlib import Path
from podium.cli import cluster_up

read, real = [], ssl.create_default_context

def noting(*given, **named):
    read.append(os.environ.get("SSL_CERT_FILE"))
    return real(*given, **named)

ssl.create_default_context = noting
cluster_up._import_server(Path(sys.argv[1]))
import podium.cluster, podium.server.server
assert "SSL_CERT_FILE" not in os.environ
assert set(read) == {os.devnull}, read
"""
    environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    subprocess.run([sys.executable, "-c", start, str(tmp_path)], check=True, timeout=60, env=environment)


def test_programs_of_a_server_in_the_background_can_be_interrupted() -> None:
    start = (
        "import signal, subprocess\n"
        "from podium.cli.cluster_up import _keep_to_itself_what_is_ignored\n"
        "for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)\n"
        "_keep_to_itself_what_is_ignored()\n"
        "signal.raise_signal(signal.SIGHUP)\n"
        "subprocess.run(['cat', '/proc/self/status'], check=True)\n"
    )
    shown = subprocess.run([sys.executable, "-c", start], check=True, timeout=60, stdout=subprocess.PIPE, text=True)
    ignored = next(line for line in shown.stdout.splitlines() if line.startswith("SigIgn"))
    assert int(ignored.split()[1], 16) & 0b111 == 0
