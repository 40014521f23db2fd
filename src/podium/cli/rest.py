"""Requests of the command line to an API server.

Synchronous, on the standard library: a command makes a handful of requests one after the other, and starts 150 ms
sooner without an event loop and an HTTP framework.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from podium.cli.failure import Failure
from podium.client.kubeconfig import Connection

JSON = "application/json"
YAML = "application/yaml"
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ServerError(Failure):
    """An error that the server answered, worded as kubectl words it. `status` is the Status object."""

    def __init__(self, status: Mapping[str, Any]) -> None:
        super().__init__(_wording(status))
        self.status = status
        self.code = int(status.get("code") or 500)
        self.reason = str(status.get("reason") or "")

    def because(self, context: str) -> ServerError:
        """The same error, its message led by what was being done."""
        return ServerError({**self.status, "message": context + str(self.status.get("message") or "unknown error")})


def _wording(status: Mapping[str, Any]) -> str:
    reason, message = status.get("reason") or "", str(status.get("message") or "unknown error")
    if reason == "Invalid":
        details = status.get("details") or {}
        causes = [_cause(cause) for cause in details.get("causes") or ()]
        start = "The request is invalid"
        if details.get("kind") or details.get("name"):
            start = f'The {details.get("kind") or ""} "{details.get("name") or ""}" is invalid'
        elif not causes:
            return f"{start}: {message}"
        if len(causes) == 1:
            return f"{start}: {causes[0]}"
        return "\n* ".join([f"{start}: ", *causes]) if causes else start
    if reason == "Unauthorized":
        return "error: You must be logged in to the server (Unauthorized)"
    return f"Error from server ({reason}): {message}" if reason else f"Error from server: {message}"


def _cause(cause: Mapping[str, Any]) -> str:
    field, message = cause.get("field"), cause.get("message") or ""
    return f"{field}: {message}" if field else str(message)


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    content_type: str

    def tree(self) -> Any:
        return json.loads(self.body)


class Api:
    """One connection to a server, reused from request to request. Warnings of the server go to standard error."""

    def __init__(self, connection: Connection, timeout: float | None = None) -> None:
        self.server = urlsplit(connection.server)
        self._connection = connection
        self._timeout = timeout
        self._http: http.client.HTTPConnection | None = None
        self._warned: set[str] = set()

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        """The answer; ServerError if it is an error. `body` is bytes, or a tree that is sent as JSON."""
        response = self._send(self._open(), method, path, query, body, content_type, accept)
        return Answer(response.read(), response.headers.get("Content-Type", ""))

    def tree(self, method: str, path: str, **options: Any) -> Any:
        return self.request(method, path, **options).tree()

    def stream(self, path: str, *, query: Mapping[str, str] | None = None, accept: str = JSON) -> Generator[bytes]:
        """The answer's lines as they come, on a connection of their own, until the server ends it."""
        connection = self._connect()
        try:
            with self._send(connection, "GET", path, query, None, JSON, accept) as response:
                while line := response.readline():
                    yield line
        except TimeoutError:
            return
        finally:
            connection.close()

    def _open(self) -> http.client.HTTPConnection:
        if self._http is None:
            self._http = self._connect()
        return self._http

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.server.hostname or "", self.server.port
        if self.server.scheme == "http":
            return http.client.HTTPConnection(host, port or 80, timeout=self._timeout)
        context = self._connection.ssl_context()
        return http.client.HTTPSConnection(host, port or 443, timeout=self._timeout, context=context)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
    ) -> http.client.HTTPResponse:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
        target = self.server.path.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": accept, "User-Agent": "podium"}
        if body is not None:
            headers["Content-Type"] = content_type
        if self._connection.token:
            headers["Authorization"] = f"Bearer {self._connection.token}"
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
        except ConnectionRefusedError:
            raise Failure(
                f"The connection to the server {self.server.netloc} was refused - did you specify the right host or"
                " port?"
            ) from None
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            raise Failure(f"Unable to connect to the server: {why}") from None
        except ssl.SSLError as problem:
            raise Failure(f"Unable to connect to the server: {problem}") from None
        except (OSError, http.client.HTTPException, socket.gaierror) as problem:
            raise Failure(f"Unable to connect to the server {self.server.netloc}: {problem}") from None
        for warning in response.headers.get_all("Warning") or ():
            self._warn(warning)
        if response.status >= 400:
            raise ServerError(_status_of(response))
        return response

    def _warn(self, header: str) -> None:
        text = warning_text(header)
        if text and text not in self._warned:
            self._warned.add(text)
            click.echo(f"Warning: {text}", err=True)


def warning_text(header: str) -> str:
    """What a Warning header says: `299 - "unknown field \\"spec.x\\""` says `unknown field "spec.x"`."""
    quoted = header.partition('"')[2].removesuffix('"')
    return re.sub(r"\\(.)", r"\1", quoted)


def _status_of(response: http.client.HTTPResponse) -> dict[str, Any]:
    body = response.read()
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return status
    text = body.decode(errors="replace").strip() or response.reason
    return {"code": response.status, "reason": "", "message": text}
