"""SPDY/3.1's frames, as far as kubectl's port-forward and older clients' exec need them. Bytes in, frames out: no I/O.

https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/. Header blocks of one direction share one zlib
stream, which begins with a dictionary. Clients of Kubernetes send no SETTINGS and keep to no flow-control windows.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

VERSION = 3
FIN, UNIDIRECTIONAL = 1, 2
LONGEST_FRAME = 1024 * 1024
LONGEST_HEADERS = 64 * 1024
MOST_HEADERS = 100

_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_MORE_NAMES = "url public set-cookie keep-alive origin"
_TEXTS = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(words: Iterable[str]) -> bytes:
    return b"".join(struct.pack(">I", len(word)) + word.encode() for word in words)


DICTIONARY = _counted((*_NAMES.split(), "200 OK", "version", "HTTP/1.1", *_MORE_NAMES.split())) + _TEXTS.encode()
"""What the zlib streams of header blocks begin with (2.6.10.1)."""


class ProtocolError(ValueError):
    """Bytes that are no SPDY/3.1: the connection can't go on."""


class Type(IntEnum):
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class Reset(IntEnum):
    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    CANCEL = 5


@dataclass(frozen=True, slots=True)
class Data:
    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """SYN_STREAM, or the SYN_REPLY or HEADERS of a stream that is there."""

    stream: int
    headers: Mapping[str, str]
    fin: bool = False
    type: Type = Type.SYN_STREAM


@dataclass(frozen=True, slots=True)
class ResetStream:
    stream: int
    status: int


@dataclass(frozen=True, slots=True)
class Ping:
    id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream: int


Frame = Data | Opened | ResetStream | Ping | GoAway


class Framer:
    """One end of a connection: what comes is parsed, what goes is written. Both directions have a zlib stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete with this data; ProtocolError. Those of no interest here are left out."""
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= 8:
            word, flags_length = struct.unpack_from(">II", buffer, start)
            length = flags_length & 0xFFFFFF
            if length > LONGEST_FRAME:
                raise ProtocolError(f"a frame of {length} bytes is too long")
            end = start + 8 + length
            if len(buffer) < end:
                break
            frame = self._frame(word, flags_length >> 24, bytes(buffer[start + 8 : end]))
            if frame is not None:
                frames.append(frame)
            start = end
        del buffer[:start]
        return frames

    def _frame(self, word: int, flags: int, body: bytes) -> Frame | None:
        if not word & 0x80000000:
            if word == 0:
                raise ProtocolError("data of no stream")
            return Data(word, body, bool(flags & FIN))
        if word >> 16 & 0x7FFF != VERSION:
            raise ProtocolError(f"version {word >> 16 & 0x7FFF} instead of {VERSION}")
        try:
            kind = Type(word & 0xFFFF)
        except ValueError:
            return None  # "if an endpoint receives a control frame of a type it doesn't recognize, it must ignore it"
        return self._control(kind, flags, body)

    def _control(self, kind: Type, flags: int, body: bytes) -> Frame | None:
        try:
            if kind is Type.PING:
                return Ping(*struct.unpack(">I", body))
            if kind is Type.RST_STREAM:
                stream, status = struct.unpack(">II", body)
                return ResetStream(stream & 0x7FFFFFFF, status)
            if kind is Type.GOAWAY:
                return GoAway(struct.unpack(">II", body)[0] & 0x7FFFFFFF)
            if kind in (Type.SETTINGS, Type.WINDOW_UPDATE):
                return None
            stream = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
        except struct.error as error:
            raise ProtocolError(f"a {kind.name} frame of {len(body)} bytes") from error
        skip = 10 if kind is Type.SYN_STREAM else 4
        if stream == 0 or len(body) < skip:
            raise ProtocolError(f"a {kind.name} frame of {len(body)} bytes for stream {stream}")
        return Opened(stream, self._headers(body[skip:]), bool(flags & FIN), kind)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block, LONGEST_HEADERS)
        except zlib.error as error:
            raise ProtocolError("headers that can't be decompressed") from error
        if self._inflate.unconsumed_tail or self._inflate.eof:
            raise ProtocolError("headers that are too long, or the end of all headers")
        return read_headers(plain)

    def opened(self, kind: Type, stream: int, headers: Mapping[str, str], *, fin: bool = False) -> bytes:
        """SYN_STREAM, SYN_REPLY or HEADERS."""
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            plain += _counted((name.lower(), value))
        block = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        rest = bytes(6) if kind is Type.SYN_STREAM else b""
        return _control(kind, struct.pack(">I", stream) + rest + block, FIN if fin else 0)


def read_headers(plain: bytes) -> dict[str, str]:
    """Names and values of a header block that is no longer compressed; ProtocolError."""
    try:
        (count,) = struct.unpack_from(">I", plain)
        if count > MOST_HEADERS:
            raise ProtocolError(f"{count} headers are too many")
        texts: list[str] = []
        at = 4
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", plain, at)
            at += 4
            if at + length > len(plain):
                raise ProtocolError("headers that end too early")
            texts.append(plain[at : at + length].decode())
            at += length
    except (struct.error, UnicodeDecodeError) as error:
        raise ProtocolError("headers that are not well-formed") from error
    if at != len(plain):
        raise ProtocolError("headers with something behind them")
    return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}


def _control(kind: Type, body: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(body)) + body


def data(stream: int, payload: bytes, *, fin: bool = False) -> bytes:
    return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(payload)) + payload


def reset(stream: int, status: Reset) -> bytes:
    return _control(Type.RST_STREAM, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    return _control(Type.PING, struct.pack(">I", number))


def go_away(last_stream: int) -> bytes:
    return _control(Type.GOAWAY, struct.pack(">II", last_stream, 0))
