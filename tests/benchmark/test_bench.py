"""What of the benchmark can be checked without measuring anything."""

import json
from itertools import chain
from pathlib import Path

import orjson
import pytest

from bench import report
from bench.load import answer_size, requests
from bench.objects import config_map
from bench.scenarios import SCENARIOS
from bench.targets import TARGETS, Target

SECONDS = Target("x", "some work", "s", None, 10, 2, 1)
RATE = Target("x", "some work", "/s", 100, 100, 200, 1000)


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (SECONDS, 1, "reached, and then"),
        (SECONDS, 1.5, "reached"),
        (SECONDS, 2.01, "MISSED"),
        (RATE, 1000, "reached, and then"),
        (RATE, 200, "reached"),
        (RATE, 199, "MISSED"),
    ],
)
def test_verdicts(target: Target, value: float, verdict: str) -> None:
    assert target.verdict(value) == verdict


def test_every_row_is_measured_by_one_scenario() -> None:
    assert sorted(chain.from_iterable(SCENARIOS.values())) == sorted(target.row for target in TARGETS)


def test_the_table_has_what_was_measured() -> None:
    lines = report.table({"ready": [0.4, 0.7, 0.6], "get": [12345.6]}).splitlines()
    assert len(lines) == 4
    assert "0.60 s" in lines[2]
    assert "0.40 - 0.70" in lines[2]
    assert lines[2].endswith("reached")
    assert "12,346/s" in lines[3]
    assert lines[3].endswith("reached, and then")


def test_the_json_has_every_run(tmp_path: Path) -> None:
    report.write_json(tmp_path / "r.json", {"ready": [0.4, 2.0, 1.6]}, {"ready": ["", "", "slow"]}, 0.25)
    [row] = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert (row["median"], row["runs"], row["verdict"]) == (1.6, [0.4, 2.0, 1.6], "MISSED")


def test_posts_are_different_objects_of_the_announced_size() -> None:
    make = requests("post")
    names = set()
    for _ in range(3):
        head, body = make().split(b"\r\n\r\n")
        assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
        names.add(orjson.loads(body)["metadata"]["name"])
    assert len(names) == 3
    assert len(config_map("some-name", 2000)) == 2000


def test_the_size_of_an_answer_is_known_from_its_beginning() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 7\r\n\r\n"
    assert answer_size(head + b"{") == len(head) + 7
    with pytest.raises(RuntimeError, match="429"):
        answer_size(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
