"""HTTP/1.1 over TLS, as cheap as a client can be: blocking, keep-alive, requests made beforehand.

The client shares the machine with the server, so what it costs is part of what is measured.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from podium.client import kubeconfig

READ = 256 * 1024


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body[:500]!r}")
        self.status = status


class Endpoint:
    """Where the server of a data directory is, and the administrator's credentials."""

    def __init__(self, path: Path) -> None:
        connection = kubeconfig.load([path])
        parts = urlsplit(connection.server)
        assert parts.hostname is not None
        self.host = parts.hostname
        self.port = parts.port or 443
        self._context = connection.ssl_context()

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port), timeout=600)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(plain, server_hostname=self.host)


def request(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\nUser-Agent: podium-bench\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Caller:
    """One connection, one request at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._socket = endpoint.connect()
        self._rest = b""

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, method: str, path: str, obj: Any, content_type: str = "application/json") -> Any:
        """The decoded answer. Refused unless it is a success."""
        return orjson.loads(self.exchange(request(method, path, orjson.dumps(obj), content_type)))

    def get(self, path: str) -> bytes:
        """The answer's body. Refused unless it is a success."""
        return self.exchange(request("GET", path))

    def exchange(self, sent: bytes) -> bytes:
        self._socket.sendall(sent)
        status, headers = self._head()
        length = headers.get(b"content-length")
        body = b"".join(self._chunks()) if length is None else self._exactly(int(length))
        if status >= 300:
            raise Refused(status, body)
        return body

    def watch(self, path: str) -> Iterator[Any]:
        """The events of a watch, until the caller stops asking. The connection is of no use afterwards."""
        self._socket.sendall(request("GET", path))
        status, _ = self._head()
        if status >= 300:
            raise Refused(status, b"")
        rest = b""
        for chunk in self._chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield orjson.loads(line)

    def _head(self) -> tuple[int, dict[bytes, bytes]]:
        lines = self._until(b"\r\n\r\n").split(b"\r\n")
        fields = (line.split(b":", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value.strip() for name, value in fields}

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            yield self._exactly(size + 2)[:-2]
        self._until(b"\r\n")

    def _until(self, end: bytes) -> bytes:
        while (at := self._rest.find(end)) < 0:
            self._more()
        found, self._rest = self._rest[: at + len(end)], self._rest[at + len(end) :]
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _more(self) -> None:
        data = self._socket.recv(READ)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._rest += data
