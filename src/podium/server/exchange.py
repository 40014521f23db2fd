"""One request being served, and the answers to it, as they go onto the connection.

Answers write their head and body in one piece: the general response class of the HTTP library costs as much as all the
rest of a small read.
"""

from __future__ import annotations

import asyncio
import gzip
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from multidict import CIMultiDictProxy

from podium.clock import Clock
from podium.machinery.errors import BadRequest, RequestEntityTooLarge, Timeout
from podium.registry.types import User
from podium.server.requests import RequestInfo

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

BODY_LIMIT = 3 * 1024 * 1024
COMPRESS_FROM = 128 * 1024
"""Smaller answers cost more to compress than to send."""

_COMPRESSED_ASIDE = 1024 * 1024
_WRITTEN_TOGETHER = 32 * 1024
"""Smaller bodies are written with the head: copying them costs less than a second packet."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}
Headers = Sequence[tuple[str, str]]


class Exchange:
    """A request with what has been found out about it so far."""

    __slots__ = ("headers", "info", "query", "raw", "user", "warnings")

    def __init__(self, raw: web.BaseRequest, info: RequestInfo, query: dict[str, str]) -> None:
        self.raw = raw
        self.info = info
        self.query = query
        self.headers: CIMultiDictProxy[str] = raw.headers
        self.user = User("")
        self.warnings: list[str] = []

    async def body(self) -> bytes:
        """The whole body; RequestEntityTooLarge beyond the limit."""
        raw = self.raw
        too_large = RequestEntityTooLarge(f"Request entity is too large: limit is {BODY_LIMIT}")
        length = raw.headers.get("Content-Length")
        if length is not None and int(length) > BODY_LIMIT:
            raise too_large
        content = raw.content
        if not content.is_eof() and raw.headers.get("Expect", "").lower() == "100-continue" and raw.transport:
            raw.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := await content.readany():
                size += len(chunk)
                if size > BODY_LIMIT:
                    raise too_large
                chunks.append(chunk)
        except (web.RequestPayloadError, ValueError) as error:
            raise BadRequest("the request's body is not well-formed HTTP") from error
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class Deadline:
    """Cancels the task that is inside it when its time is up, and makes that a Timeout."""

    __slots__ = ("_task", "_timer", "_up")

    def __init__(self, clock: Clock, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._up = False
        self._timer = clock.call_later(seconds, self._end)

    def _end(self) -> None:
        self._up = True
        self._task.cancel()

    def __enter__(self) -> None:
        """The time counts from when it was made."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if self._up and kind is asyncio.CancelledError and self._task.uncancel() == 0:
            raise Timeout("Timeout: request did not complete within the allotted timeout") from None


class Dates:
    """The Date header, made once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = -1.0
        self._line = b""

    def line(self) -> bytes:
        now = self._clock.monotonic()
        if now >= self._until:
            self._until = now + 1
            self._line = b"Date: " + format_datetime(self._clock.now(), usegmt=True).encode() + b"\r\n"
        return self._line


_heads: dict[tuple[int, str], bytes] = {}


def _head(status: int, content_type: str) -> bytes:
    """Status line and the headers that every answer has; there are few different ones."""
    head = _heads.get((status, content_type))
    if head is None:
        head = _heads[status, content_type] = _new_head(status, content_type)
    return head


def _new_head(status: int, content_type: str) -> bytes:
    text = f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\nCache-Control: no-cache, private\r\n"
    if content_type:
        text += f"Content-Type: {_one_line(content_type)}\r\n"
    return text.encode()


def _header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    lines = (f"{name}: {_one_line(value)}\r\n" for name, value in headers)
    return "".join(lines).encode("utf-8", "replace")


def _one_line(value: str) -> str:
    """A header ends at a line break: whatever a client put into a message must not begin another one."""
    return "".join(char if char >= " " and char != "\x7f" else " " for char in value)


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


class _WireAnswer(web.StreamResponse):
    """What the HTTP library needs to know of an answer: it is prepared, written, and whether the connection stays."""

    def __init__(self, status: int) -> None:
        # The base class would build header maps and cookies that are never used.
        self.code = status
        self._stay = True

    @property
    def keep_alive(self) -> bool:
        return self._stay

    @property
    def prepared(self) -> bool:
        return True

    @abstractmethod
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write all of it."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Everything was written when the answer was prepared."""


class Answer(_WireAnswer):
    """A whole answer. `dates` is set by the server before it is sent."""

    def __init__(
        self, body: bytes, content_type: str = "application/json", status: int = 200, headers: Headers = ()
    ) -> None:
        super().__init__(status)
        self.data = body
        self.type = content_type
        self.extra: Headers = headers
        self.dates: Dates | None = None

    async def compress(self, request: web.BaseRequest) -> None:
        """Gzip a large body if the client takes that; a very large one aside, or it would hold up the event loop."""
        if len(self.data) > COMPRESS_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
            if len(self.data) > _COMPRESSED_ASIDE:
                self.data = await asyncio.to_thread(_gzipped, self.data)
            else:
                self.data = _gzipped(self.data)
            self.extra = (*self.extra, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))

    async def prepare(self, request: web.BaseRequest) -> None:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        assert self.dates is not None
        body = self.data
        parts = [_head(self.code, self.type), self.dates.line(), b"Content-Length: %d\r\n" % len(body)]
        if self.extra:
            parts.append(_header_lines(self.extra))
        if not request.keep_alive:
            self._stay = False
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        if request.method == "HEAD" or self.code == 304:
            body = b""
        if len(body) < _WRITTEN_TOGETHER:
            parts.append(body)
            transport.write(b"".join(parts))
        else:
            transport.write(b"".join(parts))
            transport.write(body)
        await request.writer.drain()


class Lasting(_WireAnswer):
    """An answer that takes as long as it takes, and ends when the server stops."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.dates: Dates | None = None
        self.stopping: Callable[[], bool] = lambda: False


class Upgrade(Lasting):
    """The connection stops being HTTP: `run` takes it over, and when that returns it is closed.

    It runs before the HTTP library sees the answer, which would otherwise take the upgrade for declined.
    """

    def __init__(
        self, run: Callable[[web.BaseRequest], Awaitable[None]], close: Callable[[], None] = lambda: None
    ) -> None:
        """`close` lets go of what was opened for it, also when the client has gone before it could run."""
        super().__init__(101)
        self._stay = False
        self._run = run
        self._close = close

    async def run(self, request: web.BaseRequest) -> None:
        """Returns when the conversation is over, whoever ended it."""
        try:
            if request.transport is not None and not request.transport.is_closing():
                await self._run(request)
        except ConnectionError:
            return  # the client has gone
        except asyncio.CancelledError:
            task: asyncio.Task[Any] | None = asyncio.current_task()
            if not self.stopping() or task is None or task.uncancel() > 0:
                raise
        finally:
            self._close()

    async def prepare(self, request: web.BaseRequest) -> None:
        """Everything was said while it ran."""


class Stream(Lasting):
    """An answer in pieces, as they come: watches and logs."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], content_type: str, headers: Headers = ()) -> None:
        super().__init__(200)
        self.pieces = pieces
        self.type = content_type
        self.extra: Headers = headers

    async def prepare(self, request: web.BaseRequest) -> None:
        transport = request.transport
        if transport is None or transport.is_closing():
            await self.pieces.aclose()
            raise ConnectionResetError("the client has gone")
        assert self.dates is not None
        self._stay = request.keep_alive
        chunked = request.version >= (1, 1)
        lines: list[tuple[str, str]] = list(self.extra)
        lines.append(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close"))
        transport.write(_head(self.code, self.type) + self.dates.line() + _header_lines(lines) + b"\r\n")
        try:
            await self._send(request, transport, chunked)
        except asyncio.CancelledError:
            task: asyncio.Task[Any] | None = asyncio.current_task()
            if not self.stopping() or task is None or task.uncancel() > 0:
                raise
        finally:
            await self.pieces.aclose()
        if not chunked:
            self._stay = False
        elif not transport.is_closing():
            transport.write(b"0\r\n\r\n")

    async def _send(self, request: web.BaseRequest, transport: asyncio.WriteTransport, chunked: bool) -> None:
        writer = request.writer
        async for piece in self.pieces:
            if transport.is_closing():
                raise ConnectionResetError("the client has gone")
            if piece:
                transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()


class Relay(Lasting):
    """Another server's answer, passed on as it comes. `close` lets go of it, whatever has become of the client.

    If the answer breaks off, so does the connection: a part must not pass for the whole.
    """

    def __init__(
        self,
        status: int,
        content_type: str,
        headers: Headers,
        pieces: AsyncIterator[bytes],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(status)
        self.type = content_type
        self.extra = headers
        self.length: int | None = None
        """Of the body, if it is known; None: it is sent in chunks."""
        self.bodiless = False
        self.deadline: Callable[[], AbstractContextManager[None]] = nullcontext
        """How long the client may take to read it."""
        self._pieces = pieces
        self._close = close

    async def prepare(self, request: web.BaseRequest) -> None:
        try:
            transport = request.transport
            if transport is None or transport.is_closing():
                raise ConnectionResetError("the client has gone")
            with self.deadline():
                await self._send(request, transport)
        except asyncio.CancelledError:
            task: asyncio.Task[Any] | None = asyncio.current_task()
            if not self.stopping() or task is None or task.uncancel() > 0:
                raise
            self._stay = False
        except Timeout as error:
            raise ConnectionResetError("the client takes too long") from error
        finally:
            await self._close()

    async def _send(self, request: web.BaseRequest, transport: asyncio.WriteTransport) -> None:
        assert self.dates is not None
        chunked = self.length is None and not self.bodiless and request.version >= (1, 1)
        self._stay = request.keep_alive and (chunked or self.bodiless or self.length is not None)
        lines = list(self.extra)
        if self.length is not None and self.code != 204:
            lines.append(("Content-Length", str(self.length)))
        if chunked:
            lines.append(("Transfer-Encoding", "chunked"))
        if not self._stay:
            lines.append(("Connection", "close"))
        transport.write(_new_head(self.code, self.type) + self.dates.line() + _header_lines(lines) + b"\r\n")
        if self.bodiless:
            return
        async for piece in self._pieces:
            if transport.is_closing():
                raise ConnectionResetError("the client has gone")
            if piece:
                transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await request.writer.drain()
        if chunked:
            transport.write(b"0\r\n\r\n")
