"""Values that are a count or a percentage, such as maxSurge: 2 or "25%" (API reference: IntOrString)."""

from __future__ import annotations

import re

from podium.models.numbers import MOST_IN_32_BITS

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def percentage(value: int | str) -> int | None:
    """The number of a percentage: 25 for "25%"; None for anything else."""
    if isinstance(value, str) and value.endswith("%") and _INTEGER.fullmatch(value[:-1]):
        return int(value[:-1])
    return None


def scaled_value(value: int | str | None, total: int, *, round_up: bool) -> int:
    """A count as it is, a percentage as its share of the total: "25%" of 10 is 3 rounded up, 2 rounded down.

    ValueError for a string that is no percentage.
    """
    if value is None:
        raise ValueError("nil value for IntOrString")
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise ValueError("invalid value for IntOrString: invalid type: string is not a percentage")
    percent = percentage(value)
    if percent is None:
        number = value[:-1]
        raise ValueError(
            f'invalid value for IntOrString: invalid value "{value}": strconv.Atoi: parsing "{number}": invalid syntax'
        )
    return min(-(-percent * total // 100) if round_up else percent * total // 100, MOST_IN_32_BITS)


def int_value(value: int | str) -> int:
    """The count; for a string the number it spells, or 0."""
    if isinstance(value, int):
        return value
    return int(value) if _INTEGER.fullmatch(value) else 0
