"""What Pods are called inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podium.agent.hostname import PodName, pod_name
from podium.agent.runtime import RuntimeFailure, Sandbox, SandboxConfig
from podium.agent.runtimes.process import hosts_file

from .build import pod

FULL = "db-0.db.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, PodName("web", ("web",))),
        ({"hostname": "db-0"}, PodName("db-0", ("db-0",))),
        ({"hostname": "db-0", "subdomain": "db"}, PodName("db-0", (FULL, "db-0"))),
        ({"hostname": "db-0", "subdomain": "db", "setHostnameAsFQDN": True}, PodName(FULL, (FULL, "db-0"))),
        ({"hostname": "db-0", "hostnameOverride": "a.example.org"}, PodName("a.example.org", ("a.example.org",))),
    ],
)
def test_names(spec: dict[str, Any], wanted: PodName) -> None:
    assert pod_name(pod(spec)) == wanted


def test_a_long_name_is_cut_where_it_may_end() -> None:
    assert pod_name(pod(None, name="a" * 62 + "-bcd")).hostname == "a" * 62


def test_a_full_name_has_to_fit() -> None:
    with pytest.raises(RuntimeFailure, match=r"is too long \(64 characters is the max, 6\d characters requested\)"):
        pod_name(pod({"hostname": "h" * 40, "subdomain": "s", "setHostnameAsFQDN": True}))


def test_a_pod_on_the_machines_network_knows_what_the_machine_knows(tmp_path: Path) -> None:
    config = SandboxConfig("u", "default", "web", "web", host_network=True, host_aliases=(("1.2.3.4", ("a",)),))
    own = hosts_file.content(Sandbox("u", "default", "web", "10.0.0.1"), config)
    machine = hosts_file.MACHINE.read_text().splitlines()
    assert own.splitlines() == [
        "# Kubernetes-managed hosts file (host network).",
        *machine,
        *("", "# Entries added by HostAliases.", "1.2.3.4\ta"),
    ]


def test_an_update_changes_the_file_in_place(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1\tlocalhost\n")
    with path.open() as mounted:
        hosts_file.update(path, [("10.96.0.9", ("web.default", "web"))])
        assert mounted.read().endswith("\n10.96.0.9\tweb.default\tweb\n")
        hosts_file.update(path, [])
        mounted.seek(0)
        assert mounted.read() == "127.0.0.1\tlocalhost\n"


def test_the_hosts_file() -> None:
    sandbox = Sandbox("u", "default", "web", "10.0.0.7")
    config = SandboxConfig(
        "u", "default", "web", "db-0", own_names=(FULL, "db-0"), host_aliases=(("1.2.3.4", ("a", "b")),)
    )
    own = hosts_file.content(sandbox, config)
    assert f"10.0.0.7\t{FULL}\tdb-0\n" in own
    assert own.endswith("\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n")
    named = hosts_file.with_names(own, [("10.96.0.9", ("web.default", "web"))])
    assert named == f"{own}{hosts_file.MARK}\n10.96.0.9\tweb.default\tweb\n"
    assert hosts_file.with_names(named, []) == own
