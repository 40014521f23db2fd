"""The client's end of exec and attach: channels of a WebSocket, or SPDY streams, for the standard streams, the end,
and the terminal's size."""

from __future__ import annotations

import asyncio

import msgspec
import orjson

from podium.machinery.streams import OutputStream, StreamOptions, TerminalSize
from podium.models import codec
from podium.models.meta_v1 import Status
from podium.server.streaming.channels import CLOSE, Channels, Malformed
from podium.server.streaming.pipe import Pipe
from podium.server.streaming.spdy_connection import SpdyStream

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io")
SPDY_RESIZING = SPDY_PROTOCOLS[:2]
SPDY_STATUS = SPDY_PROTOCOLS[:1]
_LONGEST_SIZE = 4096
_CHANNELS: dict[OutputStream, int] = {"stdout": STDOUT, "stderr": STDERR}


class Size(msgspec.Struct):
    """What clients send of their terminal, with Go's names."""

    Width: int = 0
    Height: int = 0


def read_size(data: bytes) -> TerminalSize | None:
    """None if it is no size, which Kubernetes ignores."""
    try:
        size = msgspec.json.decode(data, type=Size)
    except msgspec.DecodeError:
        return None
    return TerminalSize(size.Width, size.Height) if 0 < size.Width < 65536 and 0 < size.Height < 65536 else None


class Sizes:
    """The terminal's newest size; older ones that nobody has asked for are forgotten."""

    def __init__(self) -> None:
        self._newest: TerminalSize | None = None
        self._changed = asyncio.Event()

    def set(self, size: TerminalSize) -> None:
        self._newest = size
        self._changed.set()

    async def next(self) -> TerminalSize:
        await self._changed.wait()
        self._changed.clear()
        assert self._newest is not None
        return self._newest


class WebSocketTerminal:
    """machinery.streams.ClientStreams over the channels of a WebSocket."""

    def __init__(self, channels: Channels, options: StreamOptions) -> None:
        self._channels = channels
        self._stdin = Pipe()
        self._sizes = Sizes()
        if not options.stdin:
            self._stdin.end()

    async def read(self) -> bytes:
        return await self._stdin.get()

    async def write(self, stream: OutputStream, data: bytes) -> None:
        await self._channels.send(_CHANNELS[stream], data)

    async def resized(self) -> TerminalSize:
        return await self._sizes.next()

    async def greet(self, options: StreamOptions) -> None:
        """An empty message on the first output channel tells the client that the streams are open."""
        await self._channels.send(STDOUT if options.stdout else STDERR if options.stderr else ERROR, b"")

    async def receive(self) -> None:
        """Take what the client sends until it goes."""
        try:
            while (message := await self._channels.receive()) is not None:
                channel, data = message
                if channel == STDIN:
                    await self._stdin.put(data)
                elif channel == RESIZE:
                    if (size := read_size(data)) is not None:
                        self._sizes.set(size)
                elif channel == CLOSE and data == bytes((STDIN,)):
                    self._stdin.end()
        except Malformed:
            return  # whoever breaks the protocol is as good as gone

    async def finish(self, status: Status) -> None:
        """Tell how it ended, and end the conversation."""
        if self._channels.protocol.status:
            await self._channels.send(ERROR, end_message(status))
        elif status.status != "Success":
            await self._channels.send(ERROR, status.message.encode())
        await self._channels.close()


class SpdyTerminal:
    """machinery.streams.ClientStreams over SPDY streams, each of which says what it is for."""

    def __init__(self, options: StreamOptions, protocol: str) -> None:
        wanted = {"stdin": options.stdin, "stdout": options.stdout, "stderr": options.stderr, "error": True}
        wanted["resize"] = options.tty and protocol in SPDY_RESIZING
        self._protocol = protocol
        self._missing = {name for name, asked in wanted.items() if asked}
        self._streams: dict[str, SpdyStream] = {}
        self._sizes = bytearray()
        self.complete = asyncio.Event()
        """Set when the client has opened all the streams that its request announced."""

    def opened(self, stream: SpdyStream) -> None:
        name = stream.headers.get("streamtype", "")
        if name not in self._missing:
            stream.cut()
            return
        self._missing.remove(name)
        self._streams[name] = stream
        if not self._missing:
            self.complete.set()

    async def read(self) -> bytes:
        stdin = self._streams.get("stdin")
        return await stdin.read() if stdin is not None else b""

    async def write(self, stream: OutputStream, data: bytes) -> None:
        await self._streams[stream].write(data)

    async def resized(self) -> TerminalSize:
        """Sizes come as lines of JSON."""
        resize = self._streams.get("resize")
        while resize is not None:
            line, newline, rest = self._sizes.partition(b"\n")
            if newline:
                self._sizes = rest
                if (size := read_size(bytes(line))) is not None:
                    return size
            elif (data := await resize.read()) and len(self._sizes) < _LONGEST_SIZE:
                self._sizes += data
            else:
                break
        await asyncio.Event().wait()  # there will be no other size
        raise AssertionError

    async def finish(self, status: Status) -> None:
        """Tell how it ended, and end all streams."""
        if self._protocol in SPDY_STATUS:
            await self._streams["error"].write(end_message(status))
        elif status.status != "Success":
            await self._streams["error"].write(status.message.encode())
        for stream in self._streams.values():
            await stream.end()


def end_message(status: Status) -> bytes:
    tree = {"metadata": {}, **orjson.loads(codec.encode(status))}
    tree.pop("kind", None)
    tree.pop("apiVersion", None)
    return orjson.dumps(tree)
