"""When a Pod has to leave a node with NoExecute taints."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from podium.controllers.tainteviction.decide import eviction_time, tolerates
from podium.models import core_v1
from tests.controllers.build import NOW, ago

DOWN = core_v1.Taint(key="down", effect="NoExecute", timeAdded=ago(10))
OFF = core_v1.Taint(key="off", effect="NoExecute", value="why", timeAdded=ago(20))


def toleration(key: str = "", seconds: int | None = None, operator: str = "Exists", **rest: str) -> core_v1.Toleration:
    return core_v1.Toleration(key=key, operator=operator, tolerationSeconds=seconds, **rest)


@pytest.mark.parametrize(
    ("one", "taint", "expected"),
    [
        (toleration("down"), DOWN, True),
        (toleration("down"), OFF, False),
        (toleration(), OFF, True),
        (toleration("down", effect="NoSchedule"), DOWN, False),
        (toleration("down", effect="NoExecute"), DOWN, True),
        (toleration("off", operator="Equal", value="why"), OFF, True),
        (toleration("off", operator="", value="why"), OFF, True),
        (toleration("off", operator="Equal", value="other"), OFF, False),
    ],
)
def test_tolerates(one: core_v1.Toleration, taint: core_v1.Taint, expected: bool) -> None:
    assert tolerates(one, taint) is expected


@pytest.mark.parametrize(
    ("tolerations", "taints", "expected"),
    [
        ([], [], None),
        ([], [DOWN], NOW),
        ([toleration("down")], [DOWN], None),
        ([toleration("down", 30)], [DOWN], NOW + timedelta(seconds=20)),
        ([toleration("down", 30), toleration("off", 30)], [DOWN, OFF], NOW + timedelta(seconds=10)),
        ([toleration("down", 30)], [DOWN, OFF], NOW),
        ([toleration("down", -5)], [DOWN], ago(10)),
        ([toleration("down", 2**62)], [DOWN], ago(10) + timedelta(seconds=2**31 - 1)),
        ([toleration("down", 30)], [core_v1.Taint(key="down", effect="NoExecute")], NOW + timedelta(seconds=25)),
        ([toleration("down", 30)], [core_v1.Taint(key="down", effect="NoExecute", timeAdded=ago(999))], ago(-10)),
    ],
)
def test_eviction_time(
    tolerations: list[core_v1.Toleration], taints: list[core_v1.Taint], expected: datetime | None
) -> None:
    assert eviction_time(tolerations, taints, NOW, met=ago(5), bound=ago(20)) == expected
