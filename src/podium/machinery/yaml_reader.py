"""YAML to plain trees, the way Kubernetes reads it (sigs.k8s.io/yaml), within limits.

* YAML 1.1: yes, no, on, off, y and n are booleans; 0x1F, 0o17, 017 and 1_000 are integers; 1:30 stays a string
* dates stay strings; keys become strings; `<<` merges
* how deep, how many values, and how many of them by aliases is bounded: a bomb is refused while it is read

Works on the parser's events instead of on PyYAML's node tree, which takes a kilobyte a value.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from podium.machinery import trees

MAX_VALUES = 250_000
MAX_REPEATED = 100
"""How many repeated keys are told."""
_TAG = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_HINTS = frozenset("yYnNtTfFoO~+-.0123456789")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_KEY: Any = object()
_MERGE: Any = object()


class YamlError(ValueError):
    """The document cannot be read; the message says on which line."""


class Repeated(dict[str, Any]):
    """A mapping that had a key more than once; `pairs` are all of them."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


class _Frame:
    """A list or mapping that is being read."""

    __slots__ = ("anchor", "container", "explicit", "key", "merges", "start")

    def __init__(self, container: Any, anchor: str | None, start: int) -> None:
        self.container = container
        self.anchor = anchor
        self.start = start
        """How many values had been read before it."""
        self.key = _NO_KEY
        self.explicit: set[str] = set()
        self.merges: list[tuple[Any, int]] = []


class YamlReader:
    """Reads a stream of documents. `repeated_keys` collects "line 3: key "x" already set in map"."""

    def __init__(self, data: bytes) -> None:
        self.repeated_keys: list[str] = []
        self._values = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        try:
            self._parser = yaml.CSafeLoader(data)  # only for its events
        except yaml.YAMLError as error:
            raise _failure(error) from error

    def documents(self) -> Iterator[Any]:
        try:
            while not isinstance(event := self._parser.get_event(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    self._anchors.clear()
                    yield self._document()
        except yaml.YAMLError as error:
            raise _failure(error) from error
        except UnicodeDecodeError as error:
            raise YamlError("yaml: invalid Unicode character") from error

    def _document(self) -> Any:
        root: list[Any] = []
        stack = [_Frame(root, None, 0)]
        while True:
            event = self._parser.get_event()
            frame = stack[-1]
            if isinstance(event, yaml.ScalarEvent):
                self._count(1)
                self._place(frame, self._scalar(event, frame), event, event.anchor, 1)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) > trees.MAX_DEPTH:
                    raise YamlError(f"yaml: line {_line(event)}: exceeded max depth of {trees.MAX_DEPTH}")
                container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append(_Frame(container, event.anchor, self._values))
                self._count(1)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
                _merge(frame)
                self._place(stack[-1], frame.container, event, frame.anchor, self._values - frame.start)
            elif isinstance(event, yaml.AliasEvent):
                value, size = self._alias(event)
                self._count(size)
                self._place(frame, value, event, None, size)
            elif isinstance(event, yaml.DocumentEndEvent):
                return root[0] if root else None

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise YamlError(f"yaml: document contains more than {MAX_VALUES} values")

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self._anchors:
            raise YamlError(f"yaml: unknown anchor '{event.anchor}' referenced")
        value, size = self._anchors[event.anchor]
        if self._values + size > MAX_VALUES:
            raise YamlError("yaml: document contains excessive aliasing")
        return trees.copied(value), size

    def _place(self, frame: _Frame, value: Any, event: Any, anchor: str | None, size: int) -> None:
        """Put a complete value where it belongs: into the list, or as key or value into the mapping."""
        if anchor is not None:
            self._anchors[anchor] = (value, size)
        if isinstance(frame.container, list):
            if value is _MERGE:
                value = "<<"
            frame.container.append(value)
        elif frame.key is _NO_KEY:
            frame.key = value if value is _MERGE else _key(value, event)
        else:
            key, frame.key = frame.key, _NO_KEY
            if value is _MERGE:
                value = "<<"
            if key is _MERGE:
                frame.merges.append((value, _line(event)))
                return
            if key in frame.explicit and len(self.repeated_keys) < MAX_REPEATED:
                self.repeated_keys.append(f'line {_line(event)}: key "{key}" already set in map')
            frame.explicit.add(key)
            frame.container[key] = value

    def _scalar(self, event: Any, frame: _Frame) -> Any:
        text, tag = event.value, event.tag
        if tag is None:
            if not event.implicit[0]:
                return text
            if text == "<<" and isinstance(frame.container, dict) and frame.key is _NO_KEY:
                return _MERGE
            value = resolved(text)
        elif tag == f"{_TAG}str":
            return text
        elif tag == f"{_TAG}binary":
            return _binary(text, event)
        elif tag.startswith(_TAG):
            value = _tagged(tag.removeprefix(_TAG), text, event)
        else:
            return text
        if isinstance(value, float) and not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
            raise YamlError(f"json: unsupported value: {shown}")
        return value


def resolved(text: str) -> Any:
    """What a plain scalar means."""
    if text and text[0] not in _HINTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "") if text[0] != "." else text
    match = _INTEGER.fullmatch(digits)
    if match is not None and len(digits) <= 100:
        sign = -1 if match["sign"] == "-" else 1
        for name, base in (("hex", 16), ("bin", 2), ("oct", 8), ("dec", 10)):
            if match[name] is not None:
                return sign * int(match[name], base)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return int(number) if number.is_integer() and abs(number) < 1e15 else number
    return text


def _tagged(tag: str, text: str, event: Any) -> Any:
    value = resolved(text)
    names = {"bool": (bool,), "int": (int,), "float": (int, float), "null": (type(None),), "timestamp": (str,)}
    if tag not in names:
        return text
    if not isinstance(value, names[tag]) or (isinstance(value, bool) and tag != "bool"):
        raise YamlError(f"yaml: line {_line(event)}: cannot decode `{text}` as a !!{tag}")
    return value


def _binary(text: str, event: Any) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise YamlError(f"yaml: line {_line(event)}: !!binary value contains invalid base64 data") from error


def _key(value: Any, event: Any) -> str:
    """JSON's keys are strings."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case None:
            return "null"
    raise YamlError(f"yaml: line {_line(event)}: invalid map key: {trees.printed(value)}")


def _merge(frame: _Frame) -> None:
    """Take over what `<<` refers to; the mapping's own keys win, then earlier ones."""
    for merged, line in frame.merges:
        for mapping in merged if isinstance(merged, list) else [merged]:
            if not isinstance(mapping, dict):
                raise YamlError(f"yaml: line {line}: map merge requires map or sequence of maps as the value")
            for key, value in mapping.items():
                frame.container.setdefault(key, trees.copied(value))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _failure(error: yaml.YAMLError) -> YamlError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        return YamlError(f"yaml: {where}{error.problem or error.context}")
    if isinstance(error, yaml.reader.ReaderError):
        return YamlError(f"yaml: {error.reason}")
    return YamlError(f"yaml: {error}")
