"""Quantities: canonical forms, rounding, notations, arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.models import quantity
from podium.models.quantity import Quantity


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0", "0"),
        ("0.5", "500m"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1.5", "1500m"),
        ("2", "2"),
        ("1000", "1k"),
        ("12345", "12345"),
        ("1k", "1k"),
        ("0.1k", "100"),
        ("1M", "1M"),
        ("1Ki", "1Ki"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1023Mi", "1023Mi"),
        ("100Ei", "9223372036854775807"),
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("1.5e3", "1500"),
        ("1e-3", "1e-3"),
        ("-0.5", "-500m"),
        ("+1", "1"),
        (".5", "500m"),
        ("5.", "5"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        ("1E", "1E"),
        ("00100m", "100m"),
        ("0Ki", "0"),
        ("-0", "0"),
    ],
)
def test_canonical(written: str, canonical: str) -> None:
    assert Quantity(written) == canonical
    assert Quantity(canonical) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1.2.3",
        "abc",
        "1 ",
        " 1",
        "1ki",
        "1K",
        "1mi",
        "0x10",
        "1e",
        "--1",
        "1Kii",
        "1e3Ki",
        "1,5",
        "١",
        "9" * 100,
        ".",
    ],
)
def test_no_quantity(written: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        Quantity(written)


@pytest.mark.parametrize(
    ("written", "value", "milli"),
    [
        ("100m", 1, 100),
        ("1.1", 2, 1100),
        ("1Ki", 1024, 1024000),
        ("1u", 1, 1),
        ("-1500m", -1, -1500),
        ("2e3", 2000, 2000000),
    ],
)
def test_whole_units_round_up(written: str, value: int, milli: int) -> None:
    assert (Quantity(written).value, Quantity(written).milli) == (value, milli)


def test_numbers_are_quantities_too() -> None:
    assert (Quantity(5), Quantity(0.5), Quantity(Decimal("1000"))) == ("5", "500m", "1k")


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        ("100m", "1", "1100m"),
        ("1Gi", "1Mi", "1025Mi"),
        ("1Gi", "1G", "2073741824"),
        ("0", "1Gi", "1Gi"),
        ("1G", "1Gi", "2073741824"),
        ("1", "-1", "0"),
    ],
)
def test_add(left: str, right: str, total: str) -> None:
    assert quantity.add(left, right) == total


def test_binary() -> None:
    assert quantity.binary(3 * 1024**2) == "3Mi"
    assert quantity.binary(1000) == "1k"  # less than 1Ki is written in decimal
    assert quantity.binary(1025) == "1025"


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "n", "u", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_a_canonical_quantity_is_the_same_number(number: int, suffix: str) -> None:
    written = f"{number}{suffix}"
    canonical = Quantity(written)
    assert quantity.number(canonical) == quantity.number(written)
    assert Quantity(canonical) == canonical
