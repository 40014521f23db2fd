"""Clients that are attached to a container: each is shown what it writes, and what they type is its standard input.

They come through a socket in the container's directory and speak frames: a letter, the length in four bytes, data.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import struct
import termios
import time
from pathlib import Path

SOCKET = "attach.sock"
HEADER = struct.Struct("!cI")
TYPES, INPUT, END, SIZE = b"t", b"i", b"e", b"s"
"""Of a client: it is going to type; what it types; that was all; rows and columns of its terminal."""
OUTPUT = {"stdout": b"o", "stderr": b"r"}
"""To a client."""
DIMENSIONS = struct.Struct("!HH")
MOST_UNSEEN = 4 * 1024 * 1024
"""A client that takes nothing any more is let go: the container doesn't wait for it."""
MOST_UNREAD = 64 * 1024
"""When the program reads nothing, clients are read from no further."""
READ_SIZE = 65536
LINGER_SECONDS = 2.0


class _Client:
    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self.received = bytearray()
        self.unseen = bytearray()
        self.types = False


def path_of(directory: int) -> str:
    """The socket in an open directory. The name of a socket may have about 100 bytes, and directories are deep."""
    return f"/proc/self/fd/{directory}/{SOCKET}"


class Attachments:
    def __init__(self, poll: select.poll, directory: Path, target: int, *, terminal: bool, once: bool) -> None:
        """`target` is the program's standard input or terminal. `once`: it ends with the first client that types."""
        self._poll = poll
        self._target = target
        self._terminal = terminal
        self._once = once and not terminal
        self._unread = bytearray()
        self._ending = False
        self._clients: dict[int, _Client] = {}
        self._path = directory / SOCKET
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        place = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        try:
            self._listening.bind(path_of(place))
            os.chmod(path_of(place), 0o600)
        finally:
            os.close(place)
        self._listening.listen()
        os.set_blocking(target, False)
        poll.register(self._listening, select.POLLIN)

    def handle(self, descriptor: int, event: int) -> bool:
        """Do what a ready descriptor allows; False if it isn't one of these."""
        if descriptor == self._listening.fileno():
            self._accept()
        elif descriptor == self._target:
            self._feed()
        elif client := self._clients.get(descriptor):
            if event & select.POLLOUT:
                self._send(client)
            if event & ~select.POLLOUT and descriptor in self._clients:
                self._receive(client)
        else:
            return False
        return True

    def show(self, stream: str, data: bytes) -> None:
        """Let every client have output."""
        for client in list(self._clients.values()):
            client.unseen += HEADER.pack(OUTPUT[stream], len(data)) + data
            self._send(client)

    def close(self) -> None:
        """The container has ended: clients get what they haven't seen yet, if they take it soon.

        Each is listened to until it has seen the end: what it still types would otherwise break the connection, and
        take along what it has yet to read."""
        self._listening.close()  # first: who sees the end of this one must not get in again
        self._path.unlink(missing_ok=True)
        until = time.monotonic() + LINGER_SECONDS
        for client in self._clients.values():
            with contextlib.suppress(OSError):
                client.socket.settimeout(max(until - time.monotonic(), 0))
                client.socket.sendall(client.unseen)
                client.socket.shutdown(socket.SHUT_WR)
                while (left := until - time.monotonic()) > 0:
                    client.socket.settimeout(left)
                    if not client.socket.recv(READ_SIZE):
                        break
            client.socket.close()

    # --- clients

    def _accept(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except OSError:
            return  # it has gone again
        accepted.setblocking(False)
        self._clients[accepted.fileno()] = _Client(accepted)
        self._poll.register(accepted, select.POLLIN)

    def _receive(self, client: _Client) -> None:
        try:
            data = client.socket.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        client.received += data
        while len(client.received) >= HEADER.size:
            kind, length = HEADER.unpack_from(client.received)
            end = HEADER.size + length
            if len(client.received) < end:
                break
            content = bytes(client.received[HEADER.size : end])
            del client.received[:end]
            self._told(client, kind, content)

    def _told(self, client: _Client, kind: bytes, content: bytes) -> None:
        if kind == TYPES:
            client.types = True
        elif kind == INPUT:
            self._unread += content
            self._feed()
        elif kind == END:
            self._typed_all(client)
        elif kind == SIZE and self._terminal and self._target >= 0:
            rows, columns = DIMENSIONS.unpack(content)
            fcntl.ioctl(self._target, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _send(self, client: _Client) -> None:
        try:
            while client.unseen:
                del client.unseen[: client.socket.send(client.unseen)]
        except BlockingIOError:
            if len(client.unseen) > MOST_UNSEEN:
                self._drop(client)
                return
        except OSError:
            self._drop(client)
            return
        self._wait_for(client)

    def _wait_for(self, client: _Client) -> None:
        wanted = select.POLLIN if len(self._unread) < MOST_UNREAD else 0
        self._poll.modify(client.socket, wanted | (select.POLLOUT if client.unseen else 0))

    def _drop(self, client: _Client) -> None:
        del self._clients[client.socket.fileno()]
        self._poll.unregister(client.socket)
        client.socket.close()
        self._typed_all(client)

    # --- what they type

    def _typed_all(self, client: _Client) -> None:
        if client.types and self._once:
            client.types = False
            self._ending = True
            self._feed()

    def _feed(self) -> None:
        """Give the program what has been typed, as far as it takes it."""
        if self._target < 0:
            self._unread.clear()
            return
        waiting = bool(self._unread)
        try:
            while self._unread:
                del self._unread[: os.write(self._target, self._unread)]
        except BlockingIOError:
            self._poll.register(self._target, select.POLLOUT)
        except OSError:  # it has closed its standard input
            self._unread.clear()
            self._ending = True
        if not self._unread:
            with contextlib.suppress(KeyError):  # it is only there while something waits
                self._poll.unregister(self._target)
            if self._ending:
                os.close(self._target)
                self._target = -1
        if waiting:
            for client in self._clients.values():
                self._wait_for(client)
