"""Numbers that are written as text, in annotations, names and queries: anybody may have written them."""

from __future__ import annotations

MOST = 2**63 - 1
MOST_IN_32_BITS = 2**31 - 1
"""Most numbers of the API have no more bits. What is worked out of several has to be held to that, or it could be
stored but never be read again."""
LONGEST = 2**31 - 1
"""Seconds: 68 years. Some durations may have 64 bits, and the calendar ends before such a one does."""


def natural(text: str, most: int = MOST) -> int | None:
    """The number that ASCII digits stand for; None for anything else, and for more than `most`, which may be too much
    to be read at all."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(most)):
        return None
    number = int(digits)
    return number if number <= most else None
