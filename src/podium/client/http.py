"""The transport over HTTP: to any Kubernetes API server, with JSON on the wire.

Errors come out as they went in: a Status becomes the StatusError that the server raised. A server that can't be
reached is ServiceUnavailable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import msgspec

from podium.client.kubeconfig import Connection
from podium.client.transport import ObjectEvent, ObjectList, PatchType, Selection
from podium.machinery import errors
from podium.models import autoscaling_v1, codec, meta_v1
from podium.models.base import Struct
from podium.models.resources import ResourceType

PAGE = 500
WATCH_SECONDS = 540
"""So long the server is asked to keep a watch open; a connection that is silent for longer is dead."""
CONNECT_SECONDS = 10
_JSON = "application/json"
_PATCH_TYPES: Mapping[PatchType, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class _List(Struct):
    metadata: meta_v1.ListMeta = msgspec.field(default_factory=lambda: meta_v1.ListMeta())
    items: tuple[msgspec.Raw, ...] | None = ()


class _Event(Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(Struct):
    metadata: meta_v1.ObjectMeta


class HttpTransport:
    """Use as an asynchronous context manager, or `close` it at the end."""

    def __init__(self, connection: Connection, user_agent: str = "podium") -> None:
        self._connection = connection
        headers = {"User-Agent": user_agent}
        if connection.token:
            headers["Authorization"] = f"Bearer {connection.token}"
        secure = connection.server.startswith("https:")
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0, ssl=connection.ssl_context() if secure else True),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SECONDS, sock_read=WATCH_SECONDS + CONNECT_SECONDS
            ),
        )

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    def as_controller(self, name: str) -> HttpTransport:
        """Itself: it acts as whoever its credentials are for."""
        return self

    async def get(self, resource: ResourceType, namespace: str, name: str, subresource: str = "") -> Any:
        return _decode(resource, await self.call("GET", resource.path(namespace, name, subresource)))

    async def list(self, resource: ResourceType, selection: Selection) -> ObjectList:
        items: list[Any] = []
        query = {**_selectors(selection), "limit": str(PAGE)}
        while True:
            page = codec.decode(await self.call("GET", resource.path(selection.namespace), query=query), _List)
            items += (codec.decode(item, resource.model) for item in page.items or ())
            if not page.metadata.continue_:
                return ObjectList(tuple(items), page.metadata.resourceVersion)
            query["continue"] = page.metadata.continue_

    async def watch(
        self, resource: ResourceType, selection: Selection, revision: str | None
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        query = {**_selectors(selection), "watch": "true", "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(WATCH_SECONDS)
        if revision is None:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            query["resourceVersion"] = revision
        try:
            async for batch in self._events(resource, selection, query):
                yield batch
            return
        except errors.Invalid:
            if revision is not None:
                raise
        # A server from before sendInitialEvents: list, then watch from there.
        listed = await self.list(resource, selection)
        added = [ObjectEvent("ADDED", item, item.metadata.resourceVersion) for item in listed.items]
        yield [*added, ObjectEvent("BOOKMARK", None, listed.revision, initial_events_end=True)]
        async for batch in self.watch(resource, selection, listed.revision):
            yield batch

    async def create(
        self, resource: ResourceType, namespace: str, obj: Any, name: str = "", subresource: str = ""
    ) -> Any:
        body = await self.call("POST", resource.path(namespace, name, subresource), codec.encode(obj))
        return codec.decode(body, type(obj) if subresource else resource.model)

    async def update(self, resource: ResourceType, obj: Any, subresource: str = "") -> Any:
        path = resource.path(obj.metadata.namespace, obj.metadata.name, subresource)
        return _decode(resource, await self.call("PUT", path, codec.encode(obj)))

    async def patch(
        self,
        resource: ResourceType,
        namespace: str,
        name: str,
        patch: Any,
        patch_type: PatchType,
        subresource: str = "",
    ) -> Any:
        path = resource.path(namespace, name, subresource)
        body = codec.encode(patch)
        return _decode(resource, await self.call("PATCH", path, body, content_type=_PATCH_TYPES[patch_type]))

    async def delete(
        self, resource: ResourceType, namespace: str, name: str, options: meta_v1.DeleteOptions | None = None
    ) -> None:
        body = None if options is None else codec.encode(options)
        await self.call("DELETE", resource.path(namespace, name), body)

    async def versions(self, group: str) -> Sequence[str]:
        try:
            found = codec.decode(await self.call("GET", f"/apis/{group}"), meta_v1.APIGroup)
        except errors.StatusError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return ()
            raise
        preferred = found.preferredVersion.version if found.preferredVersion else ""
        names = [one.version for one in found.versions]
        return sorted(names, key=lambda name: name != preferred)

    async def ask(self, path: str, query: Mapping[str, str]) -> bytes:
        return await self.call("GET", path, query=query)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> bytes:
        """One request and the whole answer; a StatusError when it is an error."""
        headers = {"Accept": accept} if body is None else {"Accept": accept, "Content-Type": content_type}
        try:
            async with self._request(method, path, query, headers, body) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error
        if response.status >= 400:
            raise error_of(answer, response.status)
        return answer

    def _request(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str], body: bytes | None
    ) -> aiohttp.client._RequestContextManager:
        url = self._connection.server.rstrip("/") + path
        name = self._connection.server_name or None
        return self._session.request(method, url, params=query, headers=headers, data=body, server_hostname=name)

    async def _events(
        self, resource: ResourceType, selection: Selection, query: Mapping[str, str]
    ) -> AsyncIterator[Sequence[ObjectEvent]]:
        """The lines of a watch: as many in a batch as arrived together."""
        try:
            async with self._request(
                "GET", resource.path(selection.namespace), query, {"Accept": _JSON}, None
            ) as response:
                if response.status >= 400:
                    raise error_of(await response.read(), response.status)
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    if lines:
                        yield [_event(line, resource) for line in lines if line]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error


def _selectors(selection: Selection) -> dict[str, str]:
    query = {"labelSelector": selection.label_selector, "fieldSelector": selection.field_selector}
    return {key: value for key, value in query.items() if value}


def _decode(resource: ResourceType, body: bytes) -> Any:
    """The resource's own kind, or what its scale subresource answers."""
    is_scale = codec.decode(body, _Kind).kind == "Scale"
    return codec.decode(body, autoscaling_v1.Scale if is_scale else resource.model)


class _Kind(Struct):
    kind: str = ""


def _event(line: bytes, resource: ResourceType) -> ObjectEvent:
    event = codec.decode(line, _Event)
    if event.type == "ERROR":
        raise error_of(bytes(event.object), 500)
    if event.type == "BOOKMARK":
        metadata = codec.decode(event.object, _Bookmark).metadata
        ended = metadata.annotations.get("k8s.io/initial-events-end") == "true"
        return ObjectEvent("BOOKMARK", None, metadata.resourceVersion, initial_events_end=ended)
    obj = codec.decode(event.object, resource.model)
    return ObjectEvent(cast(Any, event.type), obj, obj.metadata.resourceVersion)


def _unreachable(error: Exception) -> errors.StatusError:
    return errors.ServiceUnavailable(f"the server could not be reached: {error or type(error).__name__}")


_BY_REASON: Mapping[str, type[errors.StatusError]] = {
    kind.reason: kind
    for kind in (
        errors.BadRequest,
        errors.Unauthorized,
        errors.Forbidden,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.NotAcceptable,
        errors.AlreadyExists,
        errors.Conflict,
        errors.Expired,
        errors.RequestEntityTooLarge,
        errors.UnsupportedMediaType,
        errors.Invalid,
        errors.TooManyRequests,
        errors.InternalError,
        errors.ServiceUnavailable,
        errors.Timeout,
    )
}
_BY_CODE = {kind.code: kind for kind in reversed(tuple(_BY_REASON.values()))}


def error_of(body: bytes, code: int) -> errors.StatusError:
    """The error that an answer stands for: its Status, or what its code says if a proxy answered instead."""
    try:
        status = codec.decode(body, meta_v1.Status)
    except msgspec.DecodeError:
        status = meta_v1.Status(message=body.decode(errors="replace")[:2048], code=code)
    code = status.code or code
    kind = _BY_REASON.get(status.reason) or _BY_CODE.get(code) or errors.StatusError
    error: errors.StatusError = kind.__new__(
        kind
    )  # the wording is the server's, so the kind's own way of wording it is passed over
    details = status.details
    retry_after = details.retryAfterSeconds or 0 if details else 0
    errors.StatusError.__init__(error, status.message, details=details, retry_after=retry_after)
    error.code, error.reason = code, status.reason or kind.reason
    if isinstance(error, errors.Invalid):
        error.errors = ()
    return error
