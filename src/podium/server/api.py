"""One request from beginning to end: who asks, may they, is there room, which handler, and errors as Status.

parse > authenticate > impersonate > authorize > limit > handler > answer
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from podium.machinery import errors
from podium.machinery.errors import PathNotFound, StatusError, TooManyRequests
from podium.models.meta_v1 import StatusDetails
from podium.registry.resources import Resource
from podium.registry.types import User
from podium.server.aggregation.proxy import extension_for, proxy
from podium.server.authentication.authenticator import impersonate
from podium.server.authorization.authorizer import MASTERS
from podium.server.authorization.rules import Attributes
from podium.server.discovery import NOT_SERVED
from podium.server.exchange import Answer, Dates, Deadline, Exchange, Lasting
from podium.server.handlers import components, exec, logs, portforward, read, write
from podium.server.handlers import watch as watching
from podium.server.metrics import RequestMetrics
from podium.server.negotiation import PLAIN, Shape, shape_of
from podium.server.paths import Paths
from podium.server.rendering import in_format, warning_headers
from podium.server.requests import RequestInfo, parse, parse_query
from podium.server.services import Services

logger = logging.getLogger(__name__)

Handler = Callable[[Services, Exchange, Resource], Awaitable[Answer | Lasting]]

_HANDLERS: dict[str, Handler] = {
    "get": read.get,
    "list": read.list_,
    "watch": watching.watch,
    "create": write.create,
    "update": write.update,
    "patch": write.patch,
    "delete": write.delete,
    "deletecollection": write.delete_collection,
}
_CONNECTS: dict[str, Handler] = {
    "attach": exec.attach,
    "exec": exec.exec_,
    "log": logs.log,
    "portforward": portforward.forward,
}
"""Subresources that are answered by the Pod's node, whatever the method."""
_UPGRADES = frozenset(("attach", "exec", "portforward"))
_READ_ONLY = frozenset(("get", "list", "watch"))
_IMPERSONATION = ("Impersonate-User", "Impersonate-Group", "Impersonate-Uid")


class _MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource", details=StatusDetails())


class Api:
    """Serves requests. `limits`: how many reads and writes may be in progress; `timeout`: seconds for a write."""

    def __init__(
        self, services: Services, paths: Paths, metrics: RequestMetrics, limits: dict[str, int], timeout: float
    ) -> None:
        self.services = services
        self._paths = paths
        self._metrics = metrics
        self._limits = limits
        self._timeout = timeout
        self._dates = Dates(services.clock)
        self.streams: set[asyncio.Task[None]] = set()
        """The tasks of watches and logs: whoever stops the server ends them."""
        self.stopping = False

    async def handle(self, raw: web.BaseRequest, certificate_user: User | None) -> Answer | Lasting:
        """The answer to a request, whatever happens."""
        clock = self.services.clock
        started = clock.monotonic()
        path, _, query_string = raw.path_qs.partition("?")
        answer: Answer | Lasting
        exchange = None
        info = RequestInfo(raw.method.lower(), path)
        try:
            query = parse_query(query_string)
            info = parse(raw.method, path, query)
            exchange = Exchange(raw, info, query)
            answer = await self._serve(exchange, certificate_user)
        except StatusError as error:
            answer = _refusal(exchange, error)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:
            logger.exception("%s %r failed", raw.method, info.path)
            answer = _refusal(
                exchange, errors.InternalError("an error on the server has prevented the request from succeeding")
            )
        key = self._metric_key(info)
        self._metrics.observe(key, answer.code, clock.monotonic() - started)
        answer.dates = self._dates
        if isinstance(answer, Lasting):
            self._adopt(answer, key)
        return answer

    async def _serve(self, exchange: Exchange, certificate_user: User | None) -> Answer | Lasting:
        services, info, headers = self.services, exchange.info, exchange.headers
        user = await services.authenticator.authenticate(certificate_user, headers.get("Authorization"))
        if any(name in headers for name in _IMPERSONATION):
            user = impersonate(user, headers, services.authorizer)
        exchange.user = user
        if MASTERS not in user.groups:
            services.authorizer.require(user, _attributes(info))
            if info.subresource in _UPGRADES and info.verb == "get":
                # A WebSocket begins with a GET, but running a command is no reading.
                services.authorizer.require(user, _attributes(replace(info, verb="create")))
        if info.long_running:
            return await self._routed(exchange)
        kind = "readOnly" if info.verb in _READ_ONLY else "mutating"
        in_flight = self._metrics.in_flight
        if in_flight[kind] >= self._limits[kind] and MASTERS not in user.groups:
            raise TooManyRequests("Too many requests, please try again later.", retry_after=1)
        in_flight[kind] += 1
        try:
            if kind == "readOnly":  # from memory, and without a body to wait for
                return await self._routed(exchange)
            with Deadline(services.clock, self._timeout):
                return await self._routed(exchange)
        finally:
            in_flight[kind] -= 1

    async def _routed(self, exchange: Exchange) -> Answer | Lasting:
        info = exchange.info
        services = self.services
        extension = extension_for(services.registry, services.extensions, info)
        if extension is not None:
            return await proxy(services, services.extensions, exchange, extension)
        if not info.is_resource:
            if info.verb not in ("get", "head"):
                raise _MethodNotAllowed if _is_ours(info.path) else PathNotFound
            return self._paths.answer(exchange)
        res = services.registry.resource(info.group, info.version, info.resource)
        if res is None:
            return await self._special(exchange)
        if res.deprecated:
            exchange.warnings.append(res.deprecated)
        if info.trailing or (info.namespace and not res.namespaced and not _is_of_itself(info)):
            raise PathNotFound
        if info.subresource:
            return await self._part(exchange, res)
        if not _has_method(info, res):
            raise _MethodNotAllowed
        if res.namespaced and not info.namespace and info.verb not in ("list", "watch"):
            raise _MethodNotAllowed if info.verb in ("create", "deletecollection") else PathNotFound
        if res.virtual and not res.provided:
            answer = write.review if info.verb == "create" else components.components
            return await answer(services, exchange, res)
        return await _HANDLERS[info.verb](services, exchange, res)

    async def _part(self, exchange: Exchange, res: Resource) -> Answer | Lasting:
        info = exchange.info
        subresource = res.subresources.get(info.subresource)
        if subresource is None or info.subresource in NOT_SERVED or (res.namespaced and not info.namespace):
            raise PathNotFound
        if info.verb not in subresource.verbs:
            raise _MethodNotAllowed
        handler = _CONNECTS.get(info.subresource) or _HANDLERS[info.verb]
        return await handler(self.services, exchange, res)

    async def _special(self, exchange: Exchange) -> Answer:
        """Bindings are written to a collection of their own and change Pods."""
        info = exchange.info
        if (info.group, info.version, info.resource) == ("", "v1", "bindings") and info.namespace and not info.name:
            if info.verb != "create":
                raise _MethodNotAllowed
            pods = self.services.registry.resource("", "v1", "pods")
            assert pods is not None
            return await write.bind(self.services, exchange, pods)
        raise PathNotFound

    def _metric_key(self, info: RequestInfo) -> tuple[str, ...]:
        """What is not served counts as no resource, or a client could make the server remember any number of names."""
        if info.is_resource:
            res = self.services.registry.resource(info.group, info.version, info.resource)
            if res is None or (info.subresource and info.subresource not in res.subresources):
                return RequestMetrics.key(RequestInfo(info.verb, info.path))
        return RequestMetrics.key(info)

    def _adopt(self, stream: Lasting, key: tuple[str, ...]) -> None:
        """Keep account of a stream until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self.streams.add(task)
        self._metrics.begin_long_running(key)
        stream.stopping = lambda: self.stopping

        def ended(_task: object) -> None:
            self.streams.discard(task)
            self._metrics.end_long_running(key)

        task.add_done_callback(ended)


def _attributes(info: RequestInfo) -> Attributes:
    if not info.is_resource:
        return Attributes("get" if info.verb == "head" else info.verb, path=info.path)
    return Attributes(
        info.verb, info.group, info.resource, info.subresource, info.namespace, info.name, version=info.version
    )


def _is_of_itself(info: RequestInfo) -> bool:
    """A Namespace is asked for as if it were in itself, so that RBAC's roles of a namespace speak of it, too. No path
    leads from one to another: what somebody may do in the one says nothing about the other."""
    return (info.group, info.resource) == ("", "namespaces") and info.name == info.namespace


def _has_method(info: RequestInfo, res: Resource) -> bool:
    if info.verb not in res.verbs:
        return False
    if info.verb in ("create", "deletecollection"):
        return not info.name
    return bool(info.name) or info.verb in ("list", "watch")


def _is_ours(path: str) -> bool:
    return path.startswith(("/api", "/version", "/healthz", "/livez", "/readyz", "/metrics", "/openapi"))


def _refusal(exchange: Exchange | None, error: StatusError) -> Answer:
    """The error as a Status, in the client's format if there is one that it accepts."""
    shape = PLAIN
    headers: list[tuple[str, str]] = []
    if exchange is not None:
        headers += warning_headers(exchange)
        try:
            asked = shape_of(exchange)
            shape = Shape(asked.format, pretty=asked.pretty)
        except StatusError:
            shape = PLAIN  # what it accepts we don't have: better JSON than nothing
    if error.retry_after:
        headers.append(("Retry-After", str(error.retry_after)))
    if error.code == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="kubernetes"'))
    return in_format(shape, error.status(), error.code, headers)
