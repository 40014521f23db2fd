"""The API servers behind APIServices: connections to them, and what they said when they were last asked.

They are shown the front proxy's certificate, by which they know that X-Remote- headers are to be believed. Their own
has to be from the authority in the APIService, for SERVICE.NAMESPACE.svc, unless that says not to look.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from podium.machinery import errors
from podium.models import codec
from podium.models.apiregistration_v1 import APIService
from podium.models.meta_v1 import APIResource, APIResourceList
from podium.registry import aggregation
from podium.registry.registry import Registry
from podium.registry.types import User
from podium.server.aggregation.headers import identity
from podium.server.aggregation.resolve import Target, Unresolved, server_name, targets
from podium.server.pki import Pair

AGGREGATOR = User("system:kube-aggregator", ("system:masters",))
MOST_CONNECTIONS = 1000
CONNECT_SECONDS = 10.0
PROBE_SECONDS = 5.0
GET_SECONDS = 30.0
MOST_ASKED = 5
"""How many endpoints are asked at once whether they answer."""
LONGEST_ANSWER = 16 * 1024 * 1024
"""Of what this server reads for itself; what clients ask for is passed on in pieces."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What an API server said that it serves."""

    resources: tuple[APIResource, ...] = ()
    fresh: bool = False
    """Whether it said so when it was last asked."""
    openapi: str = ""
    """Where it describes them (OpenAPI v3); empty: nowhere."""


class _OpenApiPath(msgspec.Struct):
    serverRelativeURL: str = ""


class _OpenApiIndex(msgspec.Struct):
    paths: dict[str, _OpenApiPath] = {}


class ExtensionServers:
    """registry.aggregation.Extensions over HTTPS."""

    def __init__(self, registry: Registry, rng: Random, certificate: Pair) -> None:
        self._registry = registry
        self._rng = rng
        self._certificate = certificate
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[str, tuple[object, ssl.SSLContext]] = {}
        self._no_check: ssl.SSLContext | None = None
        self._discovered: dict[str, Discovered] = {}

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def discovered(self, service: APIService) -> Discovered:
        return self._discovered.get(service.metadata.name, Discovered())

    # registry.aggregation.Extensions

    async def get(self, service: APIService, user: User, path: str, query: Mapping[str, str]) -> bytes:
        from podium.client.http import error_of  # most servers are never asked, and start without it

        headers = CIMultiDict({"Accept": "application/json"})
        headers.extend(identity(user))
        url = URL(f"{path}?{urlencode(query, quote_via=quote)}", encoded=True)
        try:
            async with self.request(service, "GET", url, headers, total=GET_SECONDS) as response:
                body = await _read(response)
        except Unresolved as error:
            raise errors.ServiceUnavailable(aggregation.UNAVAILABLE) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise errors.ServiceUnavailable(f"error trying to reach service: {said(error)}") from error
        if response.status >= 400:
            raise error_of(body, response.status)
        return body

    async def probe(self, service: APIService) -> str:
        group, version = service.spec.group, service.spec.version
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        self._forget_others()
        try:
            places = targets(self._registry, service)
        except Unresolved as error:
            return self._found(service, None, str(error))
        asked = self._rng.sample(places, min(len(places), MOST_ASKED))
        answers = await asyncio.gather(*(self._ask(service, place, path) for place in asked))
        for place, answer in zip(asked, answers, strict=True):
            if not isinstance(answer, str):
                openapi = await self._openapi(service, place, path.lstrip("/"))
                return self._found(service, Discovered(_resources(answer), True, openapi), "")
        last = answers[-1]
        assert isinstance(last, str)
        return self._found(service, None, last)

    def _found(self, service: APIService, fresh: Discovered | None, problem: str) -> str:
        """Remember what it said; if nothing, what it said before is no longer sure."""
        self._discovered[service.metadata.name] = fresh or replace(self.discovered(service), fresh=False)
        return problem

    async def _ask(self, service: APIService, place: Target, path: str) -> bytes | str:
        """The list of its resources, or what went wrong. Its certificate isn't looked at: nobody is told anything."""
        url = f"{place.url}{path}"
        try:
            async with self._at(place, service, "GET", path, identity(AGGREGATOR), check=False) as response:
                body = await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError, errors.StatusError) as error:
            return f'failing or missing response from {url}: Get "{url}": {said(error)}'
        if not 200 <= response.status < 300:
            return f"failing or missing response from {url}: bad status from {url}: {response.status}"
        return body

    async def _openapi(self, service: APIService, place: Target, key: str) -> str:
        try:
            async with self._at(place, service, "GET", "/openapi/v3", identity(AGGREGATOR)) as response:
                body = await _read(response)
            if response.status != 200:
                return ""
            found = msgspec.json.decode(body, type=_OpenApiIndex).paths.get(key)
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError, errors.StatusError):
            return ""  # it needn't have any
        return "" if found is None else found.serverRelativeURL

    def _forget_others(self) -> None:
        names = {service.metadata.name for service in aggregation.extensions(self._registry.core)}
        self._discovered = {name: found for name, found in self._discovered.items() if name in names}
        self._contexts = {name: found for name, found in self._contexts.items() if name in names}

    # Connections

    @asynccontextmanager
    async def request(
        self,
        service: APIService,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes | None = None,
        *,
        total: float | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request to any endpoint. `url` is its path and query; `total`: seconds for all of the answer."""
        place = self.choose(service)
        async with self._open().request(
            method,
            URL(f"{place.url}{url.raw_path_qs}", encoded=True),
            headers=headers,
            data=None if body is None else io.BytesIO(body),
            ssl=self.context(service),
            server_hostname=server_name(service),
            timeout=aiohttp.ClientTimeout(total=total, connect=CONNECT_SECONDS),
            allow_redirects=False,
        ) as response:
            yield response

    def choose(self, service: APIService) -> Target:
        """An endpoint, by chance; Unresolved."""
        return self._rng.choice(targets(self._registry, service))

    @asynccontextmanager
    async def _at(
        self, place: Target, service: APIService, method: str, path: str, headers: CIMultiDict[str], check: bool = True
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers.add("Accept", "application/json")
        async with self._open().request(
            method,
            URL(f"{place.url}{path}", encoded=True),
            headers=headers,
            ssl=self.context(service) if check else self._unchecked(),
            server_hostname=server_name(service),
            timeout=aiohttp.ClientTimeout(total=PROBE_SECONDS),
            allow_redirects=False,
        ) as response:
            yield response

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._session

    def context(self, service: APIService) -> ssl.SSLContext:
        """How to speak TLS with it; ServiceUnavailable if its caBundle is no certificate."""
        spec, name = service.spec, service.metadata.name
        key = (spec.caBundle, spec.insecureSkipTLSVerify, server_name(service), self._certificate)
        known = self._contexts.get(name)
        if known is not None and known[0] == key:
            return known[1]
        try:
            context = _context(spec.caBundle, check=not spec.insecureSkipTLSVerify)
        except (ssl.SSLError, ValueError) as error:
            raise errors.ServiceUnavailable("unable to load root certificates: caBundle is no certificate") from error
        self._show_certificate(context)
        self._contexts[name] = (key, context)
        return context

    def _unchecked(self) -> ssl.SSLContext:
        if self._no_check is None:
            self._no_check = _context(b"", check=False)
            self._show_certificate(self._no_check)
        return self._no_check

    def _show_certificate(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)


def _context(bundle: bytes, *, check: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not check:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif bundle:
        # Whatever is in the bundle is trusted as it is, also a certificate that is no authority's.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=bundle.decode("ascii"))
    else:
        context.load_default_certs()
    return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > LONGEST_ANSWER:
            raise errors.ServiceUnavailable("the answer is too long")
        pieces.append(piece)
    return b"".join(pieces)


def _resources(body: bytes) -> tuple[APIResource, ...]:
    """Nothing if it answers with something else: it is there, and that is all that it has to be."""
    try:
        return codec.decode(body, APIResourceList).resources
    except msgspec.DecodeError:
        return ()


def said(error: BaseException) -> str:
    """What went wrong; some errors have no text."""
    return str(error) or ("timed out" if isinstance(error, TimeoutError) else type(error).__name__)
