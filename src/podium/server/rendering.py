"""Answers from entries: the object as it is, as JSON, YAML or protobuf, or as a Table, or only its metadata.

JSON of an object is the entry's own bytes, and JSON of a list is those bytes joined: nothing is decoded or encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson

from podium.machinery import yaml_writer
from podium.machinery.errors import BadRequest, NotAcceptable
from podium.models import codec
from podium.registry.columns import COLUMNS
from podium.registry.columns.base import Column, Columns
from podium.registry.resources import Resource
from podium.registry.types import Entry, Listing
from podium.server.exchange import Answer, Exchange, Headers
from podium.server.negotiation import PLAIN, Shape

_WARNINGS_SIZE = 4096
_WARNING_CUT = 256
_DEFAULT_COLUMNS = (
    Column("Name", format="name", description="Name must be unique within a namespace."),
    Column("Created At", "date", description="When the object was created."),
)


def warning_headers(exchange: Exchange) -> Headers:
    """Each warning as a header of its own (RFC 7234, 5.5; code 299, no agent). Many are cut, then left out."""
    texts = list(dict.fromkeys(exchange.warnings))
    if sum(map(len, texts)) > _WARNINGS_SIZE:
        texts = [text[:_WARNING_CUT] for text in texts]
    headers, size = [], 0
    for text in texts:
        size += len(text)
        if size > _WARNINGS_SIZE:
            break
        headers.append(("Warning", f'299 - "{_quoted(text)}"'))
    return headers


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def in_format(shape: Shape, value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """A struct that is not stored: a Status, a review."""
    return _from_json(shape, codec.encode(value), status, headers)


def _from_json(shape: Shape, data: bytes, status: int = 200, headers: Headers = ()) -> Answer:
    if shape.format == "protobuf":
        data = to_protobuf(data)
    elif shape.format == "yaml":
        data = yaml_writer.dump(orjson.loads(data)).encode()
    elif shape.pretty:
        data = msgspec.json.format(data, indent=2) + b"\n"
    return Answer(data, shape.content_type, status, headers)


def to_protobuf(data: bytes) -> bytes:
    """An object's or a list's JSON in protobuf; NotAcceptable for kinds that have no such form."""
    from podium.machinery import protobuf  # its tables take a while, and many servers never need them

    try:
        return protobuf.encode(orjson.loads(data))
    except ValueError as error:
        raise NotAcceptable(
            "only the following media types are accepted: application/json, application/yaml"
        ) from error


def object_answer(
    exchange: Exchange, shape: Shape, res: Resource, entry: Entry, now: datetime, status: int = 200
) -> Answer:
    headers = warning_headers(exchange) if exchange.warnings else ()
    if shape is PLAIN:
        return Answer(entry.data, "application/json", status, headers)
    if shape.kind == "Table":
        table = Table(_columns(res, entry.object), shape, exchange.query.get("includeObject", ""), now)
        meta = {"resourceVersion": str(entry.revision)} if entry.revision else {}
        return _from_json(shape, table.document(meta, [entry]), status, headers)
    if shape.kind == "PartialObjectMetadata":
        return _from_json(shape, partial(entry, shape.version), status, headers)
    if shape.kind:
        raise NotAcceptable(f"you requested {shape.kind}, but the requested object is not a list ({res.kind})")
    return _from_json(shape, entry.data, status, headers)


def list_answer(exchange: Exchange, shape: Shape, res: Resource, listing: Listing, now: datetime) -> Answer:
    headers = warning_headers(exchange) if exchange.warnings else ()
    meta = list_metadata(listing)
    if shape.kind == "Table":
        table = Table(res.columns, shape, exchange.query.get("includeObject", ""), now)
        answer = _from_json(shape, table.document(meta, listing.entries), 200, headers)
    elif shape.kind == "PartialObjectMetadataList":
        items = [partial(entry, shape.version) for entry in listing.entries]
        data = _joined("PartialObjectMetadataList", f"meta.k8s.io/{shape.version}", meta, items)
        answer = _from_json(shape, data, 200, headers)
    elif shape.kind:
        raise NotAcceptable(f"you requested {shape.kind}, but the requested object is a list ({res.kind}List)")
    else:
        items = [entry.data for entry in listing.entries]
        answer = _from_json(shape, _joined(res.kind + "List", res.api_version, meta, items), 200, headers)
    return answer


def list_metadata(listing: Listing) -> dict[str, Any]:
    meta: dict[str, Any] = {"resourceVersion": str(listing.revision)}
    if listing.continue_:
        meta["continue"] = listing.continue_
    if listing.remaining:
        meta["remainingItemCount"] = listing.remaining
    return meta


def _joined(kind: str, api_version: str, meta: dict[str, Any], items: Sequence[bytes]) -> bytes:
    """The list in one allocation: a large one is as expensive to move as to send."""
    head = codec.encode({"kind": kind, "apiVersion": api_version, "metadata": meta})[:-1] + b',"items":['
    if not items:
        return head + b"]}"
    if len(items) == 1:
        return b"%b%b]}" % (head, items[0])
    return b",".join((head + items[0], *items[1:-1], items[-1] + b"]}"))


def partial(entry: Entry, version: str) -> bytes:
    """The object with nothing but its metadata."""
    meta = codec.encode(entry.object.metadata)
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%s","metadata":%s}' % (version.encode(), meta)


def _columns(res: Resource, obj: Any) -> Columns | None:
    """Of the resource, or of the part of an object that has a shape of its own, such as its scale."""
    if isinstance(obj, res.model):
        return res.columns
    return COLUMNS.get((obj.apiVersion.rpartition("/")[0], obj.kind))


class Table:
    """Objects as rows of a kind's columns. The column definitions are sent once: a watch repeats only rows."""

    def __init__(self, columns: Columns | None, shape: Shape, include: str, now: datetime) -> None:
        """`columns` None: name and creation."""
        if include not in ("", "Metadata", "Object", "None"):
            raise BadRequest(
                f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
                "must be 'Metadata', 'Object', 'None', or empty"
            )
        self._columns = columns
        self._version = shape.version
        self._include = include or "Metadata"
        self.now = now

    def document(self, meta: dict[str, Any], entries: Sequence[Entry], definitions: bool = True) -> bytes:
        head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{self._version}", "metadata": meta}
        columns = codec.encode(self._definitions()) if definitions else b"null"
        rows = b",".join(self._row(entry) for entry in entries)
        return codec.encode(head)[:-1] + b',"columnDefinitions":' + columns + b',"rows":[' + rows + b"]}"

    def bookmark(self, metadata: bytes) -> bytes:
        """A row that says nothing but how far the watch is."""
        head = b'{"kind":"Table","apiVersion":"meta.k8s.io/%s","metadata":{},' % self._version.encode()
        cells = codec.encode([""] * len(self._definitions()))
        partial_head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%s",' % self._version.encode()
        row = b'{"cells":%b,"object":%b"metadata":%b}}' % (cells, partial_head, metadata)
        return head + b'"columnDefinitions":null,"rows":[' + row + b"]}"

    def _definitions(self) -> list[dict[str, Any]]:
        columns = self._columns.definitions if self._columns else _DEFAULT_COLUMNS
        return [
            {
                "name": column.name,
                "type": column.type,
                "format": column.format,
                "description": column.description,
                "priority": column.priority,
            }
            for column in columns
        ]

    def _row(self, entry: Entry) -> bytes:
        obj = entry.object
        conditions: Sequence[Any] = ()
        if self._columns is None:
            created = obj.metadata.creationTimestamp
            cells: list[Any] = [obj.metadata.name, created]
        else:
            cells = self._columns.cells(obj, self.now)
            conditions = self._columns.conditions(obj)
        parts = [b'{"cells":', codec.encode(cells)]
        if conditions:
            parts += [b',"conditions":', codec.encode(conditions)]
        if self._include == "Metadata":
            parts += [b',"object":', partial(entry, self._version)]
        elif self._include == "Object":
            parts += [b',"object":', entry.data]
        parts.append(b"}")
        return b"".join(parts)
