"""Resource quantities: "100m", "1.5Gi", "2e3" (API reference: Quantity).

A quantity arrives as a JSON string or number and is kept in its canonical form: no fraction, the largest suffix that
loses nothing, the notation (decimal, binary or exponent) it was written in. Nothing finer than 1n is kept; what is
finer is rounded up.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_SYNTAX = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE](?P<exponent>[+-]?\d{1,4}))?",
    re.ASCII,
)
_LONGEST = 64
_NANO = Decimal("1e-9")
_LARGEST = Decimal(2**63 - 1)


class Quantity(str):
    """A canonical quantity. `Quantity("0.5")` is "500m"; anything that is not a quantity is a ValueError."""

    __slots__ = ()

    def __new__(cls, value: str | int | float | Decimal = "0") -> Quantity:
        return super().__new__(cls, _canonical(str(value)))

    @property
    def value(self) -> int:
        """In whole units, rounded up."""
        return whole(self)

    @property
    def milli(self) -> int:
        """In thousandths, rounded up: the unit of CPU."""
        return thousandths(self)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Decimal, str]:
    """The number, and the notation it is written in: "decimal", "binary" or "exponent"."""
    match = _SYNTAX.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if match["exponent"] is not None:
        exponent, notation = min(int(match["exponent"]), 30), "exponent"
        number = number.scaleb(exponent)
    elif suffix in _BINARY:
        number, notation = number * 1024 ** _BINARY[suffix], "binary"
    else:
        number, notation = number.scaleb(_DECIMAL[suffix]), "decimal"
    number = min(max(number, -_LARGEST), _LARGEST)
    if number:
        number = number.quantize(_NANO, ROUND_CEILING if number > 0 else "ROUND_FLOOR")
    return number, notation


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    number, notation = _parse(text)
    return _format(number, notation)


def _format(number: Decimal, notation: str) -> str:
    if not number:
        return "0"
    if notation == "binary" and (abs(number) < 1024 or number % 1):
        notation = "decimal"
    if notation == "binary":
        units, suffix = int(number), ""
        for name in _BINARY:
            if units % 1024:
                break
            units, suffix = units // 1024, name
        return f"{units}{suffix}"
    exponent = max(power for power in _DECIMAL.values() if not number.scaleb(-power) % 1)
    digits = int(number.scaleb(-exponent))
    if notation == "exponent":
        return f"{digits}e{exponent}" if exponent else str(digits)
    return str(digits) + next(name for name, power in _DECIMAL.items() if power == exponent)


def number(quantity: str) -> Decimal:
    """The exact number that a quantity stands for; ValueError if it is none."""
    return _parse(quantity)[0]


@lru_cache(maxsize=4096)
def whole(quantity: str) -> int:
    return int(_parse(quantity)[0].to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
def thousandths(quantity: str) -> int:
    return int(_parse(quantity)[0].scaleb(3).to_integral_value(ROUND_CEILING))


def binary(amount: int) -> Quantity:
    """An amount of bytes, written with binary suffixes."""
    return Quantity(_format(Decimal(amount), "binary"))


def add(left: str, right: str) -> Quantity:
    """The sum, in the notation of the left side (of the right one if the left is zero)."""
    (a, notation), (b, other) = _parse(left), _parse(right)
    return Quantity(_format(a + b, notation if a else other))


def subtract(left: str, right: str) -> Quantity:
    (a, notation), (b, other) = _parse(left), _parse(right)
    return Quantity(_format(a - b, notation if a else other))
