"""Load, made by a process of its own: `python -m bench.load KUBECONFIG KIND CONNECTIONS SECONDS`.

Each connection always has one request under way. Prints {"done": answers, "seconds": time, "cpu": own CPU time}; what
is answered within the first half second doesn't count.
"""

from __future__ import annotations

import itertools
import json
import os
import selectors
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.objects import LIST_NAMESPACE, config_map
from bench.wire import Endpoint, request

WARM_UP = 0.5
RECORD = 16 * 1024
"""No TLS record, so no single read, is longer."""


def measure(path: Path, kind: str, connections: int, seconds: float) -> dict[str, float]:
    """Run the load in another process; answers per second and the share of a core that the client took."""
    arguments = [str(path), kind, str(connections), str(seconds)]
    output = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "bench.load", *arguments], check=True, stdout=subprocess.PIPE
    ).stdout
    result = json.loads(output)
    return {"rate": result["done"] / result["seconds"], "client_cpu": result["cpu"] / result["seconds"]}


def requests(kind: str) -> Callable[[], bytes]:
    """What makes the next request."""
    if kind == "get":
        get = request("GET", f"/api/v1/namespaces/{LIST_NAMESPACE}/configmaps/item-0")
        return lambda: get
    if kind == "list":
        everything = request("GET", f"/api/v1/namespaces/{LIST_NAMESPACE}/configmaps")
        return lambda: everything
    # All names have the same length, so that one request is the pattern of all.
    pattern = request("POST", "/api/v1/namespaces/default/configmaps", config_map("NAME-0000000", 1500))
    before, after = pattern.split(b"NAME-0000000")
    numbers = itertools.count()
    prefix = b"post-%d-" % os.getpid()
    before = before.replace(b"Content-Length: 1500", b"Content-Length: %d" % (1500 - 12 + len(prefix) + 7))
    return lambda: b"%s%s%07d%s" % (before, prefix, next(numbers), after)


class _Connection:
    """One connection: sends, and knows when the answer is complete."""

    def __init__(self, endpoint: Endpoint, make: Callable[[], bytes]) -> None:
        self.socket = endpoint.connect()
        self.socket.setblocking(False)
        self._make = make
        self._expected = 0
        self._received = 0
        self._buffer = bytearray(RECORD)

    def send(self) -> None:
        self._expected = self._received = 0
        data = self._make()
        if self.socket.send(data) != len(data):
            raise RuntimeError("a request didn't fit into the socket's buffer")

    def receive(self) -> bool:
        """Whether the answer is complete now."""
        while True:
            try:
                size = self.socket.recv_into(self._buffer)
            except ssl.SSLWantReadError:
                return False
            if not size:
                raise ConnectionError("the server closed the connection")
            if not self._expected:
                self._expected = answer_size(bytes(self._buffer[:size]))
            self._received += size
            if self._received >= self._expected:
                return True


def answer_size(data: bytes) -> int:
    """How long the answer is that begins like this, head and body."""
    if not data.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
        raise RuntimeError(data[:300])
    end = data.index(b"\r\n\r\n") + 4
    at = data.lower().index(b"content-length:", 0, end) + 15
    return end + int(data[at : data.index(b"\r", at)])


def run(endpoint: Endpoint, kind: str, count: int, seconds: float) -> dict[str, float]:
    make = requests(kind)
    selector = selectors.DefaultSelector()
    connections = [_Connection(endpoint, make) for _ in range(count)]
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send()
    start = time.perf_counter() + WARM_UP
    end = start + seconds
    done, cpu = 0, time.process_time()
    counting = False
    while (now := time.perf_counter()) < end:
        if not counting and now >= start:
            counting, start, done, cpu = True, now, 0, time.process_time()
        for key, _ in selector.select(1):
            if key.data.receive():
                done += 1
                key.data.send()
    now = time.perf_counter()
    return {"done": done, "seconds": now - start, "cpu": time.process_time() - cpu}


def main() -> None:
    path, kind, connections, seconds = sys.argv[1:]
    print(json.dumps(run(Endpoint(Path(path)), kind, int(connections), float(seconds))))


if __name__ == "__main__":
    main()
