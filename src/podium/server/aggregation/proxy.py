"""Passes a request on to the API server that answers for its group version, and the answer back, piece by piece.

Who asks and whether they may has been settled before. Only paths that authorization understood are passed on, spelled
as it understood them: two servers that read a path differently are how rules are got round.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from urllib.parse import parse_qsl, quote, urlencode

import aiohttp
from yarl import URL

from podium.machinery.errors import StatusError
from podium.models.apiregistration_v1 import APIService
from podium.registry import aggregation
from podium.registry.registry import Registry
from podium.server.aggregation.headers import forwarded, returned
from podium.server.aggregation.resolve import Unresolved
from podium.server.aggregation.servers import ExtensionServers, said
from podium.server.aggregation.tunnel import tunnel, wants_upgrade
from podium.server.exchange import Answer, Deadline, Exchange, Headers, Lasting, Relay
from podium.server.requests import RequestInfo
from podium.server.services import Services

TOTAL_SECONDS = 60.0
"""For a request's body; and, unless it is a watch or the like, until its answer begins, and then until it ends."""
_PATH_CHARACTERS = "/$&+,:;=@*!'()~"
_OPENAPI = "/openapi/v3/"
_PLAIN = "text/plain; charset=utf-8"


def extension_for(registry: Registry, servers: ExtensionServers, info: RequestInfo) -> APIService | None:
    """The APIService whose server answers this request; None for what is answered here."""
    if info.is_resource:
        return aggregation.extension(registry.core, info.group, info.version)
    path = info.path.removesuffix("/")
    described = path.startswith(_OPENAPI)
    parts = (path.removeprefix(_OPENAPI) if described else path[1:]).split("/")
    if len(parts) == 3 and parts[0] == "apis":
        group, version = parts[1:]
    elif len(parts) == 2 and parts[0] == "api":
        group, version = "", parts[1]
    else:
        return None
    service = aggregation.extension(registry.core, group, version)
    if service is None or (described and not servers.discovered(service).openapi):
        return None
    return service


async def proxy(
    services: Services, servers: ExtensionServers, exchange: Exchange, service: APIService
) -> Answer | Lasting:
    try:
        aggregation.require_available(service)
        if wants_upgrade(exchange):
            return await tunnel(services, servers, exchange, service, _url(exchange))
        return await _relayed(services, servers, exchange, service)
    except Unresolved:
        return _unavailable(aggregation.UNAVAILABLE)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return _unavailable(f"error trying to reach service: {said(error)}")
    except StatusError as error:
        if error.code != 503:
            raise
        return _unavailable(error.message)


async def _relayed(
    services: Services, servers: ExtensionServers, exchange: Exchange, service: APIService
) -> Answer | Relay:
    def limit() -> AbstractContextManager[None]:
        return nullcontext() if exchange.info.long_running else Deadline(services.clock, TOTAL_SECONDS)

    with Deadline(services.clock, TOTAL_SECONDS):
        body = await exchange.body()
    headers = forwarded(exchange.headers, exchange.user)
    method = exchange.raw.method
    async with AsyncExitStack() as stack:
        request = servers.request(service, method, _url(exchange), headers, body or None, total=None)
        with limit():
            response = await stack.enter_async_context(request)
        if response.status < 200:
            return _unavailable("error trying to reach service: an upgrade that nobody asked for")
        kept = stack.pop_all()
    content_type = response.headers.get("Content-Type", "")
    relay = Relay(response.status, content_type, returned(response.headers), _pieces(response), kept.aclose)
    length = response.headers.get("Content-Length", "")
    relay.length = int(length) if length.isascii() and length.isdigit() else None
    relay.bodiless = method == "HEAD" or response.status in (204, 304)
    relay.deadline = limit
    return relay


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in response.content.iter_any():
            yield piece
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ConnectionResetError(f"the other API server broke off: {said(error)}") from error


def _url(exchange: Exchange) -> URL:
    """Path and query, in the one spelling that leaves nobody a choice how to read them."""
    path = quote(exchange.info.path, safe=_PATH_CHARACTERS)
    parameters = parse_qsl(exchange.raw.path_qs.partition("?")[2], keep_blank_values=True, errors="surrogateescape")
    query = urlencode(parameters, quote_via=quote, safe="", errors="surrogateescape")
    return URL(f"{path}?{query}" if query else path, encoded=True)


def _unavailable(why: str) -> Answer:
    headers: Headers = [("X-Content-Type-Options", "nosniff")]
    return Answer(why.encode() + b"\n", _PLAIN, 503, headers)
