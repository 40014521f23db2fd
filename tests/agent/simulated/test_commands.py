"""What trivial commands do."""

from __future__ import annotations

import math

import pytest

from podium.agent.runtimes.simulated.commands import parse


@pytest.mark.parametrize(
    ("argv", "end"),
    [
        (("true",), (0, 0, "")),
        (("/bin/false",), (0, 1, "")),
        (("exit", "3"), (0, 3, "")),
        (("sleep", "5"), (5, 0, "")),
        (("sleep", "1m", "30s"), (90, 0, "")),
        (("sleep", "infinity"), (math.inf, 0, "")),
        (("echo", "hi", "there"), (0, 0, "hi there")),
        (("sh", "-c", "sleep 5; exit 1"), (5, 1, "")),
        (("/bin/bash", "-ec", "echo one && sleep 2\necho two"), (2, 0, "one\ntwo")),
        (("sh", "-c", "exit"), (0, 0, "")),
        (("sh", "-c", "exit 259"), (0, 3, "")),
        (("sh", "-c", "exit " + "9" * 5000), None),
        (("sh", "-c", "exit \N{SUPERSCRIPT TWO}"), None),
        (("sh", "-c", "false; exit"), (0, 1, "")),
        (("sh", "-c", "while true; do sleep 1; done"), None),
        (("sh", "-c", "sleep 1 | cat"), None),
        (("sh", "script.sh"), None),
        (("sh", "-c", "echo 'unclosed"), None),
        (("nginx", "-g", "daemon off;"), None),
    ],
)
def test_trivial_commands(argv: tuple[str, ...], end: tuple[float, int, str] | None) -> None:
    assert parse(argv) == end
