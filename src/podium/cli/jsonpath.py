"""kubectl's JSONPath dialect: templates such as `{.items[*].metadata.name}` or `{range .items[*]}{.kind}{"\\n"}{end}`.

Beyond a path it has text around the braces, quoted text, `range`/`end`, unions, slices, filters `[?(@.a=="b")]` and
recursive descent. Relaxed expressions (no braces, no leading dot) are accepted where kubectl accepts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Step = Callable[[list[Any]], list[Any]]


class JSONPathError(ValueError):
    """The template cannot be read, or asks for what is not there."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[Step, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Range:
    over: Path
    body: tuple[Text | Path | Range, ...]


Node = Text | Path | Range


def relaxed(expression: str) -> str:
    """The template that a bare expression stands for: "status.phase" and ".status.phase" are "{.status.phase}"."""
    if "{" in expression:
        return expression
    return "{" + (expression if expression.startswith((".", "$", "[")) else "." + expression) + "}"


def parse(template: str) -> tuple[Node, ...]:
    """The nodes of a template; JSONPathError says what is wrong with it."""
    tokens = list(_tokens(template))
    nodes, rest = _block(tokens, 0, inside_range=False)
    if rest != len(tokens):
        raise JSONPathError("not in range, nothing to end")
    return nodes


def render(nodes: Iterable[Node], data: Any, *, missing_ok: bool = True) -> str:
    """The text that the template gives for some data."""
    out: list[str] = []
    for node in nodes:
        if isinstance(node, Text):
            out.append(node.text)
        elif isinstance(node, Range):
            out.extend(render(node.body, item, missing_ok=missing_ok) for item in find(node.over, data))
        else:
            found = find(node, data)
            if not found and not missing_ok:
                raise JSONPathError(f"{node.source} is not found")
            out.append(" ".join(_text(value) for value in found))
    return "".join(out)


def find(path: Path, data: Any) -> list[Any]:
    """Every value that the path leads to."""
    values = [data]
    for step in path.steps:
        values = step(values)
    return values


def values(expression: str, data: Any) -> list[Any]:
    """Every value that a single (relaxed) path expression leads to."""
    nodes = parse(relaxed(expression))
    if len(nodes) != 1 or not isinstance(nodes[0], Path):
        raise JSONPathError(f"{expression!r} is not a single path")
    return find(nodes[0], data)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _tokens(template: str) -> Iterator[tuple[str, str]]:
    """("text", ...) and ("action", what stands in the braces)."""
    position = 0
    while position < len(template):
        start = template.find("{", position)
        if start < 0:
            yield "text", template[position:]
            return
        if start > position:
            yield "text", template[position:start]
        end = _closing(template, start)
        yield "action", template[start + 1 : end].strip()
        position = end + 1


def _closing(template: str, start: int) -> int:
    quote = ""
    index = start + 1
    while index < len(template):
        character = template[index]
        if quote:
            if character == "\\":
                index += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character == "}":
            return index
        index += 1
    raise JSONPathError("unclosed action")


def _block(tokens: list[tuple[str, str]], index: int, inside_range: bool) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    while index < len(tokens):
        kind, content = tokens[index]
        index += 1
        if kind == "text":
            nodes.append(Text(content))
        elif content == "end":
            if not inside_range:
                raise JSONPathError("not in range, nothing to end")
            return tuple(nodes), index
        elif content == "range" or content.startswith("range "):
            over = _path(content[len("range") :].strip())
            body, index = _block(tokens, index, inside_range=True)
            nodes.append(Range(over, body))
        elif content[:1] in "\"'" and content:
            nodes.append(Text(_unquoted(content)))
        else:
            nodes.append(_path(content))
    if inside_range:
        raise JSONPathError("unclosed range, expected {end}")
    return tuple(nodes), index


def _unquoted(quoted: str) -> str:
    if len(quoted) < 2 or quoted[-1] != quoted[0]:
        raise JSONPathError("unterminated quoted string")
    inner = quoted[1:-1]
    if quoted[0] == "'":  # the same escapes as between double quotes, which need none here
        inner = re.sub(r"\\.|\"", lambda match: _IN_DOUBLE_QUOTES.get(match[0], match[0]), inner)
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        raise JSONPathError(f"invalid quoted string {quoted}") from None


_IN_DOUBLE_QUOTES = {"\\'": "'", '"': '\\"'}
_NAME = re.compile(r"(?:\\.|[^.\[\]\s(){}'\"=!<>,])+")


def _path(source: str) -> Path:
    steps: list[Step] = []
    position = 1 if source.startswith(("$", "@")) else 0
    while position < len(source):
        character = source[position]
        if source.startswith("..", position):
            steps.append(_descend)
            position += 2
            if position < len(source) and source[position] == "[":
                continue
            position = _name_step(source, position, steps)
        elif character == ".":
            position += 1
            if position < len(source) and source[position] != "[":
                position = _name_step(source, position, steps)
        elif character == "[":
            end = _bracket_end(source, position)
            steps.append(_bracket(source[position + 1 : end].strip()))
            position = end + 1
        elif character.isspace():
            position += 1
        else:
            raise JSONPathError(f"unrecognized character in action: {source[position:]!r}")
    return Path(tuple(steps), source)


def _name_step(source: str, position: int, steps: list[Step]) -> int:
    if source.startswith("*", position):
        steps.append(_every)
        return position + 1
    match = _NAME.match(source, position)
    if match is None:
        raise JSONPathError(f"a field name is missing in {source!r}")
    steps.append(_field(re.sub(r"\\(.)", r"\1", match[0])))
    return match.end()


def _bracket_end(source: str, start: int) -> int:
    depth, quote = 0, ""
    for index in range(start, len(source)):
        character = source[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if not depth:
                return index
    raise JSONPathError("unterminated array")


def _bracket(content: str) -> Step:
    if content.startswith("?(") and content.endswith(")"):
        return _filter(content[2:-1].strip())
    parts = [part.strip() for part in re.findall(r"'[^']*'|\"[^\"]*\"|[^,]+", content)]
    steps = [_subscript(part) for part in parts]
    if len(steps) == 1:
        return steps[0]
    return lambda values: [found for value in values for step in steps for found in step([value])]


def _subscript(part: str) -> Step:
    if part == "*":
        return _every
    if part[:1] in "\"'" and part:
        return _field(re.sub(r"\\(.)", r"\1", part[1:-1]))
    if re.fullmatch(r"-?\d+", part):
        return _index(int(part))
    match = re.fullmatch(r"(-?\d*):(-?\d*)(?::(-?\d+))?", part)
    if match:
        start, stop, stride = (int(group) if group else None for group in match.groups())
        return lambda values: [
            item for value in values if isinstance(value, list) for item in _slice(value, start, stop, stride)
        ]
    return _field(part)


def _field(name: str) -> Step:
    return lambda values: [
        value[name] for value in values if isinstance(value, dict) and name in value and value[name] is not None
    ]


def _index(index: int) -> Step:
    return lambda values: [_at(value, index) for value in values if isinstance(value, list)]


def _at(items: list[Any], index: int) -> Any:
    """Of what isn't there nothing can be shown, and a script had better know: `{.items[0]}` of an empty list."""
    if not -len(items) <= index < len(items):
        raise JSONPathError(f"array index out of bounds: index {index}, length {len(items)}")
    return items[index]


def _slice(items: list[Any], start: int | None, stop: int | None, stride: int | None) -> list[Any]:
    if stop is not None and stop > len(items):
        raise JSONPathError(f"array index out of bounds: index {stop - 1}, length {len(items)}")
    return items[slice(start, stop, stride)]


def _every(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    return found


def _descend(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found.append(value)
        found.extend(_descend(_every([value])))
    return found


_COMPARISON = re.compile(r"(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)")


def _filter(condition: str) -> Step:
    """Items of a list for which the condition holds: a comparison, or a path that leads somewhere."""
    match = _COMPARISON.fullmatch(condition)
    if match is None:
        exists = _path(condition)
        return lambda values: [item for item in _every(values) if _leads_somewhere(exists, item)]
    left, operator, right = _operand(match[1].strip()), match[2], _operand(match[3].strip())
    return lambda values: [item for item in _every(values) if _compare(left(item), operator, right(item))]


def _leads_somewhere(path: Path, item: Any) -> bool:
    try:
        return bool(find(path, item))
    except JSONPathError:
        return False


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if text.startswith(("@", ".")):
        path = _path(text)
        return lambda item: find(path, item)
    constant: Any = _unquoted(text) if text[:1] in "\"'" else _literal(text)
    return lambda _: [constant]


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _compare(left: list[Any], operator: str, right: list[Any]) -> bool:
    if not left or not right:
        return False
    a, b = left[0], right[0]
    if operator in ("==", "!="):
        return bool((a == b) == (operator == "=="))
    if type(a) is not type(b) or not isinstance(a, int | float | str):
        return False
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator])
