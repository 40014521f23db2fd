"""Field errors in Kubernetes' wording: what validation returns, one FieldError for each thing that is wrong.

`invalid("spec.replicas", -1, "must be ...")` reads "spec.replicas: Invalid value: -1: must be ...". Paths are strings;
`Path` is a string that knows how to go deeper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from podium.machinery.errors import FieldError
from podium.models import codec

_OMITTED: Final = object()
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


class Path(str):
    """A field's place in a document: `Path("spec").child("ports").index(0).child("name")` is "spec.ports[0].name"."""

    __slots__ = ()

    def child(self, *names: str) -> Path:
        return Path(".".join((self, *names) if self else names))

    def index(self, position: int) -> Path:  # type: ignore[override]  # Kubernetes' name; nobody searches a path
        return Path(f"{self}[{position}]")

    def key(self, name: str) -> Path:
        return Path(f"{self}[{name}]")


def quote(text: str) -> str:
    """A string as Go's %q prints it."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(character: str) -> str:
    escape = _ESCAPES.get(character)
    if escape is not None:
        return escape
    if character.isprintable():
        return character
    point = ord(character)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def shown(value: Any) -> str:
    """A value as an error shows it: strings quoted, structures as JSON."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool | int | float):
        return codec.encode(value).decode()
    return codec.canonical(value).decode()


def _error(kind: str, text: str, path: str, value: Any, detail: str) -> FieldError:
    message = text if value is _OMITTED else f"{text}: {shown(value)}"
    return FieldError(kind, str(path), f"{message}: {detail}" if detail else message)


def invalid(path: str, value: Any, detail: str) -> FieldError:
    return _error("Invalid", "Invalid value", path, value, detail)


def contradictory(path: str, detail: str) -> FieldError:
    """Invalid as a whole: the value isn't repeated."""
    return _error("Invalid", "Invalid value", path, _OMITTED, detail)


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    return _error("TypeInvalid", "Invalid value", path, value, detail)


def required(path: str, detail: str = "") -> FieldError:
    return _error("Required", "Required value", path, _OMITTED, detail)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> FieldError:
    names = ", ".join(quote(name) for name in supported)
    return _error("NotSupported", "Unsupported value", path, value, f"supported values: {names}" if names else "")


def duplicate(path: str, value: Any) -> FieldError:
    return _error("Duplicate", "Duplicate value", path, value, "")


def not_found(path: str, value: Any) -> FieldError:
    return _error("NotFound", "Not found", path, value, "")


def forbidden(path: str, detail: str) -> FieldError:
    return _error("Forbidden", "Forbidden", path, _OMITTED, detail)


def too_long(path: str, limit: int) -> FieldError:
    """Longer than so many bytes; the value is not repeated."""
    return _error("TooLong", "Too long", path, _OMITTED, f"may not be more than {limit} byte{'s' * (limit != 1)}")


def too_short(path: str, least: int) -> FieldError:
    return _error("TooShort", "Too short", path, _OMITTED, f"must be at least {least} character{'s' * (least != 1)}")


def too_many(path: str, count: int, limit: int) -> FieldError:
    return _error("TooMany", "Too many", path, count, f"must have at most {limit} item{'s' * (limit != 1)}")


def too_few(path: str, count: int, least: int) -> FieldError:
    return _error("TooFew", "Too few", path, count, f"must have at least {least} item{'s' * (least != 1)}")


def internal(path: str, detail: str) -> FieldError:
    return _error("InternalError", "Internal error", path, _OMITTED, detail)


def each(path: str, value: Any, messages: Iterable[str]) -> list[FieldError]:
    """An invalid() for each of the messages that a rule of podium.machinery.names returned."""
    return [invalid(path, value, message) for message in messages]


# --- shared rules -----------------------------------------------------------------------------------------------

IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"


def immutable(path: str, new: Any, old: Any) -> list[FieldError]:
    return [] if new == old else [invalid(path, new, IMMUTABLE)]


def not_negative(path: str, value: int | None) -> list[FieldError]:
    return [] if value is None or value >= 0 else [invalid(path, value, NOT_NEGATIVE)]


def one_of(path: str, value: str, supported: Iterable[str], *, needed: bool = False) -> list[FieldError]:
    """The value of an enum: one of the supported ones, sorted as Kubernetes lists them; "" only if it isn't needed."""
    names = sorted(supported)
    if not value:
        return [required(path)] if needed else []
    return [] if value in names else [not_supported(path, value, names)]


def no_duplicates(path: Path, values: Iterable[Any]) -> list[FieldError]:
    seen: set[Any] = set()
    errors = []
    for position, value in enumerate(values):
        if value in seen:
            errors.append(duplicate(path.index(position), value))
        seen.add(value)
    return errors
