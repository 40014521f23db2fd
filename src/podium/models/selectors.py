"""Label selectors, compiled: which sets of labels a selector matches (API reference: LabelSelector).

An empty selector matches everything, no selector (None) nothing. The syntax of query strings is parsed in
podium.machinery.selectors, into the same `Selector`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from podium.models import meta_v1

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]

_OBJECT_OPERATORS: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_SYMBOLS = {"gt": ">", "lt": "<"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
        have, bound = _integer(value), _integer(self.values[0])
        if have is None or bound is None:
            return False
        return have > bound if self.operator == "gt" else have < bound

    def __str__(self) -> str:
        if self.operator in ("exists", "!"):
            return self.key if self.operator == "exists" else f"!{self.key}"
        values = ",".join(sorted(self.values))
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({values})"
        return f"{self.key}{_SYMBOLS.get(self.operator, self.operator)}{values}"


def _integer(value: str | None) -> int | None:
    try:
        number = int(value) if value is not None and value.isascii() and "_" not in value else None
    except ValueError:
        return None
    return number if number is not None and -(2**63) <= number < 2**63 else None


class Selector:
    """All of some requirements. `str()` is the canonical form, requirements sorted by label."""

    __slots__ = ("_equal", "_other", "_text", "requirements", "selectable")

    def __init__(self, requirements: Iterable[Requirement] = (), *, selectable: bool = True) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self.selectable = selectable
        """False for the selector that matches nothing, whatever the labels."""
        self._equal = tuple(
            (one.key, one.values[0])
            for one in self.requirements
            if one.operator in ("=", "==", "in") and len(one.values) == 1
        )
        self._other = tuple(
            one for one in self.requirements if one.operator not in ("=", "==", "in") or len(one.values) != 1
        )
        self._text: str | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        if not self.selectable:
            return False
        for key, value in self._equal:
            if labels.get(key) != value:
                return False
        return all(one.matches(labels) for one in self._other)

    @property
    def empty(self) -> bool:
        """Whether it lets everything through."""
        return self.selectable and not self.requirements

    def exact(self, key: str) -> str | None:
        """The one value that the label must have, if there is one: what an index can be asked for."""
        return next((value for name, value in self._equal if name == key), None)

    def __str__(self) -> str:
        if self._text is None:
            self._text = ",".join(map(str, self.requirements))
        return self._text

    def __repr__(self) -> str:
        return f"Selector({str(self)!r})" if self.selectable else "Selector(nothing)"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selector)
            and self.selectable == other.selectable
            and self.requirements == other.requirements
        )

    def __hash__(self) -> int:
        return hash((self.selectable, self.requirements))


EVERYTHING = Selector()
NOTHING = Selector(selectable=False)


def compile(selector: meta_v1.LabelSelector | None) -> Selector:
    """The matcher for an object's selector; ValueError for an operator that selectors don't have."""
    if selector is None:
        return NOTHING
    build = _compiled if len(selector.matchLabels) + len(selector.matchExpressions) <= _WORTH_KEEPING else _build
    return build(
        tuple(selector.matchLabels.items()),
        tuple((one.key, one.operator, one.values) for one in selector.matchExpressions),
    )


def of_labels(labels: Mapping[str, str]) -> Selector:
    """The matcher for a plain map of labels (Service.spec.selector, a template's labels); empty matches everything."""
    return (_compiled if len(labels) <= _WORTH_KEEPING else _build)(tuple(labels.items()), ())


_WORTH_KEEPING = 32
"""How many requirements a selector may have to be kept compiled."""


def _build(labels: tuple[tuple[str, str], ...], expressions: tuple[tuple[str, str, tuple[str, ...]], ...]) -> Selector:
    requirements = [Requirement(key, "=", (value,)) for key, value in labels]
    for key, name, values in expressions:
        operator = _OBJECT_OPERATORS.get(name)
        if operator is None:
            raise ValueError(f'"{name}" is not a valid label selector operator')
        requirements.append(Requirement(key, operator, tuple(values)))
    return Selector(requirements) if requirements else EVERYTHING


_compiled = lru_cache(maxsize=8192)(_build)
