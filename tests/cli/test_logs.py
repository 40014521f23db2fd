"""Which containers `podium logs` shows, and that it follows all of them at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from podium.cli import logs
from podium.cli.failure import Failure
from podium.cli.session import Session

POD = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"initContainers": [{"name": "first"}], "containers": [{"name": "a"}, {"name": "b"}]},
}


def chosen(**options: Any) -> list[str]:
    return logs._containers(POD, {"all_containers": False, "container": "", **options})


def test_the_first_container_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert chosen() == ["a"]
    assert capsys.readouterr().err == 'Defaulted container "a" out of: a, b, first (init)\n'
    assert chosen(container="first") == ["first"]
    assert chosen(all_containers=True) == ["first", "a", "b"]
    with pytest.raises(Failure, match="error: container c is not valid for pod web"):
        chosen(container="c")


def test_all_are_followed_at_once(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Neither stream goes on before both have been opened: one after the other, the first would wait for ever."""
    both = threading.Barrier(2, timeout=60)

    class Api:
        def stream(self, path: str, **_: Any) -> Iterator[bytes]:
            both.wait()
            yield path.encode() + b"\n"

    class Pods:
        def path(self, *names: str) -> str:
            return "/".join(names)

    class Catalog:
        def find(self, _: str) -> Pods:
            return Pods()

    session = Session("", "", "", "", False)
    session.__dict__.update(api=Api(), catalog=Catalog())
    options = {
        "follow": True,
        "previous": False,
        "timestamps": False,
        "tail": -1,
        "since": "",
        "since_time": "",
        "limit_bytes": 0,
        "prefix": True,
    }
    logs._follow(session, [(POD, "a"), (POD, "b")], options)
    lines = capfdbinary.readouterr().out.splitlines()
    assert sorted(lines) == [b"[pod/web/a] default/web/log", b"[pod/web/b] default/web/log"]
