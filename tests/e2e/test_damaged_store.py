"""A disk has changed bits in the file of a cluster: it starts, says what can't be read, and can be mended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from podium.cli.rest import ServerError
from tests.e2e.cluster import Server


def damage(data_dir: Path, key: str) -> None:
    """Flip the highest bit of a byte in the middle of what is stored."""
    with closing(sqlite3.connect(data_dir / "store.db")) as file, file:
        query = "SELECT revision, value FROM log WHERE key = ? ORDER BY revision DESC LIMIT 1"
        [(revision, value)] = file.execute(query, (key,))
        middle = len(value) // 2
        changed = value[:middle] + bytes([value[middle] ^ 0x80]) + value[middle + 1 :]
        file.execute("UPDATE log SET value = ? WHERE revision = ?", (changed, revision))


@pytest.mark.parametrize("driver", ["kubectl", "podium"])
def test_a_damaged_object_can_be_found_and_deleted(tmp_path: Path, driver: str) -> None:
    server = Server(tmp_path, runtime="simulated")
    server.up()
    cli = server.driver(driver)
    try:
        for name in ("bad", "good"):
            cli(f"create configmap {name} --from-literal=a=1")
        server.down()
        damage(tmp_path, "/configmaps/default/bad")
        damage(tmp_path, "/serviceaccounts/default/default")
        damage(tmp_path, "/nodes/node-1")
        server.up()
        log = (tmp_path / "server.log").read_text()
        assert "ConfigMap default/bad of revision" in log
        assert "ServiceAccount default/default of revision" in log
        with server.api as api, pytest.raises(ServerError, match="default/bad"):
            api.tree("GET", "/api/v1/namespaces/default/configmaps")
        assert "good" in cli("get configmap good")
        for what in ("configmap bad", "serviceaccount default", "node node-1"):
            assert "deleted" in cli(f"delete {what}")
        assert "good" in cli("get configmaps")
        server.until("/api/v1/nodes", lambda found: "node-1" in found)
    finally:
        server.down()
