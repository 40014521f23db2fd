"""From a request's body to its struct, with fieldValidation and Kubernetes' messages.

A body is decoded twice: into the struct, which drops what it doesn't know and refuses wrong types, and into a tree,
which is walked beside the struct's plan to find unknown and repeated fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from podium.machinery import documents, field, trees
from podium.machinery.errors import BadRequest, Invalid
from podium.machinery.yaml_reader import Repeated
from podium.models import codec
from podium.models.quantity import Quantity
from podium.models.structure import ANY, Shape, fields

T = TypeVar("T")
Validation = Literal["Strict", "Warn", "Ignore"]


def read(
    body: bytes, model: type[T], media: documents.Media = "json", validation: Validation = "Warn"
) -> tuple[T, list[str]]:
    """The struct that the body says, and what its author is to be warned of. BadRequest says what is wrong.

    Neither apiVersion nor kind have to be there; if they are, they have to be the model's.
    """
    document = read_document(body, model, media, repeated=validation != "Ignore")
    check_kind(document.tree, model)
    try:
        obj = codec.decode(body, model) if media == "json" else codec.from_tree(document.tree, model)
    except msgspec.ValidationError as error:
        raise cannot_handle(document.tree, model, unmarshal_message(error, model, document.tree)) from None
    if validation == "Ignore":
        return obj, []
    problems = strict_errors(document, model)
    if problems and validation == "Strict":
        raise cannot_handle(document.tree, model, f"strict decoding error: {', '.join(problems)}")
    return obj, [line for problem in problems for line in _warnings(problem)]


def read_document(
    body: bytes, model: type[Any], media: documents.Media, *, repeated: bool = False
) -> documents.Document:
    """The body as a tree that is an object; the error names the kind that was expected."""
    try:
        document = documents.read(body, media, repeated=repeated)
        if not isinstance(document.tree, dict):
            kind = trees.kind(document.tree)
            raise documents.DocumentError(
                f"couldn't get version/kind; json parse error: json: cannot unmarshal {kind} into Go value of type "
                "v1.TypeMeta"
            )
    except documents.DocumentError as error:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {model.__name__}): {error} "
            f"({documents.summary(body)})"
        ) from error
    return document


def check_kind(tree: dict[str, Any], model: type[Any]) -> None:
    """BadRequest if the tree says that it is of another kind or version."""
    expected = {field.name: getattr(model(), field.attribute) for field in _type_fields(model)}
    for name in ("apiVersion", "kind"):
        said, wanted = tree.get(name), expected.get(name)
        if not isinstance(said, str | None):
            raise BadRequest(
                f"couldn't get version/kind; json parse error: json: cannot unmarshal {trees.kind(said)} into Go "
                f"struct field TypeMeta.{name} of type string"
            )
        if not said or not wanted or said == wanted:
            continue
        if name == "apiVersion":
            raise BadRequest(f"the API version in the data ({said}) does not match the expected API version ({wanted})")
        version = tree.get("apiVersion") or expected.get("apiVersion", "")
        raise cannot_handle(tree, model, f'no kind "{said}" is registered for version "{version}"')


def _type_fields(model: type[Any]) -> Iterator[Any]:
    known = fields(model)
    return (known[name] for name in ("apiVersion", "kind") if name in known)


def cannot_handle(tree: dict[str, Any], model: type[Any], why: str) -> BadRequest:
    """`Deployment in version "v1" cannot be handled as a Deployment: ...`"""
    obj = model()
    kind = tree.get("kind") or model.__name__
    version = str(tree.get("apiVersion") or getattr(obj, "apiVersion", "")).rpartition("/")[2]
    return BadRequest(f'{kind} in version "{version}" cannot be handled as a {model.__name__}: {why}')


def from_patched(tree: Any, model: type[T]) -> T:
    """The struct that a patch made. Invalid, with what the patch made of it, if it is none any more."""
    data = msgspec.json.encode(tree)
    try:
        return codec.decode(data, model)
    except msgspec.ValidationError as error:
        raise Invalid("", "", [field.invalid("patch", data.decode(), unmarshal_message(error, model, tree))]) from None


def _warnings(problem: str) -> list[str]:
    """YAML's repeated keys are one error but a warning each."""
    lines = problem.removeprefix(_YAML_PREFIX).split("\n")
    return [line.strip() for line in lines if line.strip()]


MAX_PROBLEMS = 100
"""How many unknown and repeated fields are told."""

# --- unknown and repeated fields ----------------------------------------------------------------------------------

_YAML_PREFIX = "yaml: unmarshal errors:\n"


def strict_errors(document: documents.Document, model: type[Any]) -> list[str]:
    """`unknown field "spec.foo"`, `duplicate field "spec.replicas"`, in the order of the document, each once."""
    found: dict[str, None] = {}
    if document.repeated_keys:
        found[_YAML_PREFIX + "\n".join(f"  {line}" for line in document.repeated_keys)] = None
    if document.repeated or not _all_known(document.tree, _plan(model)):
        _Walk(found, document.repeated).value(document.tree, Shape("struct", struct=model), "")
    return list(found)


class _Plan:
    """Of a struct: all its fields, and those that have structs somewhere inside. The usual case has to be quick."""

    __slots__ = ("inside", "names")

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        self.inside: tuple[tuple[str, Shape, _Plan], ...] = ()


_PLANS: dict[type[Any], _Plan] = {}


def _plan(struct: type[Any]) -> _Plan:
    plan = _PLANS.get(struct)
    if plan is None:
        plan = _PLANS[struct] = _Plan()  # known before its fields are: a schema contains itself
        known = fields(struct)
        plan.names = frozenset(known)
        plan.inside = tuple(
            (name, field.shape, _plan(field.shape.inner.struct))
            for name, field in known.items()
            if field.shape.inner.struct is not None
        )
    return plan


def _all_known(value: dict[str, Any], plan: _Plan) -> bool:
    if not value.keys() <= plan.names:
        return False
    for name, shape, inner in plan.inside:
        found = value.get(name)
        if found and not _known_inside(found, shape, inner):
            return False
    return True


def _known_inside(value: Any, shape: Shape, plan: _Plan) -> bool:
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                if not _all_known(one, plan):
                    return False
            elif not _known_inside(one, shape.item or ANY, plan):
                return False
        return True
    if not isinstance(value, dict):
        return True
    if shape.kind == "map" and shape.item is not None:
        return all(_known_inside(one, shape.item, plan) for one in value.values())
    return _all_known(value, plan)


class _Walk:
    def __init__(self, found: dict[str, None], repeated: bool) -> None:
        self.found = found
        self.repeated = repeated
        """Whether to look for repeated fields also where any field is known."""

    def value(self, value: Any, shape: Shape, path: str) -> None:
        if isinstance(value, dict):
            if shape.kind == "struct" and shape.struct is not None:
                self.struct(value, shape.struct, path)
            elif shape.kind == "map" or self.repeated:
                self.mapping(value, shape.item or ANY, path)
        elif isinstance(value, list) and (shape.kind == "list" or self.repeated):
            item = shape.item or ANY
            if item.kind in ("struct", "list", "map") or self.repeated:
                for position, one in enumerate(value):
                    self.value(one, item, f"{path}[{position}]")

    def struct(self, value: dict[str, Any], struct: type[Any], path: str) -> None:
        known = fields(struct)
        seen: set[str] | None = set() if isinstance(value, Repeated) else None
        for key, inner in _pairs(value):
            if len(self.found) >= MAX_PROBLEMS:
                return
            field = known.get(key)
            if field is None:
                self.found[f'unknown field "{_joined(path, key)}"'] = None
                continue
            if seen is not None:
                if key in seen:
                    self.found[f'duplicate field "{_joined(path, key)}"'] = None
                seen.add(key)
            if isinstance(inner, dict | list):
                self.value(inner, field.shape, _joined(path, key))

    def mapping(self, value: dict[str, Any], item: Shape, path: str) -> None:
        seen: set[str] | None = set() if isinstance(value, Repeated) else None
        for key, inner in _pairs(value):
            if len(self.found) >= MAX_PROBLEMS:
                return
            if seen is not None:
                if key in seen:
                    self.found[f'duplicate field "{_joined(path, key)}"'] = None
                seen.add(key)
            if isinstance(inner, dict | list):
                self.value(inner, item, _joined(path, key))


def _pairs(value: dict[str, Any]) -> Sequence[tuple[str, Any]]:
    return value.pairs if isinstance(value, Repeated) else list(value.items())


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# --- wrong types ----------------------------------------------------------------------------------------------------

_EXPECTED = re.compile(r"(?P<why>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_GOT = re.compile(r"got `(?P<type>\w+)`")
_JSON_NAMES = {
    "str": "string",
    "int": "number",
    "float": "number",
    "bool": "bool",
    "object": "object",
    "dict": "object",
    "array": "array",
    "list": "array",
    "null": "null",
}
_GO_NAMES = {"time": "string", "float": "float64", "quantity": "string", "intstr": "int32", "bytes": "[]uint8"}


def unmarshal_message(error: msgspec.ValidationError, model: type[Any], tree: Any) -> str:
    """What Go's decoder says where msgspec says `Expected `int | null`, got `str` - at `$.spec.replicas``."""
    match = _EXPECTED.fullmatch(str(error))
    why, path = (match["why"], match["path"] or "$") if match else (str(error), "$")
    place = _Place(model, codec.without_nulls(tree))  # list indexes count what is left without nulls
    for step in _STEP.finditer(path[1:]):
        place.descend(step["name"], step["index"])
    shape = place.shape
    if shape.kind == "quantity" and isinstance(place.value, str | int | float | None):
        return f"{place.path}: {why}"
    if shape.kind == "time" and isinstance(place.value, str):
        return f'{place.path}: parsing time "{place.value}" as "2006-01-02T15:04:05Z07:00": not a time of RFC 3339'
    if shape.kind == "bytes" and isinstance(place.value, str):
        return f"{place.path}: illegal base64 data"
    got = _GOT.search(why)
    seen = trees.kind(place.value) if place.known else _JSON_NAMES.get(got["type"] if got else "int", "number")
    if seen == "number" and shape.kind in ("int32", "int64", "intstr") and place.known:
        seen = f"number {place.value}"
    target = _go_type(shape)
    if place.owner is None:
        return f"json: cannot unmarshal {seen} into Go value of type {target}"
    return f"json: cannot unmarshal {seen} into Go struct field {place.owner}.{place.names} of type {target}"


class _Place:
    """Where in a struct's document an error is."""

    def __init__(self, model: type[Any], value: Any) -> None:
        self.shape = Shape("struct", struct=model)
        self.value = value
        self.known = True
        """Whether the value could be followed: msgspec doesn't say which key of a map it means."""
        self.owner: str | None = None
        self.names = ""
        """As Go names the field: without list indexes."""
        self.path = ""

    def descend(self, name: str | None, index: str | None) -> None:
        if name is not None:
            found = fields(self.shape.struct).get(name) if self.shape.struct is not None else None
            if found is not None and self.shape.struct is not None:
                self.owner = self.shape.struct.__name__
            self.names, self.path = _joined(self.names, name), _joined(self.path, name)
            self.shape = found.shape if found is not None else ANY
            self.value = self.value.get(name) if isinstance(self.value, dict) else None
            return
        self.shape = self.shape.item or ANY
        if index == "..." or not isinstance(self.value, list):
            self.value = self._suspect()
            return
        self.path += f"[{index}]"
        position = int(index or 0)
        self.value = self.value[position] if position < len(self.value) else None

    def _suspect(self) -> Any:
        """The value of a map that cannot be right, as far as one can tell."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                if _wrong(value, self.shape):
                    self.path = f"{self.path}[{key}]"
                    return value
        self.known = False
        return None


def _wrong(value: Any, shape: Shape) -> bool:
    try:
        match shape.kind:
            case "string":
                return not isinstance(value, str)
            case "quantity":
                codec.from_tree({"value": value}, dict[str, Quantity])
            case "bytes":
                codec.from_tree({"value": value}, dict[str, bytes])
            case "list":
                return not isinstance(value, list)
            case "map" | "struct":
                return not isinstance(value, dict)
    except msgspec.ValidationError:
        return True
    return False


def _go_type(shape: Shape) -> str:
    match shape.kind:
        case "list":
            return f"[]{_go_type(shape.item or ANY)}"
        case "map":
            return f"map[string]{_go_type(shape.item or ANY)}"
        case "struct":
            assert shape.struct is not None
            return f"{shape.struct.__module__.rpartition('_')[2]}.{shape.struct.__name__}"
        case "any":
            return "interface {}"
    return _GO_NAMES.get(shape.kind, shape.kind)
