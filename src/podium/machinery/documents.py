"""From a body's bytes to a plain tree: JSON and YAML, within limits, with Kubernetes' words for what is wrong.

Size is limited by who reads the body. Nesting is limited here (trees.MAX_DEPTH), and so is what YAML's aliases make.
Field names that come more than once are kept for strict decoding (podium.machinery.strict).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from podium.machinery import trees
from podium.machinery.errors import BadRequest
from podium.machinery.yaml_reader import Repeated, YamlError, YamlReader

Media = Literal["json", "yaml"]
MAX_CONTAINERS = 250_000
"""Objects and arrays in one document."""


class DocumentError(BadRequest):
    """The bytes are no document."""


@dataclass(frozen=True, slots=True)
class Document:
    tree: Any
    """Where a JSON object had a field more than once and that was asked for, it is a `Repeated`."""
    repeated: bool = False
    """Whether there is any such object."""
    repeated_keys: tuple[str, ...] = ()
    """For YAML: "line 3: key "x" already set in map"."""


def read(body: bytes, media: Media, *, repeated: bool = False) -> Document:
    """The one document of a body; `repeated` asks for fields that come more than once. DocumentError."""
    return _yaml(body) if media == "yaml" else _json(body, repeated)


def read_documents(data: bytes) -> list[Any]:
    """All documents of a file: JSON objects one after the other, or YAML. Empty ones are left out. DocumentError."""
    if data.lstrip()[:1] in (b"{", b"["):
        found = _json_stream(data)
        if found is not None:
            return found
    reader = YamlReader(data)
    try:
        return [document for document in reader.documents() if document is not None]
    except YamlError as error:
        raise DocumentError(f"error converting YAML to JSON: {error}") from error


def summary(body: bytes, limit: int = 30) -> str:
    """The beginning of a body that cannot be read, for an error message."""
    if not body:
        return "<empty>"
    cut = " ..." if len(body) > limit else ""
    return (body[:limit].decode(errors="replace") if body[:1] == b"{" else body[:limit].hex()) + cut


# --- JSON -----------------------------------------------------------------------------------------------------------


def _json(body: bytes, repeated: bool) -> Document:
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"couldn't get version/kind; json parse error: {_problem(error, body)}") from error
    _checked(tree, body)
    # Written compactly again it is as long as it was, unless a field was lost (or it wasn't compact: look closer).
    if not repeated or len(body.strip()) == len(orjson.dumps(tree)):
        return Document(tree)
    found = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        fields = dict(pairs)
        if len(fields) == len(pairs):
            return fields
        found = True
        return Repeated(pairs)

    kept = json.loads(body, object_pairs_hook=mapping)
    return Document(kept, True) if found else Document(tree)


def _checked(tree: Any, body: bytes) -> None:
    """Depth, and how many objects: each `{}` takes two bytes here and hundreds as a struct."""
    braces = body.count(b"{")
    if braces + body.count(b"[") <= trees.MAX_DEPTH:
        return
    try:
        containers = trees.check_depth(tree)
    except trees.TooDeep as error:
        raise DocumentError(f"couldn't get version/kind; json parse error: {error}") from error
    if containers > MAX_CONTAINERS:
        raise DocumentError(
            f"couldn't get version/kind; json parse error: more than {MAX_CONTAINERS} objects and arrays"
        )


def _problem(error: orjson.JSONDecodeError, body: bytes) -> str:
    """In Go's words, and where."""
    if "depth limit" in error.msg or "recursion" in error.msg.lower():
        return "exceeded max depth"
    if "UTF-8" in error.msg:
        return "invalid UTF-8 in string"
    if not body.strip() or "unexpected end" in error.msg or error.pos >= len(error.doc):
        return "unexpected end of JSON input"
    character = error.doc[error.pos]
    return f"invalid character {character!r} (line {error.lineno}, column {error.colno}): {error.msg.split(':')[0]}"


def _json_stream(data: bytes) -> list[Any] | None:
    """JSON values one after the other; None if it isn't that (YAML may begin with a brace, too)."""
    try:
        text = data.decode()
        decoder = json.JSONDecoder()
        found: list[Any] = []
        position = 0
        while True:
            while position < len(text) and text[position].isspace():
                position += 1
            if position == len(text):
                return found
            value, position = decoder.raw_decode(text, position)
            trees.check_depth(value)
            found.append(value)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    except (RecursionError, trees.TooDeep) as error:
        raise DocumentError("error parsing JSON: exceeded max depth") from error


# --- YAML -----------------------------------------------------------------------------------------------------------


def _yaml(body: bytes) -> Document:
    reader = YamlReader(body)
    try:
        tree = next(reader.documents(), None)
    except YamlError as error:
        raise DocumentError(f"error converting YAML to JSON: {error}") from error
    return Document(tree, repeated_keys=tuple(reader.repeated_keys))
