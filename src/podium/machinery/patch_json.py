"""JSON Patch (RFC 6902) on plain trees, with the limits that keep a small patch from making a huge object.

Like the API server: at most 10,000 operations, and what "copy" operations add is bounded in bytes. Negative list
indexes count from the end.
"""

from __future__ import annotations

from typing import Any

from podium.machinery import trees
from podium.machinery.errors import BadRequest, RequestEntityTooLarge, StatusError

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024
_REJECTED = "the server rejected our request due to an error in our request"


class PatchRejected(StatusError):
    """The patch is well-formed but cannot be carried out on this object."""

    code, reason = 422, "Invalid"

    def __init__(self, why: str) -> None:
        super().__init__(f"{_REJECTED}: {why}")


def apply(document: Any, patch: Any) -> Any:
    """The document as the patch leaves it; the one given is not changed. BadRequest, PatchRejected."""
    operations = _operations(patch)
    root = [trees.copied(document)]
    copied = 0
    for operation in operations:
        path = _pointer(operation.get("path"))
        match operation["op"]:
            case "add":
                _add(root, path, trees.copied(_value(operation)))
            case "remove":
                _remove(root, path)
            case "replace":
                _replace(root, path, trees.copied(_value(operation)))
            case "move":
                _move(root, path, _pointer(operation.get("from")))
            case "copy":
                source = _get(root, _pointer(operation.get("from")), "copy")
                copied += _measured(source)
                if copied > MAX_COPIED:
                    raise PatchRejected(
                        f"Unable to complete the copy, the accumulated size increase of copy is {copied}, "
                        f"exceeding the limit {MAX_COPIED}"
                    )
                _add(root, path, trees.copied(source))
            case "test":
                _test(root, path, operation.get("value"))
            case other:
                raise PatchRejected(f"Unexpected kind: {other}")
    try:
        trees.check_depth(root[0])
    except trees.TooDeep as error:
        raise PatchRejected(str(error)) from error
    return root[0]


def _operations(patch: Any) -> list[dict[str, Any]]:
    if not isinstance(patch, list):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {trees.kind(patch)} into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    if len(patch) > MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}"
        )
    for operation in patch:
        if not isinstance(operation, dict):
            raise BadRequest(
                f"error decoding patch: json: cannot unmarshal {trees.kind(operation)} into Go value of type "
                "handlers.jsonPatchOp"
            )
        for key in ("op", "path", "from"):
            if not isinstance(operation.get(key, ""), str):
                raise BadRequest(
                    f"error decoding patch: json: cannot unmarshal {trees.kind(operation[key])} into Go struct field "
                    f"jsonPatchOp.{key} of type string"
                )
        if "op" not in operation:
            raise PatchRejected("Unexpected kind: unknown")
    return patch


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchRejected(f"{operation['op']} operation has no value: {operation.get('path')}")
    return operation["value"]


def _measured(value: Any) -> int:
    try:
        return trees.size(value)
    except trees.TooDeep as error:
        raise PatchRejected(str(error)) from error


# A document is kept in a list of one, so that the root can be replaced like anything else: its path is [0].


def _pointer(text: str | None) -> list[str]:
    """The segments of a JSON pointer (RFC 6901)."""
    if text is None:
        raise PatchRejected("unable to decode patch: operation is missing a path")
    if text and not text.startswith("/"):
        raise PatchRejected(f"JSON pointer must be empty or start with '/': {text}")
    segments = [segment.replace("~1", "/").replace("~0", "~") for segment in text.split("/")[1:]]
    if len(segments) > trees.MAX_DEPTH:
        raise PatchRejected("exceeded max depth")
    return segments


def _text(path: list[str]) -> str:
    return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in path)


def _parent(root: list[Any], path: list[str], name: str) -> tuple[Any, Any]:
    """The container that holds what the path names, and its key there."""
    if not path:
        return root, "0"
    container = root[0]
    for segment in path[:-1]:
        container = _child(container, segment)
        if not isinstance(container, dict | list):
            raise PatchRejected(f'{name} operation does not apply: doc is missing path: "{_text(path)}": missing value')
    if not isinstance(container, dict | list):
        raise PatchRejected(f'{name} operation does not apply: doc is missing path: "{_text(path)}": missing value')
    return container, path[-1]


def _child(container: Any, segment: str) -> Any:
    """None if it isn't there."""
    if isinstance(container, dict):
        return container.get(segment)
    position = _position(container, segment)
    return container[position] if position < len(container) else None


def _position(items: list[Any], segment: str, *, past_end: bool = False) -> int:
    """The index that a segment means; one past the end is only for adding."""
    digits = segment.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise PatchRejected(f'value was not a proper array index: "{segment}"')
    position = int(segment)
    size = len(items) + past_end
    if position < 0:
        position += size
    if not 0 <= position < size:
        raise PatchRejected(f"Unable to access invalid index: {segment}: invalid index referenced")
    return position


def _get(root: list[Any], path: list[str], name: str) -> Any:
    container, key = _parent(root, path, name)
    if isinstance(container, dict):
        if key not in container:
            raise PatchRejected(f'{name} operation does not apply: doc is missing key: "{_text(path)}": missing value')
        return container[key]
    return container[_position(container, key)]


def _add(root: list[Any], path: list[str], value: Any) -> None:
    if not path:
        root[0] = value
        return
    container, key = _parent(root, path, "add")
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_position(container, key, past_end=True), value)


def _remove(root: list[Any], path: list[str]) -> None:
    container, key = _parent(root, path, "remove")
    if isinstance(container, dict):
        if key not in container:
            raise PatchRejected(
                f"error in remove for path: '{_text(path)}': Unable to remove nonexistent key: {key}: missing value"
            )
        del container[key]
    elif path:
        del container[_position(container, key)]
    else:
        root[0] = None


def _replace(root: list[Any], path: list[str], value: Any) -> None:
    _get(root, path, "replace")
    container, key = _parent(root, path, "replace")
    container[key if isinstance(container, dict) else _position(container, key)] = value


def _move(root: list[Any], path: list[str], source: list[str]) -> None:
    if len(path) > len(source) and path[: len(source)] == source:
        raise PatchRejected(f"move operation does not apply: {_text(source)} cannot be moved into itself")
    value = _get(root, source, "move")
    _remove(root, source)
    _add(root, path, value)


def _test(root: list[Any], path: list[str], expected: Any) -> None:
    container, key = _parent(root, path, "test")
    found = container.get(key) if isinstance(container, dict) else container[_position(container, key)]
    if not trees.equal(found, expected):
        raise PatchRejected(f"testing value {_text(path)} failed: test failed")
