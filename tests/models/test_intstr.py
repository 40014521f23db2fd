"""Counts and percentages."""

from __future__ import annotations

import msgspec
import pytest

from podium.models import codec, intstr, policy_v1


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [
        (3, 10, 3, 3),
        (0, 10, 0, 0),
        (-1, 10, -1, -1),
        ("25%", 10, 3, 2),
        ("25%", 4, 1, 1),
        ("0%", 10, 0, 0),
        ("100%", 7, 7, 7),
        ("150%", 3, 5, 4),
        ("999999999999%", 3, 2**31 - 1, 2**31 - 1),
        ("1%", 1, 1, 0),
        ("30%", 0, 0, 0),
        ("-25%", 10, -2, -3),
    ],
)
def test_scaled_value(value: int | str, total: int, up: int, down: int) -> None:
    assert intstr.scaled_value(value, total, round_up=True) == up
    assert intstr.scaled_value(value, total, round_up=False) == down


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "nil value for IntOrString"),
        ("25", "invalid value for IntOrString: invalid type: string is not a percentage"),
        ("x%", 'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax'),
        ("1_0%", 'invalid value "1_0%": strconv.Atoi: parsing "1_0": invalid syntax'),
    ],
)
def test_no_percentage(value: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        intstr.scaled_value(value, 10, round_up=True)


@pytest.mark.parametrize(
    ("value", "number"), [("25%", 25), ("25", None), (25, None), ("%", None), ("2.5%", None), ("9" * 5000 + "%", None)]
)
def test_percentage(value: int | str, number: int | None) -> None:
    assert intstr.percentage(value) == number


@pytest.mark.parametrize(("value", "number"), [(5, 5), ("80", 80), ("http", 0), ("", 0), ("-3", -3), ("9" * 5000, 0)])
def test_int_value(value: int | str, number: int) -> None:
    assert intstr.int_value(value) == number


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, True])
def test_a_count_has_32_bits(value: object) -> None:
    spec = {"minAvailable": value}
    with pytest.raises(msgspec.ValidationError):
        codec.from_tree({"spec": spec}, policy_v1.PodDisruptionBudget)
    assert codec.from_tree({"spec": {"minAvailable": 2**31 - 1}}, policy_v1.PodDisruptionBudget).spec.minAvailable
