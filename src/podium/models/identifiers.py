"""Names and ids that are drawn by chance. The source of chance is passed in, so that a run can be repeated."""

from __future__ import annotations

import uuid
from random import Random

# Kubernetes leaves out vowels and what is easily confused, so that no word arises by chance.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5
_LONGEST_BASE = 63 - SUFFIX_LENGTH


def uid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def suffix(rng: Random, length: int = SUFFIX_LENGTH) -> str:
    return "".join(rng.choices(ALPHABET, k=length))


def generated_name(base: str, rng: Random) -> str:
    """What `metadata.generateName` becomes: the base, cut so that the whole is a DNS label, and five characters."""
    return base[:_LONGEST_BASE] + suffix(rng)


def safe_hash(number: int) -> str:
    """A number's decimal digits in the alphabet of names: what Kubernetes appends as pod-template-hash."""
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(number))
