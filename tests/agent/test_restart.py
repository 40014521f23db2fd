"""Which containers run again, and how long they wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from podium.agent import restart
from podium.models import codec
from podium.models.core_v1 import Container

from .build import NOW

PLAIN = Container(name="c")
SIDECAR = Container(name="c", restartPolicy="Always")


@pytest.mark.parametrize(
    ("policy", "container", "code", "init", "again"),
    [
        ("Always", PLAIN, 0, False, True),
        ("Always", PLAIN, 1, False, True),
        ("OnFailure", PLAIN, 0, False, False),
        ("OnFailure", PLAIN, 1, False, True),
        ("Never", PLAIN, 1, False, False),
        ("Always", PLAIN, 0, True, False),
        ("Always", PLAIN, 1, True, True),
        ("Never", PLAIN, 1, True, False),
        ("Never", SIDECAR, 0, True, True),
    ],
)
def test_restart_policy(policy: str, container: Container, code: int, init: bool, again: bool) -> None:
    assert restart.restarts(policy, container, code, init=init) is again


def test_a_rule_of_the_container_comes_before_the_policies() -> None:
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    container = codec.from_tree({"name": "c", "restartPolicy": "Never", "restartPolicyRules": [rule]}, Container)
    assert restart.restarts("Never", container, 42)
    assert not restart.restarts("Never", container, 1)


def test_backoff_doubles_to_five_minutes() -> None:
    backoff, waits, now = restart.NEVER_FAILED, [], NOW
    for _ in range(8):
        waits.append(restart.remaining(backoff, now, now))
        backoff = restart.advanced(backoff, now, now)
        now += timedelta(seconds=backoff.seconds)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_backoff_is_forgotten_after_ten_minutes() -> None:
    """Of a run that went well, however long its restart was waited for."""
    backoff = restart.Backoff(160, NOW)
    in_time, late = NOW + timedelta(seconds=600), NOW + timedelta(seconds=601)
    assert restart.advanced(backoff, in_time, in_time + timedelta(seconds=160)).seconds == 300
    assert restart.advanced(backoff, late, late).seconds == 10
    assert restart.remaining(backoff, in_time, in_time) == 160
    assert restart.remaining(backoff, late, late) == 0


def test_what_remains_counts_from_the_end_of_the_run() -> None:
    backoff = restart.Backoff(40, NOW)
    assert restart.remaining(backoff, NOW - timedelta(seconds=15), NOW) == 25
    assert restart.remaining(backoff, NOW - timedelta(seconds=50), NOW) == 0


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (60, "1m0s"), (160, "2m40s"), (300, "5m0s")])
def test_durations_read_as_in_go(seconds: float, text: str) -> None:
    assert restart.duration(seconds) == text
