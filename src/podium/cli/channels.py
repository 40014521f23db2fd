"""Numbered channels over a WebSocket, from the client's side: what `exec` and `port-forward` speak.

The connection belongs to an event loop in a thread of its own. A blocking client would read in one thread while another
writes, and the TLS of Python before 3.13 loses what is sent then, now and again.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from podium.cli.failure import Failure
from podium.cli.rest import ServerError
from podium.client.kubeconfig import Connection

T = TypeVar("T")
CLOSE = 255
LONGEST_MESSAGE = 32 * 1024 * 1024
OPEN_SECONDS = 30
_QUEUE = 8
"""Messages that wait to be read before the server is told to wait."""


class _Closed(Exception):
    """This end has closed the connection."""


class Channels:
    """One open WebSocket. Several threads may send, one may receive."""

    def __init__(self, connection: Connection, path: str, query: Sequence[tuple[str, str]], protocols: str) -> None:
        """Failure, ServerError."""
        address = connection.server.rstrip("/")
        scheme = "ws" if address.startswith("http://") else "wss"
        uri = f"{scheme}://{address.partition('://')[2]}{path}?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {connection.token}"} if connection.token else {}
        secure: dict[str, Any] = {}
        if scheme == "wss":
            secure = {"ssl": connection.ssl_context(), "server_hostname": connection.server_name or None}
        opening = connect(
            uri,
            subprotocols=[Subprotocol(name) for name in protocols.split()],
            additional_headers=headers,
            user_agent_header="podium",
            compression=None,
            proxy=None,
            open_timeout=OPEN_SECONDS,
            ping_interval=None,
            close_timeout=1,
            max_size=LONGEST_MESSAGE,
            max_queue=_QUEUE,
            **secure,
        )
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        opened: Future[ClientConnection] = Future()
        self._thread = threading.Thread(target=self._run, args=(opening, opened), name="channels", daemon=True)
        self._thread.start()
        try:
            self._socket = opened.result()
        except InvalidStatus as refused:
            raise _refusal(refused) from None
        except (OSError, InvalidHandshake) as problem:
            raise Failure(f"Unable to connect to the server {address}: {problem}") from None

    def __enter__(self) -> Channels:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def send(self, channel: int, data: bytes) -> bool:
        """Returns when there is room for more; False if the conversation is over."""
        try:
            self._wait(self._socket.send(bytes((channel,)) + data))
        except (ConnectionClosed, _Closed):
            return False
        return True

    def receive(self, timeout: float | None = None) -> tuple[int, bytes] | None:
        """The next channel and its data; None at the end. TimeoutError."""

        async def next_message() -> bytes:
            return await asyncio.wait_for(self._socket.recv(decode=False), timeout)

        try:
            message = self._wait(next_message())
        except (ConnectionClosed, _Closed):
            return None
        return (message[0], message[1:]) if message else (0, b"")

    def end(self, channel: int) -> bool:
        """Nothing more will be sent on this channel."""
        return self.send(CLOSE, bytes((channel,)))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns. It is cancelled if the one who waits is interrupted."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise _Closed from None
        try:
            return future.result()
        except CancelledError:
            raise _Closed from None
        finally:
            future.cancel()

    def _run(self, opening: connect, opened: Future[ClientConnection]) -> None:
        """The thread: keep the connection until it is over."""

        async def keep() -> None:
            try:
                async with opening as socket:
                    opened.set_result(socket)
                    await self._over.wait()
            except BaseException as problem:
                if opened.done():
                    raise
                opened.set_exception(problem)

        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(keep())


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
