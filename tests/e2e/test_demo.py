"""`podium demo`: what a new user sees first."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.e2e.cluster import PODIUM, Server

pytestmark = pytest.mark.e2e


def test_the_demo_shows_pods_and_an_address_that_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*PODIUM, "demo", "--data-dir", str(tmp_path), "--port", "0", "--runtime", "process"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert demo.stdout is not None
    with demo:
        shown = ""
        for line in demo.stdout:
            shown += line
            if "Ctrl-C stops the cluster." in line:
                break
        cluster = Server(tmp_path)
        try:
            assert len(re.findall(r"^(?:myapp|flask-deploy)-\S+ +1/1 +Running", shown, re.MULTILINE)) == 4, shown
            assert f"Kubeconfig:  {tmp_path / 'kubeconfig'}" in shown
            address = re.search(r"http://(\S+):5000/index", shown)
            assert address, shown
            with urlopen(address[0], timeout=60) as response:
                assert b"v1" in response.read()
        finally:
            demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    assert cluster.processes() == []
