"""Numbers that somebody wrote."""

from __future__ import annotations

import pytest

from podium.models.numbers import natural


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("17", 17),
        ("007", 7),
        ("0" * 5000 + "7", 7),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("\N{ARABIC-INDIC DIGIT TWO}", None),
    ],
)
def test_natural_numbers(text: str, number: int | None) -> None:
    assert natural(text) == number


def test_a_limit_of_ones_own() -> None:
    assert [natural(text, 65535) for text in ("65535", "65536", "100000")] == [65535, None, None]
