"""Numbered channels over a WebSocket, from the client's side: what `exec` and `port-forward` speak."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from podium.cli.failure import Failure
from podium.cli.rest import ServerError
from podium.client.kubeconfig import Connection

CLOSE = 255
LONGEST_MESSAGE = 32 * 1024 * 1024
_QUEUE = 8
"""Messages that wait to be read before the server is told to wait."""


class Channels:
    """One open WebSocket. Several threads may send, one may receive."""

    def __init__(self, connection: Connection, path: str, query: Sequence[tuple[str, str]], protocols: str) -> None:
        """Failure, ServerError."""
        address = connection.server.rstrip("/")
        scheme = "ws" if address.startswith("http://") else "wss"
        uri = f"{scheme}://{address.partition('://')[2]}{path}?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {connection.token}"} if connection.token else {}
        try:
            self._socket = connect(
                uri,
                ssl=connection.ssl_context() if scheme == "wss" else None,
                server_hostname=connection.server_name or None if scheme == "wss" else None,
                subprotocols=[Subprotocol(name) for name in protocols.split()],
                additional_headers=headers,
                user_agent_header="podium",
                compression=None,
                proxy=None,
                ping_interval=None,
                close_timeout=1,
                max_size=LONGEST_MESSAGE,
                max_queue=_QUEUE,
            )
        except InvalidStatus as refused:
            raise _refusal(refused) from None
        except (OSError, InvalidHandshake) as problem:
            raise Failure(f"Unable to connect to the server {address}: {problem}") from None

    def __enter__(self) -> Channels:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, channel: int, data: bytes) -> bool:
        """Returns when there is room for more; False if the conversation is over."""
        try:
            self._socket.send(bytes((channel,)) + data)
        except ConnectionClosed:
            return False
        return True

    def receive(self, timeout: float | None = None) -> tuple[int, bytes] | None:
        """The next channel and its data; None at the end. TimeoutError."""
        try:
            message = self._socket.recv(timeout, decode=False)
        except ConnectionClosed:
            return None
        return (message[0], message[1:]) if message else (0, b"")

    def end(self, channel: int) -> bool:
        """Nothing more will be sent on this channel."""
        return self.send(CLOSE, bytes((channel,)))


def _refusal(refused: InvalidStatus) -> Failure:
    """The Status that the server answered instead of opening the WebSocket."""
    response = refused.response
    try:
        status = json.loads(response.body or b"")
    except ValueError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {"code": response.status_code, "message": f"the server answered {response.status_code}"}
    return ServerError(status)
