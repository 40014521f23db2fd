"""Selectors as query strings have them: `app=web,tier in (a,b),!new` for labels, `status.phase!=Running` for fields.

Parsing gives the compiled selectors that podium.models.selectors describes; what is wrong is a BadRequest in
Kubernetes' words. Field selectors work on a dict from field label to value: every kind says which fields it has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from podium.machinery import field, names
from podium.machinery.errors import BadRequest
from podium.models.selectors import EVERYTHING, Operator, Requirement, Selector

# --- labels -----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+)|$)")
_BINARY: dict[str, Operator] = {
    "in": "in",
    "notin": "notin",
    "=": "=",
    "==": "==",
    "!=": "!=",
    ">": "gt",
    "<": "lt",
}
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""
_WORD = "word"


class _Parser:
    """Recursive descent over the tokens; each is (kind, text), kind being the symbol itself or "word"."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        for match in _TOKEN.finditer(text):
            symbol, word = match.groups()
            if symbol is None and word is None:
                break
            self.tokens.append((symbol, symbol) if symbol else (_WORD, word))
        self.tokens.append((_END, ""))
        self.position = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[min(self.position, len(self.tokens) - 1)]

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def selector(self) -> Selector:
        requirements: list[Requirement] = []
        kind, text = self.peek()
        if kind not in (_WORD, "!", _END):
            raise BadRequest(f"found '{text}', expected: !, identifier, or 'end of string'")
        while kind != _END:
            try:
                requirements.append(self.requirement())
            except ValueError as error:
                raise BadRequest(f"unable to parse requirement: {error}") from None
            kind, text = self.take()
            if kind == ",":
                kind, text = self.peek()
                if kind not in (_WORD, "!"):
                    raise BadRequest(f"found '{text}', expected: identifier after ','")
            elif kind != _END:
                raise BadRequest(f"found '{text}', expected: ',' or 'end of string'")
        return Selector(requirements) if requirements else EVERYTHING

    def requirement(self) -> Requirement:
        kind, key = self.take()
        negated = kind == "!"
        if negated:
            kind, key = self.take()
        if kind != _WORD:
            raise ValueError(f"found '{key}', expected: identifier")
        wrong = names.label_key(key)
        if wrong:
            raise ValueError(str(field.invalid("<nil>", key, "; ".join(wrong))))
        if negated or self.peek()[0] in (_END, ","):
            return Requirement(key, "!" if negated else "exists")
        operator_text = self.take()[1]
        operator = _BINARY.get(operator_text)
        if operator is None:
            raise ValueError(f"found '{operator_text}', expected: {_EXPECTED_OPERATORS}")
        values = self.value_set() if operator in ("in", "notin") else (self.value(),)
        _check_values(key, operator, values)
        return Requirement(key, operator, values)

    def value(self) -> str:
        kind, text = self.peek()
        if kind in (_END, ","):
            return ""
        self.position += 1
        if kind != _WORD:
            raise ValueError(f"found '{text}', expected: identifier")
        return text

    def value_set(self) -> tuple[str, ...]:
        """`(a,b)`: values may be empty, as in `(a,)`."""
        kind, text = self.take()
        if kind != "(":
            raise ValueError(f"found '{text}' expected: '('")
        values: set[str] = set()
        expect_value = True
        while True:
            kind, text = self.take()
            if kind == _WORD and expect_value:
                values.add(text)
                expect_value = False
            elif kind == "," or kind == ")":
                if expect_value:
                    values.add("")
                if kind == ")":
                    return tuple(sorted(values))
                expect_value = True
            elif expect_value:
                raise ValueError(f"found '{text}', expected: ',', or identifier")
            else:
                raise ValueError(f"found '{text}', expected: ',' or ')'")


def _check_values(key: str, operator: str, values: tuple[str, ...]) -> None:
    errors = []
    for position, value in enumerate(values):
        path = field.Path("values").index(position)
        if operator in ("gt", "lt") and not re.fullmatch(r"[+-]?[0-9]{1,19}", value):
            errors.append(field.invalid(path, value, "for 'Gt', 'Lt' operators, the value must be an integer"))
        wrong = names.label_value(value)
        if wrong:
            errors.append(field.invalid(path.key(key), value, "; ".join(wrong)))
    if errors:
        texts = list(dict.fromkeys(map(str, errors)))
        raise ValueError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


@lru_cache(maxsize=4096)
def parse_labels(text: str) -> Selector:
    """The label selector of a query string; "" selects everything."""
    return _Parser(text).selector() if text else EVERYTHING


# --- fields -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    field: str
    value: str
    negated: bool = False

    def matches(self, fields: Mapping[str, str]) -> bool:
        return (fields.get(self.field, "") == self.value) is not self.negated

    def __str__(self) -> str:
        return f"{self.field}{'!=' if self.negated else '='}{escape(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All of some requirements on the fields that a kind can be selected by."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """A field that isn't there counts as ""."""
        return all(one.matches(fields) for one in self.requirements)

    @property
    def empty(self) -> bool:
        return not self.requirements

    @property
    def fields(self) -> frozenset[str]:
        """The labels of the fields that it looks at."""
        return frozenset(one.field for one in self.requirements)

    def exact(self, label: str) -> str | None:
        """The one value that the field must have, if there is one: what an index can be asked for."""
        return next((one.value for one in self.requirements if one.field == label and not one.negated), None)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERY_FIELD = FieldSelector()
METADATA_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


def escape(value: str) -> str:
    """A value so that it can stand in a field selector."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


@lru_cache(maxsize=4096)
def _parse_fields(text: str) -> FieldSelector:
    parts = [part for part in _split(text) if part]
    return FieldSelector(tuple(_field_requirement(part, text) for part in parts)) if parts else EVERY_FIELD


def parse_fields(text: str, supported: Collection[str] | None = METADATA_FIELDS) -> FieldSelector:
    """The field selector of a query string, on fields that are supported (None: on any)."""
    selector = _parse_fields(text)
    if supported is not None:
        for one in selector.requirements:
            if one.field not in supported:
                raise BadRequest(_unsupported(one.field, supported))
    return selector


def _unsupported(label: str, supported: Collection[str]) -> str:
    if set(supported) <= METADATA_FIELDS:
        return f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    return f"field label not supported: {label}"


def _split(text: str) -> list[str]:
    """At commas that are not escaped."""
    return re.findall(r"(?:[^\\,]|\\.|\\$)+", text, re.DOTALL)


def _field_requirement(part: str, text: str) -> FieldRequirement:
    found = re.search(r"!=|==|=", part)
    if found is None:
        raise BadRequest(f"invalid selector: '{text}'; can't understand '{part}'")
    return FieldRequirement(part[: found.start()], _unescape(part[found.end() :]), found[0] == "!=")


def _unescape(value: str) -> str:
    def plain(match: re.Match[str]) -> str:
        text = match[0]
        if text in ("=", ","):
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(text)}")
        if len(text) == 1 or text[1] not in "\\,=":
            raise BadRequest(f"invalid field selector: invalid escape sequence: {text}")
        return text[1]

    return re.sub(r"\\.?|[,=]", plain, value, flags=re.DOTALL)
