"""Which runtime a machine gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from podium.agent import choose
from podium.agent.choose import choose_runtime
from podium.agent.runtimes.process.network import LoopbackNetwork, NamespaceNetwork


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.usefixtures("linux")
@pytest.mark.parametrize("wanted", ["auto", "process"])
def test_root_on_linux_gets_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(choose, "can_isolate", lambda: "")
    found = choose_runtime(wanted, tmp_path)
    assert found.name == "process"
    assert isinstance(found.network, NamespaceNetwork)
    assert found.make("n1", 0) is not None


@pytest.mark.usefixtures("linux")
def test_others_on_linux_get_loopback_addresses_and_are_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "can_isolate", lambda: "not root")
    found = choose_runtime("auto", tmp_path)
    assert isinstance(found.network, LoopbackNetwork)
    assert "not root" in found.why


def test_elsewhere_pods_are_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = choose_runtime("auto", tmp_path)
    assert (found.name, found.make("n1", 0)) == ("simulated", None)
    with pytest.raises(ValueError, match="processes need Linux"):
        choose_runtime("process", tmp_path)


def test_simulated_when_wanted(tmp_path: Path) -> None:
    assert choose_runtime("simulated", tmp_path).make("n1", 0) is None
    with pytest.raises(ValueError, match="no runtime 'docker'"):
        choose_runtime("docker", tmp_path)
