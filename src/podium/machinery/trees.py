"""Plain trees (dicts, lists, scalars, as JSON has them): how deep they may be, equality, copies, Go's rendering.

A tree that came from a client is never deeper than MAX_DEPTH, so that everything may recurse over it.
"""

from __future__ import annotations

from typing import Any

import orjson

MAX_DEPTH = 200
_TOO_DEEP = "exceeded max depth"


class TooDeep(ValueError):
    def __init__(self) -> None:
        super().__init__(_TOO_DEEP)


def check_depth(tree: Any, limit: int = MAX_DEPTH) -> int:
    """How many containers there are; TooDeep if more are inside each other than that. Does not recurse."""
    count = 0
    level = [tree] if isinstance(tree, dict | list) else []
    for _ in range(limit):
        if not level:
            return count
        count += len(level)
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    if level:
        raise TooDeep
    return count


def copied(tree: Any) -> Any:
    """A deep copy of a tree that JSON can express."""
    if isinstance(tree, dict):
        return {key: copied(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [copied(value) for value in tree]
    return tree


def size(tree: Any) -> int:
    """Bytes of its JSON; TooDeep if JSON cannot express it."""
    try:
        return len(orjson.dumps(tree))
    except orjson.JSONEncodeError as error:
        raise TooDeep from error


def equal(left: Any, right: Any) -> bool:
    """As JSON values: true is not 1, but 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and equal(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


def kind(value: Any) -> str:
    """What Go's JSON decoder calls a value: "object", "array", "string", "number", "bool" or "null"."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case dict():
            return "object"
    return "array"


def printed(value: Any) -> str:
    """As Go's %v prints it: `map[name:web ports:[80 443]]`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(printed, value))}]"
    return str(value)
