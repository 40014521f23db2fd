"""Numbered channels over a WebSocket, as Kubernetes' `channel.k8s.io` protocols have them.

A message is the channel's number, one byte, and data. In the base64 variants it is the number as a digit, and the data
in base64. Since v5 a client may close a channel: byte 255 and the channel's number.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from podium.machinery.errors import BadRequest
from podium.server.streaming.idle import Idle

CLOSE = 255
LONGEST_MESSAGE = 32 * 1024 * 1024
_CLOSE_PATIENCE = 2.0
"""Seconds that a client has to answer the end of the conversation."""


@dataclass(frozen=True, slots=True)
class ChannelProtocol:
    base64: bool = False
    status: bool = True
    """Whether the end is told as a Status object; before v4 it was nothing, or a message of what went wrong."""
    closing: bool = False


EXEC_PROTOCOLS = {
    "v5.channel.k8s.io": ChannelProtocol(closing=True),
    "v4.channel.k8s.io": ChannelProtocol(),
    "v4.base64.channel.k8s.io": ChannelProtocol(base64=True),
    "channel.k8s.io": ChannelProtocol(status=False),
    "base64.channel.k8s.io": ChannelProtocol(base64=True, status=False),
    "": ChannelProtocol(status=False),
}
FORWARD_PROTOCOLS = {
    "v4.channel.k8s.io": ChannelProtocol(),
    "v4.base64.channel.k8s.io": ChannelProtocol(base64=True),
    "": ChannelProtocol(),
}


class Malformed(ValueError):
    """A message that is none of the protocol's."""


def encode(protocol: ChannelProtocol, channel: int, data: bytes) -> bytes:
    if protocol.base64:
        return b"%d%b" % (channel, base64.b64encode(data))
    return bytes((channel,)) + data


def decode(protocol: ChannelProtocol, message: bytes) -> tuple[int, bytes]:
    """(channel, data); for a channel that is to be closed (CLOSE, its number as one byte). Malformed."""
    if not message:
        raise Malformed("an empty message names no channel")
    if not protocol.base64:
        if message[0] == CLOSE and protocol.closing and len(message) != 2:
            raise Malformed("a close signal names one channel")
        return message[0], message[1:]
    if not 0x30 <= message[0] <= 0x39:
        raise Malformed("a message begins with the digit of its channel")
    try:
        return message[0] - 0x30, base64.b64decode(message[1:], validate=True)
    except binascii.Error as error:
        raise Malformed("a message is not in base64") from error


def is_websocket(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def negotiate(request: web.BaseRequest, known: tuple[str, ...]) -> tuple[web.WebSocketResponse, str]:
    """A WebSocket to be opened, and the protocol to be spoken on it: the client's first that is known. BadRequest."""
    asked = [name.strip() for line in request.headers.getall("Sec-WebSocket-Protocol", ()) for name in line.split(",")]
    chosen = next((name for name in asked if name in known), "")
    if (asked and not chosen) or chosen not in known:
        raise BadRequest(f"unable to upgrade websocket connection: none of the protocols {asked} is known")
    socket = web.WebSocketResponse(
        protocols=(chosen,) if chosen else (),
        max_msg_size=LONGEST_MESSAGE,
        compress=False,
        timeout=_CLOSE_PATIENCE,
    )
    if not socket.can_prepare(request).ok:
        raise BadRequest("unable to upgrade websocket connection: the handshake is not well-formed")
    return socket, chosen


class Channels:
    """The channels of one open WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, protocol: ChannelProtocol, idle: Idle) -> None:
        self.protocol = protocol
        self._socket = socket
        self._idle = idle
        self._writing = asyncio.Lock()

    async def send(self, channel: int, data: bytes) -> None:
        """Returns when there is room for more; ConnectionError if the client has gone."""
        self._idle.touch()
        message = encode(self.protocol, channel, data)
        async with self._writing:
            if self.protocol.base64:
                await self._socket.send_str(message.decode())
            else:
                await self._socket.send_bytes(message)

    async def receive(self) -> tuple[int, bytes] | None:
        """The next message; None when the client has gone. Malformed. One that is empty only shows that it is there."""
        while True:
            message = await self._socket.receive()
            self._idle.touch()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            if message.data:
                data: bytes = message.data.encode() if message.type == WSMsgType.TEXT else message.data
                return decode(self.protocol, data)

    async def close(self) -> None:
        await self._socket.close()
