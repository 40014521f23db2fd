"""Which format and which shape a client gets, from its Accept header (API reference, "API concepts").

Clauses are tried by preference; one that asks for something that this endpoint doesn't have is passed over. Formats are
JSON, YAML and Kubernetes' protobuf; shapes are the object itself, a Table, or only its metadata.

A client that takes protobuf and JSON alike gets JSON: that is what is stored and shared, while protobuf has to be made
for each answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from podium.machinery.errors import NotAcceptable, UnsupportedMediaType
from podium.server.exchange import Exchange
from podium.server.requests import truth

Format = Literal["json", "yaml", "protobuf"]

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MEDIA_TYPES: dict[str, Format] = {JSON: "json", YAML: "yaml", PROTOBUF: "protobuf"}
CONTENT_TYPES: dict[Format, str] = {name: media for media, name in MEDIA_TYPES.items()}
_HUMAN_CLIENTS = ("curl", "Wget", "Mozilla/5.0")
_PARTIAL = ("PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True)
class Clause:
    """One alternative of an Accept header."""

    media: str
    parameters: tuple[tuple[str, str], ...] = ()
    quality: float = 1.0

    def parameter(self, name: str) -> str:
        return next((value for key, value in self.parameters if key == name), "")

    def admits(self, media: str) -> bool:
        kind, _, subtype = self.media.partition("/")
        return self.media in (media, "*/*") or (subtype == "*" and media.startswith(f"{kind}/"))


@dataclass(frozen=True, slots=True)
class Shape:
    """What the answer looks like. `kind` is empty for the object itself; `version` is that of meta.k8s.io."""

    format: Format = "json"
    kind: str = ""
    version: str = "v1"
    pretty: bool = False

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


PLAIN = Shape()
PRETTY = Shape(pretty=True)


@lru_cache(maxsize=1024)
def clauses(header: str) -> tuple[Clause, ...]:
    """The clauses of an Accept header, most preferred first."""
    found: list[Clause] = []
    for part in header.split(","):
        media, *rest = (piece.strip() for piece in part.split(";"))
        quality, parameters = 1.0, []
        for piece in rest:
            name, _, value = piece.partition("=")
            if name.strip().lower() == "q":
                quality = _quality(value)
            else:
                parameters.append((name.strip(), value.strip().strip('"')))
        if media:
            found.append(Clause(media.lower(), tuple(parameters), quality))
    return tuple(clause for clause in sorted(found, key=lambda clause: -clause.quality) if clause.quality > 0)


def _quality(value: str) -> float:
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 1.0


@lru_cache(maxsize=1024)
def negotiate(header: str, stream: bool = False, protobuf: bool = True) -> Shape:
    """The shape that an Accept header asks for; NotAcceptable. `stream`: a watch is answered; `protobuf`: the kind has
    that form."""
    if not header:
        return PLAIN
    for clause in clauses(header):
        for media, name in MEDIA_TYPES.items():
            if (stream and name == "yaml") or (name == "protobuf" and not protobuf):
                continue
            if clause.admits(media) and (shape := _shape(clause, name)) is not None:
                return _json_if_equal(header, clause, shape) if name == "protobuf" else shape
    suffix = ";stream=watch" if stream else ""
    known = ", ".join(media + suffix for media in MEDIA_TYPES if not (stream and media == YAML))
    raise NotAcceptable(f"only the following media types are accepted: {known}")


def _json_if_equal(header: str, chosen: Clause, shape: Shape) -> Shape:
    """JSON in the same shape, if the client likes it as much."""
    for clause in clauses(header):
        if clause.media == JSON and clause.quality == chosen.quality:
            other = _shape(clause, "json")
            if other is not None and (other.kind, other.version) == (shape.kind, shape.version):
                return other
    return shape


def _shape(clause: Clause, name: Format) -> Shape | None:
    kind, group, version = (clause.parameter(key) for key in ("as", "g", "v"))
    if clause.parameter("stream") not in ("", "watch"):
        return None
    pretty = clause.parameter("pretty") == "1"
    if not (kind or group or version):
        return Shape(name, pretty=pretty)
    if group != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    if kind in _PARTIAL or (kind == "Table" and name != "protobuf"):
        return Shape(name, kind, version, pretty)
    return None


def shape_of(exchange: Exchange, stream: bool = False, protobuf: bool = True) -> Shape:
    """The shape that a request asks for, pretty-printed for people."""
    headers = exchange.headers
    shape = negotiate(headers.get("Accept") or "", stream, protobuf)
    if shape.format == "json" and not shape.pretty and wants_pretty(exchange):
        return PRETTY if shape == PLAIN else Shape(shape.format, shape.kind, shape.version, True)
    return shape


def wants_pretty(exchange: Exchange) -> bool:
    asked = exchange.query.get("pretty")
    if asked:
        return truth(asked)
    return (exchange.headers.get("User-Agent") or "").startswith(_HUMAN_CLIENTS)


def body_format(content_type: str | None) -> Format:
    """The format that a request's body is in; UnsupportedMediaType. Without a Content-Type it is JSON."""
    media = (content_type or JSON).partition(";")[0].strip().lower()
    found = MEDIA_TYPES.get(media)
    if found is None:
        raise unsupported(MEDIA_TYPES)
    return found


def unsupported(accepted: object) -> UnsupportedMediaType:
    listed = ", ".join(accepted) if isinstance(accepted, dict | tuple) else str(accepted)
    return UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {listed}"
    )
