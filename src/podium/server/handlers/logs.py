"""pods/log: the output of a container, fetched from the node that it runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime

from podium.machinery import field
from podium.machinery.errors import BadRequest, FieldError, Invalid, ServiceUnavailable
from podium.machinery.streams import LogOptions
from podium.models.core_v1 import Pod
from podium.registry.resources import Resource
from podium.server.exchange import Answer, Exchange, Stream
from podium.server.handlers.parameters import integer
from podium.server.requests import truth
from podium.server.services import Services

_PATIENCE = 0.5
"""Seconds that a container which is followed may be silent before the answer begins without its first line."""
_TEXT = "text/plain"


async def log(services: Services, exchange: Exchange, res: Resource) -> Answer | Stream:
    info = exchange.info
    entry = await services.registry.get(res, info.namespace, info.name)
    pod: Pod = entry.object
    options = log_options(exchange.query, pod)
    node = pod.spec.nodeName
    if not node:
        return Answer(b"", _TEXT)
    if services.node_access is None:
        raise ServiceUnavailable(f"no agent of node {node} is connected to this server")
    pieces = services.node_access.logs(node, info.namespace, info.name, options)
    begun = _Begun(pieces)
    await begun.first(services, options.follow)
    return Stream(begun.run(), _TEXT)


class _Begun:
    """A stream whose first piece is awaited before the answer begins, so that an error can still be the answer."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._next: asyncio.Task[bytes | None] = asyncio.ensure_future(_piece(pieces))

    async def first(self, services: Services, follow: bool) -> None:
        try:
            if not follow:
                await asyncio.wait((self._next,))
            else:
                patience = asyncio.ensure_future(services.clock.sleep(_PATIENCE))
                await asyncio.wait((self._next, patience), return_when=asyncio.FIRST_COMPLETED)
                patience.cancel()
        except asyncio.CancelledError:
            self._next.cancel()
            raise
        if self._next.done():
            self._next.result()  # raises what went wrong

    async def run(self) -> AsyncGenerator[bytes, None]:
        try:
            while (piece := await self._next) is not None:
                yield piece
                self._next = asyncio.ensure_future(_piece(self._pieces))
        finally:
            self._next.cancel()
            await asyncio.wait((self._next,))
            if isinstance(self._pieces, AsyncGenerator):
                await self._pieces.aclose()


async def _piece(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


def log_options(query: dict[str, str], pod: Pod) -> LogOptions:
    """The query's parameters, checked; BadRequest, Invalid."""
    since, tail, limit = (integer(query, name) for name in ("sinceSeconds", "tailLines", "limitBytes"))
    since_time = _time(query.get("sinceTime"))
    wrong: list[FieldError] = []
    if tail is not None and tail < 0:
        wrong.append(field.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        wrong.append(field.invalid("limitBytes", limit, "must be greater than 0"))
    if since is not None and since_time is not None:
        wrong.append(field.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif since is not None and since < 1:
        wrong.append(field.invalid("sinceSeconds", since, "must be greater than 0"))
    if wrong:
        raise Invalid("PodLogOptions", pod.metadata.name, wrong)
    return LogOptions(
        container=container_of(pod, query.get("container", "")),
        follow=truth(query.get("follow")),
        previous=truth(query.get("previous")),
        since_seconds=since,
        since_time=since_time,
        timestamps=truth(query.get("timestamps")),
        tail_lines=tail,
        limit_bytes=limit,
    )


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadRequest(f'parsing time "{text}": not in the format of RFC 3339')
    return found


def container_of(pod: Pod, name: str) -> str:
    """The container that is meant; without a name the only one that there is."""
    spec = pod.spec
    own = [container.name for container in spec.containers]
    initial = [container.name for container in spec.initContainers]
    ephemeral = [container.name for container in spec.ephemeralContainers]
    if name:
        if name not in (*own, *initial, *ephemeral):
            raise BadRequest(f"container {name} is not valid for pod {pod.metadata.name}")
        return name
    if len(own) == 1:
        return own[0]
    message = f"a container name must be specified for pod {pod.metadata.name}, choose one of: [{' '.join(own)}]"
    if initial:
        message += f" or one of the init containers: [{' '.join(initial)}]"
    raise BadRequest(message)
