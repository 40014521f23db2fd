"""LimitRanges: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from .rules import as_is_errors, changed, defaulted, errors, thing

RANGE = thing("v1", "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1"}}]})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(RANGE) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "spec.limits.0.type",
            "Odd",
            ['spec.limits[0].type: Invalid value: "Odd": must be a standard limit type or fully qualified'],
        ),
        (
            "spec.limits.0.maxLimitRequestRatio",
            {"cpu": "3"},
            [
                'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": '
                "ratio 3 is greater than max/min = 2.000000"
            ],
        ),
        (
            "spec.limits.0",
            {"type": "Container", "default": {"hugepages-2Mi": "4Mi"}, "defaultRequest": {"hugepages-2Mi": "2Mi"}},
            [
                'spec.limits[0].defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to '
                "defaultRequest value 2Mi in hugepages-2Mi"
            ],
        ),
        (
            "spec.limits.0.min.cpu",
            "3",
            [
                'spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2',
                'spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2',
                'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": min value 3 is greater than default '
                "request value 2",
            ],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(RANGE, path, value)) == expected


def test_what_follows_is_filled_in() -> None:
    (item,) = defaulted(RANGE).spec.limits
    assert (item.default, item.defaultRequest) == ({"cpu": "2"}, {"cpu": "2"})
