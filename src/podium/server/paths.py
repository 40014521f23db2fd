"""Everything that is no resource: version, health, metrics, discovery, OpenAPI, the issuer of tokens."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from podium.machinery.errors import NotAcceptable, PathNotFound
from podium.models import codec
from podium.models.conditions import is_true
from podium.registry import aggregation
from podium.registry.resources import Resource
from podium.server import version
from podium.server.discovery import Discovery, Remote, aggregated_type
from podium.server.exchange import Answer, Exchange, Headers
from podium.server.health import Health
from podium.server.metrics import RequestMetrics
from podium.server.negotiation import JSON, clauses, negotiate, wants_pretty
from podium.server.services import Services

if TYPE_CHECKING:
    from podium.server.openapi import OpenApi

_HEALTH = ("/healthz", "/livez", "/readyz")
OPENAPI_PROTOBUF = (
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
)
"""What OpenAPI v2 as protobuf is called; clients still ask for it by the second name."""
_ROOTS = (
    *("/.well-known/openid-configuration", "/api", "/apis", "/healthz", "/livez", "/metrics"),
    *("/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/readyz", "/version"),
)


class Paths:
    """Answers paths. The documents that follow from the resource table are made anew when the table changes."""

    def __init__(self, services: Services, health: Health, metrics: RequestMetrics) -> None:
        self._services = services
        self._health = health
        self._metrics = metrics
        self._table: Sequence[Resource] = ()
        self._remotes: tuple[Remote, ...] = ()
        self._discovery = Discovery(())
        self._openapi: OpenApi | None = None

    def answer(self, exchange: Exchange) -> Answer:
        path = exchange.info.path
        if path != "/":
            path = path.rstrip("/")
        if path.startswith(_HEALTH):
            answer = self._health.answer(path, exchange.query)
            if answer is not None:
                return answer
        elif path == "/version":
            return _json(exchange, version.document())
        elif path.startswith(("/api/", "/apis/")) or path in ("/api", "/apis"):
            return self._discovered(exchange, path)
        elif path.startswith("/openapi/"):
            return self._described(exchange, path)
        elif path == "/metrics":
            from podium.server.exposition import exposition  # see there

            return Answer(exposition(self._metrics), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/openid/v1/jwks":
            return Answer(codec.encode(self._services.tokens.json_web_keys()), "application/jwk-set+json")
        elif path == "/.well-known/openid-configuration":
            return Answer(codec.encode(self._services.tokens.configuration()), JSON)
        elif path == "/":
            groups = [f"/apis/{group}/{each}" for group, each in self._current().group_versions() if group]
            return _json(exchange, codec.encode({"paths": sorted((*_ROOTS, "/api/v1", *groups))}))
        raise PathNotFound

    def _current(self) -> Discovery:
        table, remotes = self._services.registry.resources(), self._remote()
        if table != self._table:
            self._openapi = None
        if table != self._table or remotes != self._remotes:
            self._table, self._remotes = table, remotes
            self._discovery = Discovery(table, remotes)
        return self._discovery

    def _remote(self) -> tuple[Remote, ...]:
        """What other API servers serve."""
        found = []
        for service in aggregation.extensions(self._services.registry.core):
            spec, said = service.spec, self._services.extensions.discovered(service)
            priorities = (spec.groupPriorityMinimum, spec.versionPriority)
            fresh = said.fresh and is_true(service.status.conditions, aggregation.AVAILABLE)
            found.append(Remote(spec.group, spec.version, priorities, said.resources, fresh))
        return tuple(found)

    def _descriptions(self) -> OpenApi:
        self._current()
        if self._openapi is None:
            from podium.server.openapi import OpenApi  # most servers are never asked, and start without it

            self._openapi = OpenApi(self._table, version.git_version())
        return self._openapi

    def _discovered(self, exchange: Exchange, path: str) -> Answer:
        accept = exchange.headers.get("Accept") or ""
        content_type = aggregated_type(accept) if path in ("/api", "/apis") else None
        if content_type is None:
            negotiate(accept)
            document = self._current().document(path, False)
            if document is None:
                raise PathNotFound
            return _json(exchange, document)
        document = self._current().document(path, True)
        assert document is not None, "/api and /apis are always there"
        return _with_etag(exchange, document, content_type)

    def _described_elsewhere(self) -> dict[str, str]:
        """Paths of group versions that other API servers describe, and where."""
        found = {}
        for service in aggregation.extensions(self._services.registry.core):
            where = self._services.extensions.discovered(service).openapi
            if where:
                found[f"apis/{service.spec.group}/{service.spec.version}"] = where
        return found

    def _described(self, exchange: Exchange, path: str) -> Answer:
        openapi = self._descriptions()
        media = _form_of_description(path, exchange.headers.get("Accept") or "*/*")
        if path == "/openapi/v3":
            return _with_etag(exchange, openapi.index(self._described_elsewhere()), JSON)
        compressed = openapi.v2(protobuf=media != JSON) if path == "/openapi/v2" else None
        if path.startswith("/openapi/v3/"):
            compressed = openapi.v3(path.removeprefix("/openapi/v3/"))
        if compressed is None:
            raise PathNotFound
        if "gzip" in exchange.headers.get("Accept-Encoding", ""):
            headers: Headers = [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
            return _with_etag(exchange, compressed, media, headers)
        return _with_etag(exchange, gzip.decompress(compressed), media)


def _form_of_description(path: str, accept: str) -> str:
    """JSON, or for v2 also protobuf: what the client prefers."""
    for clause in clauses(accept):
        if clause.admits(JSON):
            return JSON
        if path == "/openapi/v2" and clause.media in OPENAPI_PROTOBUF:
            return OPENAPI_PROTOBUF[0]
    raise NotAcceptable(f"only the following media types are accepted: {JSON}")


def _json(exchange: Exchange, document: bytes) -> Answer:
    if wants_pretty(exchange):
        document = msgspec.json.format(document, indent=2)
    return Answer(document, JSON)


def _with_etag(exchange: Exchange, body: bytes, content_type: str, headers: Headers = ()) -> Answer:
    """Not sent again to a client that has it already."""
    tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
    headers = [*headers, ("ETag", tag)]
    if exchange.headers.get("If-None-Match") == tag:
        return Answer(b"", content_type, 304, headers)
    return Answer(body, content_type, 200, headers)
